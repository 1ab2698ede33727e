#!/usr/bin/env python3
"""Signs for Tencent's application authentication with Python's standard library alone, and checks
the gateway's answers. Then compares what the example sign signs.

    HMAC_KEY_ID=… HMAC_SECRET_KEY=… tencent_app.py http://127.0.0.1:8080 target/debug/examples/sign
"""

import base64
import email.utils
import hashlib
import hmac
import http.client
import os
import re
import subprocess
import sys
import time
import urllib.parse

scheme, gateway, tool = "tencent-app", urllib.parse.urlsplit(sys.argv[1]), sys.argv[2]
key_id, secret_key = os.environ["HMAC_KEY_ID"], os.environ["HMAC_SECRET_KEY"]


def mac(string, secret=secret_key):
    return base64.b64encode(hmac.digest(secret.encode(), string.encode(), "sha1")).decode()


def http_date(age=0):
    return email.utils.formatdate(time.time() - age, usegmt=True)


def expect(case, got, wanted, who="python"):
    if got != wanted:
        sys.exit(f"not ok {who} {scheme} {case}: wanted {wanted}, got {got}")
    print(f"ok {who} {scheme} {case}")


def check(case, wanted, headers, target, method="GET", body=None):
    connection = http.client.HTTPConnection(gateway.netloc, timeout=10)
    connection.request(method, target, body=body, headers=headers)
    expect(case, connection.getresponse().status, wanted)
    connection.close()


def tool_headers(*arguments):
    command = [tool, "--scheme", scheme, *arguments]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}


def parameters(authorization):
    return dict(re.findall(r'(\w+)="([^"]*)"', authorization))


def signed(method="GET", path="/a?b=2&a=1", body=None, date=None, content_type="", secret=secret_key, id=key_id):
    date = date or http_date()
    path, _, query = path.partition("?")
    pairs = sorted(urllib.parse.parse_qsl(query, keep_blank_values=True))
    query = "&".join(f"{name}={value}" if value else name for name, value in pairs)
    headers = {"X-Date": date, "Accept": "application/json"}
    md5 = ""
    if body:
        digits = hashlib.md5(body).hexdigest()
        headers["Content-MD5"] = md5 = base64.b64encode(digits.encode()).decode()
    if content_type:
        headers["Content-Type"] = content_type
    target = f"{path}?{query}" if query else path
    string = f"x-date: {date}\n{method}\napplication/json\n{content_type}\n{md5}\n{target}"
    signature = mac(string, secret)
    headers["Authorization"] = f'hmac id="{id}", algorithm="hmac-sha1", headers="x-date", signature="{signature}"'
    return headers

check("accepted", 200, signed(), "/a?b=2&a=1")
check("parameters in another order", 200, signed(), "/a?a=1&b=2")
check("an empty parameter", 200, signed(path="/a?b=&a=1"), "/a?b=&a=1")
check("another parameter", 401, signed(), "/a?a=1&b=3")
check("another path", 401, signed(), "/b?a=1&b=2")
body = b'{"sn":"SN001"}'
json = signed("POST", "/a", body, content_type="application/json")
check("POST with Content-MD5", 200, json, "/a", "POST", body)
check("another method", 401, json, "/a", "PUT", body)
check("wrong key", 401, signed(secret=secret_key + "x"), "/a?b=2&a=1")
check("unknown key id", 401, signed(id=key_id + "x"), "/a?b=2&a=1")
check("16 minutes old", 401, signed(date=http_date(16 * 60)), "/a?b=2&a=1")
check("unsigned", 401, {}, "/a")

headers = tool_headers("https://app.example/a?b=2&a=1")
sent = parameters(headers["authorization"])
string = f"x-date: {headers['x-date']}\nGET\n{headers.get('accept', '')}\n\n\n/a?a=1&b=2"
expect("signs", sent["signature"], mac(string), "sign")
