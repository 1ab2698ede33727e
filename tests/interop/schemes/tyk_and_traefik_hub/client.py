#!/usr/bin/env python3
"""Signs for Tyk and Traefik Hub with `requests`, as their documentation says, and checks the
answers. Then computes what the example sign signs.

    HMAC_KEY_ID=… HMAC_SECRET_KEY=… client.py tyk|traefik-hub GATEWAY SIGN

GATEWAY is the URL of the example gateway.
"""

import base64
import email.utils
import hmac
import os
import re
import subprocess
import sys
import time
import urllib.parse

import requests

scheme, gateway, tool = sys.argv[1:]
key_id, secret_key = os.environ["HMAC_KEY_ID"], os.environ["HMAC_SECRET_KEY"]
is_tyk = scheme == "tyk"
session = requests.Session()
# Otherwise requests replaces Authorization with an entry of ~/.netrc, and uses the environment's
# proxy.
session.trust_env = False

TARGETS = {"a plain target": "/a", "a query": "/v1/orders?x=1&y=%E4%BD%A0", "an escaped path": "/v1/caf%C3%A9%20b?x=1",
           "the root": "/"}
HASHES = ["sha1", "sha256", "sha384", "sha512"]
NAMES = ["(request-target)", "date"] if is_tyk else ["(request-target)", "(created)", "(expires)"]
# Traefik Hub's documentation has no texts.
REFUSED = "400 Authorization field missing, malformed or invalid" if is_tyk else "401"


def http_date(age=0, usegmt=True):
    return email.utils.formatdate(time.time() - age, usegmt=usegmt)


def created_and_expires(age=0, lifetime=10):
    """Returns the times that Traefik Hub's clients sign."""
    now = int(time.time()) - age
    return {"(created)": str(now), "(expires)": str(now + lifetime)}


def line(name, method, target, headers, times):
    if name == "(request-target)":
        # Tyk signs the decoded path, without the query.
        return f"{name}: {method.lower()} " + (urllib.parse.unquote(target.partition("?")[0]) if is_tyk else target)
    if is_tyk and name == "date" and "x-aux-date" in headers:
        name = "x-aux-date"
    return f"{name}: " + (times | headers).get(name, "")


def authorization(method, target, headers, names, times, *, hash_name="sha256", id=key_id, secret=secret_key):
    lines = [line(name, method, target, headers, times) for name in names or (["date"] if is_tyk else NAMES)]
    mac = base64.b64encode(hmac.digest(secret.encode(), "\n".join(lines).encode(), hash_name)).decode()
    parameters = {"keyId": id, "algorithm": f"hmac-{hash_name}", "headers": " ".join(names or []),
                  "signature": urllib.parse.quote(mac, safe="") if is_tyk else mac}
    parameters |= {name.strip("()"): value for name, value in times.items()}
    text = ",".join(f'{name}="{value}"' for name, value in parameters.items() if value)
    return ("Signature " if is_tyk else "Hmac ") + text


def expect(case, got, wanted):
    if got != wanted:
        sys.exit(f"not ok python {scheme} {case}: wanted {wanted}, got {got}")
    print(f"ok python {scheme} {case}")


def check(case, wanted, target="/a", *, names=NAMES, headers=None, times=None, sent_method="GET", sent_target=None,
          sent_headers={}, change=lambda text: text, **options):
    """Signs a request, and sends it with what is in the arguments `sent_…` instead."""
    if headers is None:
        headers = {"date": http_date()} if is_tyk else {}
    headers = headers | {"host": urllib.parse.urlsplit(gateway).netloc}
    if times is None:
        times = {} if is_tyk else created_and_expires()
    text = change(authorization("GET", target, headers, names, times, **options))
    sent = headers | sent_headers | ({"authorization": text} if text else {})
    answer = session.request(sent_method, gateway + (sent_target or target), headers=sent, timeout=10)
    members = answer.json()
    expect(case, f"{answer.status_code} {members.get('error') or members.get('key_id', '')}".rstrip(), wanted)


accepted = f"200 {key_id}"
more = NAMES + ["x-test-1"]
further = {"x-test-1": "hello"} | ({"date": http_date()} if is_tyk else {})

for case, target in TARGETS.items():
    check(case, accepted, target)
for hash_name in HASHES:
    check(hash_name, accepted, hash_name=hash_name)
check("a further header", accepted, names=more, headers=further)
check("parameters in another order", accepted,
      change=lambda text: re.sub(r'(keyId="[^"]*"),(algorithm="[^"]*")', r"\2, \1", text))
check("another path", REFUSED, sent_target="/b")
check("another method", REFUSED, sent_method="DELETE")
check("another value", REFUSED, names=more, headers=further, sent_headers={"x-test-1": "hullo"})
check("another list", REFUSED, names=more, headers=further, change=lambda text: text.replace(' x-test-1"', '"'))
# Tyk would accept it: see the guide's page gateway_differences.
check("a missing header", REFUSED, names=more)
check("an altered signature", REFUSED, change=lambda text: re.sub('signature=".....', 'signature="AAAAA', text))
check("wrong key", REFUSED, secret=secret_key + "x")
check("unknown key id", REFUSED, id=key_id + "x")
check("unsigned", REFUSED, change=lambda text: "")
if is_tyk:
    check("another query", accepted, "/a?x=1", sent_target="/a?x=2")
    # This date ends in -0000.
    check("zone that is not spelled GMT", accepted, headers={"date": http_date(usegmt=False)})
    check("the date alone, without a list", accepted, names=None)
    check("x-aux-date as the date", accepted, headers={"x-aux-date": http_date()})
    check("4 minutes old", accepted, headers={"date": http_date(240)})
    check("6 minutes old", REFUSED, headers={"date": http_date(360)})
    check("another date", REFUSED, sent_headers={"date": http_date(30)})
    check("an unknown parameter", REFUSED, change=lambda text: text + ',opaque="a"')
    check("created", REFUSED, change=lambda text: text + f',created="{int(time.time())}"')
else:
    later = int(time.time()) + 3600
    check("another query", REFUSED, "/a?x=1", sent_target="/a?x=2")
    check("no list", accepted, names=None)
    check("host as well", accepted, names=NAMES + ["host"])
    check("an unknown parameter", accepted, change=lambda text: text + ',opaque="a"')
    check("expired", REFUSED, times=created_and_expires(70))
    check("expires an hour later", REFUSED, change=lambda text: re.sub(r'expires="\d+"', f'expires="{later}"', text))
    check("created in a minute", REFUSED, times=created_and_expires(-60))


def parameters(text):
    """Returns the word and the parameters, whose order is not fixed."""
    return dict([("word", text.partition(" ")[0]), *re.findall(r'(\w+)="([^"]*)"', text)])


def ours(case, target="/a", *options, hash_name="sha256", names=NAMES):
    """Computes what the tool signs."""
    command = [tool, "--scheme", scheme, "--algorithm", "hmac-" + hash_name, *options, "http://api.example.com" + target]
    lines = subprocess.run(command, check=True, capture_output=True, text=True, timeout=10).stdout.splitlines()
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    found = parameters(headers["authorization"])
    times = {f"({name})": found[name] for name in ("created", "expires") if name in found}
    expect("the tool: " + case, found, parameters(authorization("GET", target, headers, names, times, hash_name=hash_name)))


for case, target in TARGETS.items():
    ours(case, target)
for hash_name in HASHES:
    ours(hash_name, hash_name=hash_name)
ours("a further header", "/a", "--header", "X-Test-1: hello", "--sign", "x-test-1", names=more)
