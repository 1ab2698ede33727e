#!/usr/bin/env python3
"""Tests draft-cavage with PyPI's `httpsig`: what it signs goes to the example gateway, and it
verifies what the example sign signs.

    HMAC_KEY_ID=… HMAC_SECRET_KEY=… cavage.py http://127.0.0.1:8080 target/debug/examples/sign
"""

import email.utils
import http.client
import os
import subprocess
import sys
import urllib.parse

import httpsig

gateway, tool = urllib.parse.urlsplit(sys.argv[1]), sys.argv[2]
key_id, secret_key = os.environ["HMAC_KEY_ID"], os.environ["HMAC_SECRET_KEY"]
NAMES = ["(request-target)", "host", "date"]


def expect(name, got, wanted):
    if got != wanted:
        sys.exit(f"not ok python {name}: wanted {wanted}, got {got}")
    print(f"ok python {name}")


def theirs(name, wanted, *, path="/a", sent_path=None, algorithm="hmac-sha256", names=NAMES, secret=secret_key,
           further=None):
    """Signs with the library, and sends the request to the gateway."""
    headers = {"host": gateway.netloc, "date": email.utils.formatdate(usegmt=True)} | (further or {})
    signer = httpsig.HeaderSigner(key_id, secret, algorithm=algorithm, headers=names)
    signed = signer.sign(headers, method="GET", path=path)
    connection = http.client.HTTPConnection(gateway.netloc, timeout=10)
    connection.request("GET", sent_path or path, headers=dict(signed))
    expect("signs " + name, connection.getresponse().status, wanted)
    connection.close()


def ours(name, wanted, *options, path="/a", checked_path=None, names=NAMES):
    """Signs with the tool, and verifies with the library."""
    url = "http://api.example.com:8080" + path
    lines = subprocess.run([tool, "--scheme", "cavage", *options, url], check=True, capture_output=True,
                           text=True).stdout.splitlines()
    headers = dict(line.split(": ", 1) for line in lines)
    verifier = httpsig.HeaderVerifier(headers, secret_key, required_headers=names, method="GET",
                                      path=checked_path or path)
    expect("verifies " + name, verifier.verify(), wanted)


theirs("GET, sha256", 200, path="/v1/a%20b?x=1&y=%E4%BD%A0")
theirs("GET, sha512", 200, algorithm="hmac-sha512")
theirs("the date alone", 200, names=None)
theirs("further headers", 200, names=NAMES + ["x-tenant"], further={"x-tenant": "7"})
theirs("with another key", 401, secret=secret_key + "x")
theirs("another target", 401, sent_path="/b")
theirs("sha1, which is not allowed", 401, algorithm="hmac-sha1")

ours("GET, sha256", True, path="/v1/a%20b?x=1&y=%E4%BD%A0")
ours("GET, sha512", True, "--algorithm", "hmac-sha512")
ours("x-date", True, "--date-header", "x-date", names=["(request-target)", "host", "x-date"])
ours("further headers", True, "--header", "X-Tenant: 7", "--sign", "x-tenant", names=NAMES + ["x-tenant"])
ours("not another target", False, checked_path="/b")
