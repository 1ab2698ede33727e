#!/usr/bin/env python3
"""Builds Kong's and APISIX's signing strings from their documentation alone. Requests signed with
them go to the example gateway, and what the example sign signs is compared with them.

    HMAC_KEY_ID=… HMAC_SECRET_KEY=… \\
        strings.py kong|apisix http://127.0.0.1:8080 target/debug/examples/sign BODY
"""

import base64
import email.utils
import hashlib
import hmac
import http.client
import os
import pathlib
import re
import subprocess
import sys
import urllib.parse

scheme, gateway, tool, body_file = sys.argv[1], urllib.parse.urlsplit(sys.argv[2]), sys.argv[3], sys.argv[4]
key_id, secret_key = os.environ["HMAC_KEY_ID"], os.environ["HMAC_SECRET_KEY"]
BODY = b'{"hello":"world"}'
DIGEST = "SHA-256=" + base64.b64encode(hashlib.sha256(BODY).digest()).decode()
PATHS = {
    "a plain target": "/a",
    "a query": "/v1/orders?x=1&y=%E4%BD%A0",
    "an escaped path": "/v1/caf%C3%A9%20b?x=1",
    "a bare question mark": "/a?",
    "the root": "/",
}
pathlib.Path(body_file).write_bytes(BODY)


def target(name, method, path):
    if name == "request-line":
        return f"{method} {path} HTTP/1.1".encode()
    if scheme == "kong":
        return f"@request-target: {method.lower()} {path}".encode()
    raw, _, query = path.partition("?")
    decoded = urllib.parse.unquote_to_bytes(raw)
    return method.encode() + b" " + decoded + (b"?" + query.encode() if query else b"")


def signing_string(method, path, headers, names):
    lines = [key_id.encode()] if scheme == "apisix" else []
    for name in names:
        is_header = name not in ("@request-target", "request-line")
        lines.append(f"{name}: {headers[name]}".encode() if is_header else target(name, method, path))
    return b"\n".join(lines) + (b"\n" if scheme == "apisix" else b"")


def signature(string, hash_name, secret=secret_key):
    return base64.b64encode(hmac.digest(secret.encode(), string, hash_name)).decode()


def authorization(hash_name, names, signed):
    form = {
        "kong": 'hmac username="%s", algorithm="hmac-%s", headers="%s", signature="%s"',
        "apisix": 'Signature keyId="%s",algorithm="hmac-%s",headers="%s",signature="%s"',
    }[scheme]
    return form % (key_id, hash_name, " ".join(names), signed)


def expect(name, got, wanted):
    if got != wanted:
        sys.exit(f"not ok {scheme} {name}: wanted {wanted}, got {got}")
    print(f"ok {scheme} {name}")


def theirs(name, wanted, path="/a", *, method="GET", sent_method=None, sent_path=None, hash_name="sha256", secret=secret_key, names,
           further=None, body=None, zone="GMT", rewrite=lambda value: value):
    date = next(name for name in names if name.endswith("date"))
    headers = {date: email.utils.formatdate(usegmt=True).replace("GMT", zone)} | (further or {})
    string = signing_string(method, path, headers, names)
    headers["authorization"] = rewrite(authorization(hash_name, names, signature(string, hash_name, secret)))
    connection = http.client.HTTPConnection(gateway.netloc, timeout=10)
    connection.request(sent_method or method, sent_path or path, headers=headers, body=body)
    expect("signs " + name, connection.getresponse().status, wanted)
    connection.close()


def ours(name, path, *options, method="GET", names, hash_name="sha256"):
    lines = subprocess.run([tool, "--scheme", scheme, *options, "http://api.example.com" + path], check=True,
                           capture_output=True, text=True).stdout.splitlines()
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    signed = re.search(r'signature="([^"]*)"', headers["authorization"])[1]
    lower = [name.lower() for name in names]
    values = dict(headers) | {name: headers.get(name.lower()) for name in names}
    expected = signature(signing_string(method, path, values, names), hash_name)
    expect("compares " + name, (signed, headers["authorization"]),
           (expected, authorization(hash_name, names, expected)))
    assert len(set(lower)) == len(lower)


default = {"kong": ["x-date", "@request-target"], "apisix": ["@request-target", "date"]}[scheme]
hashes = {"kong": ["sha1", "sha256", "sha384", "sha512"], "apisix": ["sha1", "sha256", "sha512"]}[scheme]

for what, path in PATHS.items():
    theirs(what, 200, path, names=default)
    ours(what, path, names=default)
for hash_name in hashes:
    theirs(hash_name, 200, names=default, hash_name=hash_name)
    ours(hash_name, "/a", "--algorithm", "hmac-" + hash_name, names=default, hash_name=hash_name)
theirs("a name in capitals", 200, names=default + ["X-Custom-A"], further={"X-Custom-A": "v1"})
ours("a name in capitals", "/a", "--header", "X-Custom-A: v1", "--sign", "X-Custom-A", names=default + ["X-Custom-A"])
theirs("a digest", 200, method="POST", names=default + ["digest"], further={"digest": DIGEST}, body=BODY)
ours("a digest", "/items", "--data", body_file, method="POST", names=default + ["digest"])
theirs("a date that ends in UTC", 200, names=default, zone="UTC")
theirs("a date that ends in -0000", 200, names=default, zone="-0000")
theirs("a date that ends in +0800", 401, names=default, zone="+0800")
theirs("two spaces after each comma", 200, names=default, rewrite=lambda value: re.sub(r'", ?', '",  ', value))
theirs("an unknown parameter", 200 if scheme == "apisix" else 401, names=default,
       rewrite=lambda value: value + ', opaque=""')
theirs("another target", 401, names=default, sent_path="/b")
theirs("another method", 401, names=default, sent_method="POST")
theirs("with another key", 401, names=default, secret=secret_key + "x")
if scheme == "apisix":
    for what, path in {"an escaped question mark": "/a%3Fx=1", "dot segments": "/admin/../a?x=1",
                       "a needless escape": "/%61?x=1", "two slashes": "//a?x=1"}.items():
        theirs(f"/a?x=1 but sends {what}", 401, "/a?x=1", sent_path=path, names=default)
else:
    theirs("the request line", 200, names=["date", "request-line"])
    theirs("the request line of another target", 401, names=["date", "request-line"], sent_path="/b")
