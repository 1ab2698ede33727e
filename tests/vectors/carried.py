"""The vectors of schemes whose credentials are not only parameters of Authorization.

What the public client code of Tencent Cloud Market computes is in PUBLISHED; each case names its own.
"""

import base64
import hashlib
import hmac

KEY_ID, KEY = "AKIDfamily0000000001", b"family-secret-0123456789abcdef"
WEDNESDAY = (1795579506, "Wed, 25 Nov 2026 04:05:06 GMT")
MONDAY = (1521461320, "Mon, 19 Mar 2018 12:08:40 GMT")

PUBLISHED = {
    "market": "cvoEK4WBVhVUeTzpN9Lum12mKZ8=",
    "market-third-party": "nJYbWWhIpVSdXuQFmh1JZREBVmU=",
    "tencent-market-before": "YgiIqMR1Ahil7BgZsEqSxMSv6pg=",
}


def sign(name, key, string, hash_name):
    signature = base64.b64encode(hmac.new(key, string, getattr(hashlib, hash_name)).digest()).decode()
    assert PUBLISHED.get(name, signature) == signature, name
    return signature


def market(case_files, name, line="GET /service-abc/a?x=1 HTTP/1.1", key_id=KEY_ID, key=KEY, when=WEDNESDAY, headers=(),
           sent=None):
    """The date is a member of the JSON object. `sent`: what stays of the request's headers."""
    seconds, date = when
    string = ("x-date: " + date).encode()
    escaped = key_id.replace("\\", "\\\\")
    authorization = '{"id":"%s", "x-date":"%s", "signature":"%s"}' % (escaped, date, sign(name, key, string, "sha1"))
    settings = [("scheme", "tencent-market"), ("key-id", key_id), ("secret-key", key.hex()), ("algorithm", "hmac-sha1"),
                ("now", str(seconds))]
    whole = list(headers if sent is None else sent) + [("authorization", authorization.encode())]
    return case_files(name, settings, line, headers, string, authorization, whole)


def market_before(case_files):
    """The market's older form: Tencent's own scheme with `x-source`, not `source`."""
    name, (seconds, date) = "tencent-market-before", WEDNESDAY
    string = ("x-date: %s\nx-source: market" % date).encode()
    authorization = 'hmac id="%s", algorithm="hmac-sha1", headers="x-date x-source", signature="%s"' % (
        KEY_ID, sign(name, KEY, string, "sha1"))
    settings = [("scheme", "tencent"), ("key-id", KEY_ID), ("secret-key", KEY.hex()), ("algorithm", "hmac-sha1"),
                ("now", str(seconds)), ("component", "x-date"), ("component", "x-source")]
    headers = [("x-source", b"market")]
    whole = headers + [("x-date", date.encode()), ("authorization", authorization.encode())]
    return case_files(name, settings, "GET /a HTTP/1.1", headers, string, authorization, whole)


def cases(case_files):
    yield market(case_files, "market")
    yield market(case_files, "market-third-party", key=b"test-secret", when=MONDAY)
    yield market(case_files, "market-key-id-with-a-backslash", key_id="a\\b c")
    request_id = ("request-id", b"0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0")
    stale = [request_id, ("x-date", b"Thu, 01 Jan 1970 00:00:00 GMT"), ("date", b"Thu, 01 Jan 1970 00:00:00 GMT"),
             ("authorization", b'{"id":"old"}')]
    yield market(case_files, "market-stale-headers-are-removed", headers=stale, sent=[request_id])
    yield market_before(case_files)
