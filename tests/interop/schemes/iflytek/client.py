#!/usr/bin/env python3
"""Signs for iFlytek, as the platform's documentation says, and checks the answers: WebSocket
handshakes with `websockets`, other requests with `requests`. Then compares what the example sign
signs.

    HMAC_KEY_ID=… HMAC_SECRET_KEY=… client.py GATEWAY WEBSOCKET target/debug/examples/sign BODY

GATEWAY and WEBSOCKET are host:port of the examples gateway and websocket.
"""

import base64
import email.utils
import hashlib
import hmac
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import urllib.parse

import requests
import websockets.exceptions
import websockets.sync.client

gateway, sockets, tool, body_file = sys.argv[1:]
key_id, secret_key = os.environ["HMAC_KEY_ID"], os.environ["HMAC_SECRET_KEY"]
session = requests.Session()
# Otherwise requests replaces Authorization with an entry of ~/.netrc, and uses the environment's
# proxy.
session.trust_env = False

BODY = b'{"common":{"app_id":"00000000"}}'
UNKNOWN = "HMAC signature cannot be verified"
MISMATCH = "HMAC signature does not match"
LATE = "HMAC signature cannot be verified, a valid date or x-date header is required for HMAC Authentication"
DOCUMENTED = 'api_key="%s", algorithm="hmac-sha256", headers="%s", signature="%s"'
COMPACT = DOCUMENTED.replace(", ", ",")
LIKE_KONG = DOCUMENTED.replace("api_key", "hmac username")


def http_date(age=0):
    return email.utils.formatdate(time.time() - age, usegmt=True)


def digest(body):
    return "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()


def inner(method, host, path, date, *, form=DOCUMENTED, id=key_id, secret=secret_key, digest=None):
    """Returns the text that is the value of Authorization, or whose base64 is in the query."""
    lines = [f"host: {host}", f"date: {date}", f"{method} {path} HTTP/1.1"]
    lines += [f"digest: {digest}"] if digest else []
    mac = hmac.digest(secret.encode(), "\n".join(lines).encode(), "sha256")
    names = "host date request-line" + (" digest" if digest else "")
    return form % (id, names, base64.b64encode(mac).decode())


def expect(case, got, wanted, who="python"):
    if got != wanted:
        sys.exit(f"not ok {who} iflytek {case}: wanted {wanted}, got {got}")
    print(f"ok {who} iflytek {case}")


def percent(parameters):
    return urllib.parse.urlencode(parameters, quote_via=urllib.parse.quote, safe="")


def query(host, path, *, encode=percent, date=None, sent_date=None, order=("authorization", "date", "host"), **options):
    date = date or http_date()
    authorization = base64.b64encode(inner("GET", host, path, date, **options).encode()).decode()
    values = {"authorization": authorization, "date": sent_date or date, "host": host}
    return encode({name: values[name] for name in order})


def handshake(case, wanted="echo", *, signed_path="/v2/iat", further="", **options):
    """Opens a WebSocket, and sends a message that comes back."""
    url = f"ws://{sockets}/v2/iat?" + query(sockets, signed_path, **options) + further
    try:
        with websockets.sync.client.connect(url, open_timeout=10, close_timeout=10, proxy=None) as socket:
            socket.send("echo")
            got = socket.recv(timeout=10)
    except websockets.exceptions.InvalidStatus as refused:
        got = refused.response.status_code, json.loads(refused.response.body)["message"]
    expect("query: " + case, got, wanted)


def spaces_alone(parameters):
    """As the platform's sample for browsers, whose URL parser escapes spaces only."""
    return "&".join(f"{name}={value}" for name, value in parameters.items()).replace(" ", "%20")


handshake("percent-encoded")
handshake("plus signs for spaces", encode=urllib.parse.urlencode)
handshake("date, host, authorization", order=("date", "host", "authorization"))
handshake("only spaces escaped", encode=spaces_alone)
handshake("commas without spaces", form=COMPACT)
handshake("parameters of the application", further="&appid=1&lang=%E4%B8%AD")
handshake("hmac username, date in UTC", form=LIKE_KONG, date=http_date().replace("GMT", "UTC"))
handshake("4 minutes old", date=http_date(240))
handshake("6 minutes old", (403, LATE), date=http_date(360))
handshake("altered date", (401, MISMATCH), sent_date=http_date(-10))
handshake("another path", (401, MISMATCH), signed_path="/v2/tts")
handshake("wrong key", (401, MISMATCH), secret=secret_key + "x")
handshake("unknown key id", (401, UNKNOWN), id=key_id + "x")
answer = session.get(f"http://{gateway}/v1/a?" + query(gateway, "/v1/a"), timeout=10)
expect("query: GET", answer.json(), {"key_id": key_id, "signed": ["host", "date", "request-line"]})


def send(case, method, host, path, wanted, *, body=None, date=None, sent_digest=None, **options):
    date = date or http_date()
    headers = {"Date": date, "Authorization": inner(method, host, path, date, **options)}
    if "digest" in options:
        headers["Digest"] = sent_digest or options["digest"]
    answer = session.request(method, f"http://{host}{path}?x=1", headers=headers, data=body, timeout=10)
    text = answer.text if answer.status_code == 200 else answer.json()["message"]
    expect("header: " + case, (answer.status_code, text), wanted)


described = (200, '{"key_id":"%s","signed":["host","date","request-line"]}' % key_id)
counted = (200, f"{len(BODY)} bytes")
send("GET", "GET", gateway, "/v1/a", described)
send("hmac username, date in UTC", "GET", gateway, "/v1/a", described, form=LIKE_KONG, date=http_date().replace("GMT", "UTC"))
send("POST with a digest", "POST", sockets, "/v2/itr", counted, body=BODY, digest=digest(BODY))
send("POST with an altered digest", "POST", sockets, "/v2/itr", (401, MISMATCH), body=BODY, digest=digest(BODY),
     sent_digest=digest(b""))
send("POST without a digest", "POST", sockets, "/v2/itr", (401, UNKNOWN), body=BODY)

# The opposite direction: this program computes what the tool signs.
pathlib.Path(body_file).write_bytes(BODY)
for case, options, method, wanted in [
    ("GET", [], "GET", None), ("POST with a digest", ["--data", body_file], "POST", digest(BODY)),
]:
    url = "https://rest-api.example/v2/itr?x=1"
    lines = subprocess.run([tool, "--scheme", "iflytek", *options, url], check=True, capture_output=True,
                           text=True).stdout.splitlines()
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    expected = inner(method, "rest-api.example", "/v2/itr", headers["date"], digest=wanted)
    expect(case, (headers["authorization"], headers.get("digest")), (expected, wanted), "sign")
