#!/usr/bin/env python3
"""Signs for Tencent's application authentication with `requests`, as its documentation says, and
checks the answers. Then computes what the example sign signs.

    HMAC_KEY_ID=… HMAC_SECRET_KEY=… client.py GATEWAY STAGE SIGN BODY

GATEWAY is the URL of the example gateway, STAGE that of one whose paths begin with /release. BODY is
a file to write.
"""

import base64
import email.utils
import hashlib
import hmac
import os
import pathlib
import re
import subprocess
import sys
import time
import urllib.parse

import requests

gateway, stage, tool, body_file = sys.argv[1:]
key_id, secret_key = os.environ["HMAC_KEY_ID"], os.environ["HMAC_SECRET_KEY"]
session = requests.Session()
# Otherwise requests replaces Authorization with an entry of ~/.netrc, and uses the environment's
# proxy.
session.trust_env = False

BODY = '{"sn":"SN001"}'
MISMATCH = "401 HMAC signature does not match."
UNKNOWN = "401 HMAC signature cannot be verified."
LATE = "401 HMAC signature cannot be verified, the x-date header is out of date for HMAC Authentication."
MALFORMED = "401 HMAC authorization format error."
UNSIGNED = "401 HMAC signature cannot be verified, a validate authorization header is required"


def http_date(age=0, usegmt=True):
    return email.utils.formatdate(time.time() - age, usegmt=usegmt)


def content_md5(body):
    return base64.b64encode(hashlib.md5(body.encode()).hexdigest().encode()).decode()


def path_and_parameters(target, form=""):
    """Returns the last line: the path, and the decoded parameters of the query and the form."""
    path, _, query = target.partition("?")
    pairs = sorted(urllib.parse.parse_qsl(f"{query}&{form}", keep_blank_values=True))
    texts = [f"{name}={value}" if value else name for name, value in pairs]
    return f"{path}?{'&'.join(texts)}" if texts else path


def authorization(method, target, headers, *, form="", hash_name="sha1", id=key_id, secret=secret_key):
    names = [name for name in ("source", "x-date") if name in headers]
    others = [headers.get(name, "") for name in ("accept", "content-type", "content-md5")]
    lines = [f"{name}: {headers[name]}" for name in names] + [method, *others, path_and_parameters(target, form)]
    mac = hmac.digest(secret.encode(), "\n".join(lines).encode(), hash_name)
    return 'hmac id="%s", algorithm="hmac-%s", headers="%s", signature="%s"' % (
        id, hash_name, " ".join(names), base64.b64encode(mac).decode())


def expect(case, got, wanted):
    if got != wanted:
        sys.exit(f"not ok python tencent-app {case}: wanted {wanted}, got {got}")
    print(f"ok python tencent-app {case}")


def check(case, wanted, *, method="GET", target="/a?b=2&a=1", headers={}, body=None, sent_method=None, sent_target=None,
          sent_headers={}, own_accept=False, base=gateway, change=lambda text: text, **options):
    """Signs a request, and sends it with what is in the arguments `sent_…` instead."""
    headers = {"x-date": http_date(), "accept": "application/json"} | headers
    sent = headers | sent_headers | {"authorization": change(authorization(method, target, headers, **options))}
    # requests sends this one by itself.
    sent = {name: value for name, value in sent.items() if value and not (own_accept and name == "accept")}
    answer = session.request(sent_method or method, base + (sent_target or target), headers=sent, data=body, timeout=10)
    members = answer.json()
    # What is signed without being listed comes after the listed names.
    listed = " ".join(members.get("signed", [])[: 2 if "source" in headers else 1])
    expect(case, f"{answer.status_code} " + (members.get("message") or f"{members['key_id']} {listed}"), wanted)


accepted = f"200 {key_id} x-date"
values = {"q": "a b/c", "city": "北京", "sum": "1+1=2", "你": ""}
post = {"method": "POST", "headers": {"content-type": "application/json", "content-md5": content_md5(BODY)}}
source = {"source": "billing app"}

