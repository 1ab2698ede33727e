#!/usr/bin/env python3
"""Builds the signing strings of Tyk and Traefik Hub from their documentation alone. Requests signed
with them go to the example gateway, and what the example sign signs is compared with them.

    HMAC_KEY_ID=… HMAC_SECRET_KEY=… \\
        early_cavage.py tyk|traefik-hub http://127.0.0.1:8080 target/debug/examples/sign
"""

import base64
import email.utils
import hmac
import http.client
import os
import re
import subprocess
import sys
import time
import urllib.parse

scheme, gateway, tool = sys.argv[1], urllib.parse.urlsplit(sys.argv[2]), sys.argv[3]
key_id, secret_key = os.environ["HMAC_KEY_ID"], os.environ["HMAC_SECRET_KEY"]
is_tyk = scheme == "tyk"
REFUSED = 400 if is_tyk else 401


def line(name, method, path, headers, times):
    if name == "(request-target)":
        # Tyk signs the decoded path, without the query.
        target = urllib.parse.unquote_to_bytes(path.partition("?")[0]) if is_tyk else path.encode()
        return b"(request-target): " + method.lower().encode() + b" " + target
    if name in times:
        return f"{name}: {times[name]}".encode()
    if is_tyk and name == "date" and "x-aux-date" in headers:
        name = "x-aux-date"
    return f"{name.lower()}: {headers.get(name.lower(), '')}".encode()


def signature(string, hash_name, secret=secret_key):
    text = base64.b64encode(hmac.digest(secret.encode(), string, hash_name)).decode()
    return urllib.parse.quote(text, safe="") if is_tyk else text


def authorization(method, path, headers, names, times, *, hash_name="sha256", secret=secret_key):
    lines = [line(name, method, path, headers, times) for name in names or ["date"]]
    parameters = {"keyId": key_id, "algorithm": f"hmac-{hash_name}", "headers": names and " ".join(names),
                  "signature": signature(b"\n".join(lines), hash_name, secret)}
    parameters |= {name.strip("()"): value for name, value in times.items()}
    text = ",".join(f'{name}="{value}"' for name, value in parameters.items() if value)
    return ("Signature " if is_tyk else "Hmac ") + text


def parameters(text):
    return dict([("scheme", text.partition(" ")[0]), *re.findall(r'(\w+)="([^"]*)"', text)])


def expect(case, got, wanted):
    if got != wanted:
        sys.exit(f"not ok {scheme} {case}: wanted {wanted}, got {got}")
    print(f"ok {scheme} {case}")


def theirs(case, wanted, path="/a", *, method="GET", sent_path=None, names, further=None, times=None, age=0,
           change=lambda value: value, **options):
    """Signs here, and sends the request to the gateway."""
    headers = {"host": gateway.netloc} | (further or {})
    if times is None:
        times = {} if is_tyk else {"(created)": int(time.time()) - age, "(expires)": int(time.time()) - age + 10}
    if is_tyk and "x-aux-date" not in headers:
        headers["date"] = email.utils.formatdate(time.time() - age, usegmt=True)
    headers["authorization"] = change(authorization(method, path, headers, names, times, **options))
    connection = http.client.HTTPConnection(gateway.netloc, timeout=10)
    connection.request(method, sent_path or path, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    expect("signs " + case, answer.status, wanted)
    if is_tyk and wanted != 200:
        expect("has the text of refusals: " + case, "Authorization field missing, malformed or invalid" in text, True)
    connection.close()


def ours(case, path, *options, names, hash_name="sha256"):
    """Compares with what the tool signs."""
    lines = subprocess.run([tool, "--scheme", scheme, *options, "http://api.example.com" + path], check=True,
                           capture_output=True, text=True).stdout.splitlines()
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    headers["host"] = "api.example.com"
    found = parameters(headers["authorization"])
    times = {f"({name})": found[name] for name in ("created", "expires") if name in found}
    # The order of the parameters is not fixed.
    expected = parameters(authorization("GET", path, headers, names, times, hash_name=hash_name))
    expect("compares " + case, found, expected)


default = ["(request-target)", "date"] if is_tyk else ["(request-target)", "(created)", "(expires)"]
hashes = ["sha1", "sha256", "sha384", "sha512"] if is_tyk else ["sha256", "sha384", "sha512"]

for case, path in {"a plain target": "/a", "a query": "/v1/orders?x=1&y=%E4%BD%A0", "an escaped path": "/v1/caf%C3%A9%20b?x=1",
                   "the root": "/"}.items():
    theirs(case, 200, path, names=default)
    ours(case, path, names=default)
for hash_name in hashes:
    theirs(hash_name, 200, names=default, hash_name=hash_name)
    ours(hash_name, "/a", "--algorithm", "hmac-" + hash_name, names=default, hash_name=hash_name)
theirs("a further header", 200, names=default + ["x-test-1"], further={"x-test-1": "hello"})
ours("a further header", "/a", "--header", "X-Test-1: hello", "--sign", "x-test-1", names=default + ["x-test-1"])
theirs("parameters in another order", 200, names=default,
       change=lambda value: re.sub(r'(keyId="[^"]*"),(algorithm="[^"]*")', r"\2,\1", value))
theirs("another path", REFUSED, names=default, sent_path="/b")
theirs("with another key", REFUSED, names=default, secret=secret_key + "x")
theirs("an altered signature", REFUSED, names=default, change=lambda value: re.sub('signature="..', 'signature="AA', value))
if is_tyk:
    theirs("the date alone, without a list", 200, names=None)
    # Tyk would accept it: see the guide's page gateway_differences.
    theirs("an absent header", REFUSED, names=["date", "x-absent"])
    theirs("x-aux-date as the date", 200, names=default, further={"x-aux-date": email.utils.formatdate(usegmt=True)})
    theirs("an unknown parameter", REFUSED, names=default, change=lambda value: value + ',opaque="a"')
    theirs("created", REFUSED, names=default, change=lambda value: value + f',created="{int(time.time())}"')
else:
    theirs("host as well", 200, names=default + ["host"])
    theirs("the target of another query", REFUSED, "/a?x=1", names=default, sent_path="/a?x=2")
    theirs("expired a minute ago", REFUSED, names=default, age=70)
    now = int(time.time())
    theirs("created in a minute", REFUSED, names=default, times={"(created)": now + 60, "(expires)": now + 120})
    theirs("an altered time of its end", REFUSED, names=default,
           change=lambda value: re.sub(r'expires="\d+"', f'expires="{now + 100}"', value))
