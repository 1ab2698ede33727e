#!/usr/bin/env python3
"""Signs for Tyk, Traefik Hub or Tencent's application authentication with Python's standard
library alone, and checks the gateway's answers. Then compares what the example sign signs.

    HMAC_KEY_ID=… HMAC_SECRET_KEY=… others.py SCHEME http://127.0.0.1:8080 target/debug/examples/sign
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

scheme, tool = sys.argv[1], sys.argv[3]
gateway = urllib.parse.urlsplit(sys.argv[2])
key_id, secret_key = os.environ["HMAC_KEY_ID"], os.environ["HMAC_SECRET_KEY"]


def mac(string, algorithm="sha256", secret=secret_key):
    return base64.b64encode(hmac.digest(secret.encode(), string.encode(), algorithm)).decode()


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


def tyk():
    def authorization(string, names="(request-target) date x-test-1", algorithm="sha256", secret=secret_key, id=key_id):
        signature = urllib.parse.quote(mac(string, algorithm, secret), safe="")
        listed = f'headers="{names}",' if names else ""
        return f'Signature keyId="{id}",algorithm="hmac-{algorithm}",{listed}signature="{signature}"'

    def signed(path="/v1/items", date=None, **options):
        date = date or http_date()
        string = f"(request-target): get {path}\ndate: {date}\nx-test-1: hello"
        return {"Date": date, "X-Test-1": "hello", "Authorization": authorization(string, **options)}

    check("accepted", 200, signed(), "/v1/items?a=1")
    # The query is not signed: this is what the documentation warns of.
    check("another query", 200, signed(), "/v1/items?a=2")
    check("the decoded path", 200, signed("/v1/a b"), "/v1/a%20b")
    check("another path", 400, signed(), "/v1/other")
    check("wrong key", 400, signed(secret=secret_key + "x"), "/v1/items")
    check("unknown key id", 400, signed(id=key_id + "x"), "/v1/items")
    check("16 minutes old", 400, signed(date=http_date(16 * 60)), "/v1/items")
    check("unsigned", 400, {}, "/v1/items")
    date = http_date()
    alone = authorization(f"date: {date}", names="", algorithm="sha1")
    check("no list is the date alone", 200, {"Date": date, "Authorization": alone}, "/anything")
    check("sha512", 200, signed(algorithm="sha512"), "/v1/items")

    headers = tool_headers("https://tyk.example/v1/items?a=1")
    sent = parameters(headers["authorization"])
    lines = {"(request-target)": "get /v1/items", "date": headers["date"]}
    string = "\n".join(f"{name}: {lines[name]}" for name in sent["headers"].split(" "))
    expect("signs", urllib.parse.unquote(sent["signature"]), mac(string, sent["algorithm"].removeprefix("hmac-")), "sign")


def traefik_hub():
    def signed(age=1, lifetime=10, target="/foo?q=1", secret=secret_key):
        created = int(time.time()) - age
        expires = created + lifetime
        string = f"(request-target): get {target}\n(created): {created}\n(expires): {expires}\nhost: {gateway.netloc}"
        return {"Authorization": f'Hmac keyId="{key_id}",algorithm="hmac-sha256",'
                                 f'headers="(request-target) (created) (expires) host",created="{created}",'
                                 f'expires="{expires}",signature="{mac(string, secret=secret)}"'}

    check("accepted", 200, signed(), "/foo?q=1")
    check("another query", 401, signed(), "/foo?q=2")
    check("expired", 401, signed(age=60), "/foo?q=1")
    check("created ahead of the clock", 401, signed(age=-30), "/foo?q=1")
    check("wrong key", 401, signed(secret=secret_key + "x"), "/foo?q=1")
    check("unsigned", 401, {}, "/foo?q=1")

    headers = tool_headers("https://traefik.example/foo?q=1")
    sent = parameters(headers["authorization"])
    lines = {"(request-target)": "get /foo?q=1", "(created)": sent["created"], "(expires)": sent["expires"],
             "host": "traefik.example"}
    string = "\n".join(f"{name}: {lines[name]}" for name in sent["headers"].split(" "))
    expect("signs", sent["signature"], mac(string, sent["algorithm"].removeprefix("hmac-")), "sign")


def tencent_app():
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
        signature = mac(string, "sha1", secret)
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
    expect("signs", sent["signature"], mac(string, "sha1"), "sign")


{"tyk": tyk, "traefik-hub": traefik_hub, "tencent-app": tencent_app}[scheme]()
