#!/usr/bin/env python3
"""Signs for Tencent Cloud Market with `requests`, as the market's samples do, and checks the
answers. Then compares what the example sign signs.

    HMAC_KEY_ID=… HMAC_SECRET_KEY=… client.py http://127.0.0.1:8080 target/debug/examples/sign
"""

import base64
import email.utils
import hmac
import json
import os
import re
import subprocess
import sys
import time
import uuid

import requests

base_url, tool = sys.argv[1], sys.argv[2]
key_id, secret_key = os.environ["HMAC_KEY_ID"], os.environ["HMAC_SECRET_KEY"]
session = requests.Session()
# Otherwise requests replaces Authorization with an entry of ~/.netrc, and uses the environment's
# proxy.
session.trust_env = False


def signature(date, secret=secret_key):
    return base64.b64encode(hmac.digest(secret.encode(), b"x-date: " + date.encode(), "sha1")).decode()


def http_date(age=0):
    return email.utils.formatdate(time.time() - age, usegmt=True)


def date_with_slash():
    """Returns a date, some seconds old, whose signature has a slash."""
    dates = (http_date(age) for age in range(600))
    return next(date for date in dates if "/" in signature(date))


def sample(members):
    return '{"id":"%s", "x-date":"%s", "signature":"%s"}' % tuple(members.values())


def compact(members):
    return json.dumps(members, separators=(",", ":"))


def expect(case, got, wanted, who="python"):
    if got != wanted:
        sys.exit(f"not ok {who} tencent-market {case}: wanted {wanted}, got {got}")
    print(f"ok {who} tencent-market {case}")


def check(case, status=200, *, spelling=json.dumps, date=None, signed_date=None, id=key_id, secret=secret_key, body=None,
          further=None, signed=True):
    date = date or http_date()
    headers = dict(further(date)) if further else {}
    if signed:
        headers["Authorization"] = spelling(
            {"id": id, "x-date": date, "signature": signature(signed_date or date, secret)})
    answer = session.request("POST" if body else "GET", base_url + "/service-1/a?x=1", headers=headers, data=body, timeout=10)
    wanted = {"key_id": id, "signed": ["x-date"]} if status == 200 else None
    expect(case, (answer.status_code, answer.json() if wanted else None), (status, wanted))


check("the language's own JSON")
check("the sample's spelling", spelling=sample)
check("compact", spelling=compact)
check("members in another order", spelling=lambda members: json.dumps(members, sort_keys=True))
check("a space before each comma", spelling=lambda members: json.dumps(members, separators=(" , ", ": ")))
check("a slash in the signature", date=date_with_slash())
check("a slash that is escaped", date=date_with_slash(), spelling=lambda members: json.dumps(members).replace("/", "\\/"))
check("X-Date and request-id beside it", further=lambda date: {"X-Date": date, "request-id": str(uuid.uuid4())})
check("POST with a body", body=b'{"hello":"world"}')
check("14 minutes old", date=http_date(14 * 60))
check("16 minutes old", 403, date=http_date(16 * 60))
check("altered date", 401, signed_date=http_date(30))
check("wrong key", 401, secret=secret_key + "x")
check("unknown key id", 401, id=key_id + "x")
check("unsigned", 401, signed=False)
check("a member that is no part of it", 401, spelling=lambda members: json.dumps(members | {"algorithm": "none"}))

# The opposite direction: this program reads what the tool signs.
lines = subprocess.run([tool, "--scheme", "tencent-market", "https://market.example/a"], check=True, capture_output=True,
                       text=True).stdout.splitlines()
headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
members = json.loads(headers["authorization"])
date = members["x-date"]
expect("signs", members, {"id": key_id, "x-date": date, "signature": signature(date)}, "sign")
expect("has the sample's spelling", headers["authorization"], sample(members), "sign")
is_imf_fixdate = bool(re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", date))
expect("has an IMF-fixdate", is_imf_fixdate, True, "sign")
