#!/usr/bin/env python3
"""Sends large unsigned uploads with Python's own HTTP clients, which read the answer only after
they have written everything. Each must get the refusal, not a connection error.

    uploads.py http://127.0.0.1:8080/api/v1/orders
"""

import http.client
import sys
import urllib.error
import urllib.parse
import urllib.request

UNSIGNED = b'{"message":"HMAC signature cannot be verified, a validate authorization header is required"}'
TRIES = 10

url = urllib.parse.urlsplit(sys.argv[1])
# Ignores the environment's proxies.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def with_urllib(body):
    try:
        answer = opener.open(urllib.request.Request(sys.argv[1], data=body, method="POST"), timeout=60)
    except urllib.error.HTTPError as refusal:
        answer = refusal
    with answer:
        return answer.status, answer.read()


def with_http_client(body, connection=None):
    connection = connection or http.client.HTTPConnection(url.netloc, timeout=60)
    connection.request("POST", url.path, body)
    answer = connection.getresponse()
    return answer.status, answer.read()


def in_chunks(body):
    return with_http_client(body[start : start + 65536] for start in range(0, len(body), 65536))


kept = http.client.HTTPConnection(url.netloc, timeout=60)


def over_one_connection(body):
    socket = kept.sock
    answer = with_http_client(body, kept)
    if socket not in (None, kept.sock):
        raise SystemExit("FAIL python: the connection was closed after a refused upload")
    return answer


ways = {
    "urllib": with_urllib,
    "http.client": with_http_client,
    "http.client in chunks": in_chunks,
    "http.client over one connection": over_one_connection,
}
for megabytes in 5, 20:
    body = b"a" * (megabytes * 1000 * 1000)
    for name, send in ways.items():
        for number in range(TRIES):
            try:
                answer = send(body)
            except OSError as error:
                raise SystemExit(f"FAIL python {name}, {megabytes} MB, try {number + 1}: {error!r}")
            if answer != (401, UNSIGNED):
                raise SystemExit(f"FAIL python {name}, {megabytes} MB, try {number + 1}: {answer}")
        print(f"ok python {name}, {megabytes} MB: 401 in {TRIES} of {TRIES} tries")
