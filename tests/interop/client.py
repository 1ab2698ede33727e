#!/usr/bin/env python3
"""Signs requests with `requests`, as the gateway's documentation says, and checks the answers.

    HMAC_KEY_ID=… HMAC_SECRET_KEY=… client.py http://127.0.0.1:8080
"""

import base64
import email.utils
import hmac
import os
import sys
import time
import urllib.parse

import requests

UNSIGNED = "HMAC signature cannot be verified, a validate authorization header is required"
LATE = "HMAC signature cannot be verified, the x-date header is out of date for HMAC Authentication."
UNKNOWN = "HMAC signature cannot be verified."
MISMATCH = "HMAC signature does not match."
SIGNS = "a b, \"c\"; d=e/f%20+&<>'\\"
BEYOND_ASCII = "café ✓ 你"

base_url = sys.argv[1]
key_id, secret_key = os.environ["HMAC_KEY_ID"], os.environ["HMAC_SECRET_KEY"]
session = requests.Session()
# Otherwise requests replaces Authorization with an entry of ~/.netrc, and uses the environment's
# proxy.
session.trust_env = False
passed = 0


def http_date(age, usegmt):
    return email.utils.formatdate(time.time() - age, usegmt=usegmt)


def authorization(headers, *, key_id, secret_key, algorithm, separator):
    """Returns the value of Authorization.

    `headers` are signed in their order, and each value as the bytes that are sent.
    """
    signing_string = b"\n".join(name.encode() + b": " + value for name, value in headers.items())
    digest = hmac.digest(secret_key.encode(), signing_string, algorithm.removeprefix("hmac-"))
    return "hmac " + separator.join((
        f'id="{key_id}"', f'algorithm="{algorithm}"', f'headers="{" ".join(headers)}"',
        f'signature="{base64.b64encode(digest).decode()}"'))


def check(case, date_header, *, source="interop", age=0, further=None, algorithm="hmac-sha1", body=None,
          usegmt=True, separator=", ", key_id=key_id, secret_key=secret_key, signed=True, sent_source=None, refused=None):
    """Sends one request. It must be refused with the text `refused`, or accepted if that is None."""
    global passed
    case = f"{date_header} {case}"
    # requests would encode text as Latin-1. Bytes are sent as they were signed.
    values = {date_header: http_date(age, usegmt), "source": source} | (further or {})
    headers = {name: value.encode() for name, value in values.items()}
    sent = dict(headers)
    if signed:
        sent["authorization"] = authorization(headers, key_id=key_id, secret_key=secret_key, algorithm=algorithm,
                                              separator=separator)
    if sent_source is not None:
        sent["source"] = sent_source.encode()
    answer = session.request("POST" if body else "GET", base_url + "/v1/orders?x=1", headers=sent, data=body,
                             timeout=10, allow_redirects=False)
    wanted = (401, {"message": refused}) if refused else (200, {"key_id": key_id, "signed": list(headers)})
    try:
        got = answer.status_code, answer.json()
    except ValueError:
        got = answer.status_code, answer.text
    if got != wanted:
        sys.exit(f"not ok python {case}: wanted {wanted}, got {got}")
    print(f"ok python {case}")
    passed += 1


for date_header in "date", "x-date":
    check("plain source", date_header)
    check("empty source", date_header, source="")
    check("source with signs", date_header, source=SIGNS)
    check("source beyond ASCII", date_header, source=BEYOND_ASCII)
    check("hmac-sha256", date_header, algorithm="hmac-sha256")
    check("POST with a body", date_header, body=b'{"hello":"world"}')
    # This format ends in -0000.
    check("zone that is not spelled GMT", date_header, usegmt=False)
    check("two spaces after each comma", date_header, separator=",  ")
    check("wrong key", date_header, secret_key=secret_key + "x", refused=MISMATCH)
    check("altered source", date_header, sent_source="altered", refused=MISMATCH)
    check("unknown key id", date_header, key_id=key_id + "x", refused=UNKNOWN)
    check("unsigned", date_header, signed=False, refused=UNSIGNED)

# The gateway checks the age of X-Date, but not that of Date.
check("two days old", "date", age=2 * 24 * 3600)
check("14 minutes old", "x-date", age=14 * 60)
check("16 minutes old", "x-date", age=16 * 60, refused=LATE)
# A proxy may change or drop these.
check("with a signed host", "x-date", further={"host": urllib.parse.urlsplit(base_url).netloc})
check("with a signed header that has an underscore", "x-date", further={"x_tenant": "blue"})
print(f"python: {passed} cases")