check("two parameters", accepted)
check("parameters in another order", accepted, sent_target="/a?a=1&b=2")
check("an empty parameter", accepted, target="/a?b=&a=1")
check("the library's own escapes", accepted, target="/a?" + urllib.parse.urlencode(values))
check("spaces as %20", accepted, target="/a?" + urllib.parse.urlencode(values, quote_via=urllib.parse.quote))
check("an escaped path", accepted, target="/v1/caf%C3%A9%20b?x=1")
check("no parameters", accepted, target="/")
check("the library's own Accept", accepted, headers={"accept": "*/*"}, own_accept=True)
check("hmac-sha256", accepted, hash_name="sha256")
check("a source", f"200 {key_id} source x-date", headers=source)
# This date ends in -0000.
check("zone that is not spelled GMT", accepted, headers={"x-date": http_date(usegmt=False)})
check("14 minutes old", accepted, headers={"x-date": http_date(14 * 60)})
check("POST with Content-MD5", accepted, **post, body=BODY)
check("credentials in another order", accepted,
      change=lambda text: re.sub(r'hmac (id="[^"]*"), (algorithm="[^"]*")', r"hmac \2, \1", text))
check("a stage before the path", accepted, base=stage, sent_target="/release/a?b=2&a=1")
check("another stage before the path", UNKNOWN, base=stage, sent_target="/test/a?b=2&a=1")
check("another parameter", MISMATCH, sent_target="/a?b=2&a=2")
check("one parameter more", MISMATCH, sent_target="/a?b=2&a=1&c")
check("a parameter twice", UNKNOWN, sent_target="/a?b=2&a=1&a=1")
check("another path", MISMATCH, sent_target="/b?b=2&a=1")
check("another method", MISMATCH, sent_method="DELETE")
check("another Accept", MISMATCH, sent_headers={"accept": "text/html"})
check("another Content-Type", MISMATCH, **post, body=BODY, sent_headers={"content-type": "text/plain"})
check("another Content-MD5", MISMATCH, **post, body="{}", sent_headers={"content-md5": content_md5("{}")})
check("another source", MISMATCH, headers=source, sent_headers={"source": "other"})
check("another date", MISMATCH, sent_headers={"x-date": http_date(30)})
check("16 minutes old", LATE, headers={"x-date": http_date(16 * 60)})
check("altered signature", MISMATCH, change=lambda text: re.sub('signature=".....', 'signature="AAAAA', text))
check("wrong key", MISMATCH, secret=secret_key + "x")
check("unknown key id", UNKNOWN, id=key_id + "x")
check("a parameter of the credentials that is unknown", MALFORMED, change=lambda text: text + ', opaque="a"')
check("unsigned", UNSIGNED, change=lambda text: "")


def ours(case, *options, method="GET", hash_name="sha1", body="", form="", md5=None):
    """Computes what the tool signs."""
    pathlib.Path(body_file).write_text(body)
    data = ["--data", body_file] if body else []
    target = "/v1/items?b=2&a=%20"
    command = [tool, "--scheme", "tencent-app", "--algorithm", "hmac-" + hash_name, *data, *options, "https://app.example" + target]
    lines = subprocess.run(command, check=True, capture_output=True, text=True, timeout=10).stdout.splitlines()
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    expected = authorization(method, target, headers, form=form, hash_name=hash_name)
    expect("the tool: " + case, (headers.get("content-md5"), headers["authorization"]), (md5, expected))


form = urllib.parse.urlencode({"name": "Jörg K", "age": ""})
ours("GET")
ours("hmac-sha256", hash_name="sha256")
ours("a source", "--source", "billing app")
ours("POST with Content-MD5", "--header", "content-type: application/json", method="POST", body=BODY, md5=content_md5(BODY))
ours("a form", "--header", "content-type: application/x-www-form-urlencoded", method="POST", body=form, form=form)
