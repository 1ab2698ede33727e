"""The vectors of Tencent's other schemes: the market's JSON object, and application authentication.

What public client code of Tencent Cloud's two schemes and iFlytek computes is in PUBLISHED; each case names its own.
"""

import base64
import hashlib
import hmac
import urllib.parse

KEY_ID, KEY = "AKIDfamily0000000001", b"family-secret-0123456789abcdef"
WEDNESDAY = (1795579506, "Wed, 25 Nov 2026 04:05:06 GMT")
MONDAY = (1521461320, "Mon, 19 Mar 2018 12:08:40 GMT")
FRIDAY = (1619145347, "Fri, 23 Apr 2021 02:35:47 GMT")
XF_ID, XF_KEY = "0123456789abcdef0123456789abcdef", b"fedcba9876543210fedcba9876543210"
THURSDAY = (1615451398, "Thu, 11 Mar 2021 08:29:58 GMT")
FORM = "application/x-www-form-urlencoded"

PUBLISHED = {
    "market": "cvoEK4WBVhVUeTzpN9Lum12mKZ8=",
    "market-third-party": "nJYbWWhIpVSdXuQFmh1JZREBVmU=",
    "tencent-market-before": "YgiIqMR1Ahil7BgZsEqSxMSv6pg=",
    "iflytek-digest": "LwQcqqXJOMVCiW++YIxPuK7+16/WTI7ZR8eGMFri9J4=",
    "iflytek-third-party": "1jwQbIAKmQE7JwIH0IDxiC1pejrlN+VpHXDWOFVy5NM=",
    "iflytek-query": "63sOxp73xQe3YorV2pOskwaQs9Rmzic6d/mGouMrSL4=",
}

PUBLISHED_QUERY = {
    "iflytek-query":
        "authorization=YXBpX2tleT0iMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYiLCBhbGdvcml0aG09ImhtYWMtc2hhMjU2IiwgaGVhZGVy"
        "cz0iaG9zdCBkYXRlIHJlcXVlc3QtbGluZSIsIHNpZ25hdHVyZT0iNjNzT3hwNzN4UWUzWW9yVjJwT3Nrd2FRczlSbXppYzZkL21Hb3VNclNMND0i"
        "&date=Wed%2C%2025%20Nov%202026%2004%3A05%3A06%20GMT&host=iat-api.xfyun.cn",
    "tencent-app-get": "wsoo9zBNeJRmVD0cx2MiWK4mp+8=",
    "tencent-app-post": "Foq4A0wjDRFwOufS7I8hgSWRFng=",
    "tencent-app-documented": "q9kjrvwT8M80trJ8psnYnedpWBE=",
    "tencent-app-source": "q9kjrvwT8M80trJ8psnYnedpWBE=",
}


def sign(name, key, string, hash_name):
    signature = base64.b64encode(hmac.new(key, string, getattr(hashlib, hash_name)).digest()).decode()
    assert PUBLISHED.get(name, signature) == signature, name
    return signature


# A request without one gets a random one, which no vector can have.
REQUEST_ID = ("request-id", b"0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0")


def market(case_files, name, line="GET /service-abc/a?x=1 HTTP/1.1", key_id=KEY_ID, key=KEY, when=WEDNESDAY,
           headers=(REQUEST_ID,), sent=None):
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


def iflytek(case_files, name, line, host, digest=None, in_query=False, key_id=XF_ID, key=XF_KEY, when=WEDNESDAY,
            other_query=(), sent_line=None, others=None):
    """`others`: what stays of the target's query, before the credentials."""
    seconds, date = when
    method, url, version = line.split(" ")
    path, _, query = url.removeprefix("https://" + host).partition("?")
    names = ["host", "date", "request-line"] + (["digest"] if digest else [])
    lines = ["host: " + host, "date: " + date, "%s %s HTTP/1.1" % (method, path)]
    string = "\n".join(lines + (["digest: " + digest] if digest else [])).encode()
    inner = 'api_key="%s", algorithm="hmac-sha256", headers="%s", signature="%s"' % (
        key_id, " ".join(names), sign(name, key, string, "sha256"))
    settings = [("scheme", "iflytek"), ("key-id", key_id), ("secret-key", key.hex()), ("algorithm", "hmac-sha256"),
                ("now", str(seconds))]
    headers = [("digest", digest.encode())] if digest else []
    if not in_query:
        whole = headers + [("date", date.encode()), ("host", host.encode()), ("authorization", inner.encode())]
        headers.append(("host", host.encode()))
        return case_files(name, settings, line, headers, string, inner, whole)
    values = (("authorization", base64.b64encode(inner.encode()).decode()), ("date", date), ("host", host))
    query = query if others is None else others
    pairs = ([query] if query else []) + ["%s=%s" % (n, urllib.parse.quote(v, safe="")) for n, v in values]
    signed = "&".join(pairs)
    assert PUBLISHED_QUERY.get(name, signed) == signed, name
    target = "https://%s%s?%s" % (host, path, signed)
    return case_files(name, settings + [("in-query", "yes")], line, headers, string, target,
                      headers, sent_line="%s %s %s" % (method, target, version))


def iflytek_cases(case_files):
    xf_digest = "SHA-256=" + base64.b64encode(hashlib.sha256(b'{"common":{"app_id":"00000000"}}').digest()).decode()
    assert xf_digest == "SHA-256=qMgrdZH1KRQFhmYFtKQ/NdzptTtbMYPQPxh0dtZBuc8="
    yield iflytek(case_files, "iflytek-digest", "POST /v2/itr HTTP/1.1", "rest-api.xfyun.cn", digest=xf_digest)
    yield iflytek(case_files, "iflytek-third-party", "POST /v1/private/s782b4996 HTTP/1.1", "api.xf-yun.com",
                  key=b"apisecretXXXXXXXXXXXXXXXXXXXXXXX", when=FRIDAY)
    yield iflytek(case_files, "iflytek-query", "GET https://iat-api.xfyun.cn/v2/iat HTTP/1.1", "iat-api.xfyun.cn",
                  in_query=True)
    yield iflytek(case_files, "iflytek-query-is-not-signed", "GET /a?x=1 HTTP/1.1", "iat-api.xfyun.cn")
    yield iflytek(case_files, "iflytek-query-with-others",
                  "GET https://iat-api.xfyun.cn/v2/iat?lang=zh%5fCN&date=old&&q=a+b&%68ost=h&authorization=eA%3D%3D HTTP/1.1",
                  "iat-api.xfyun.cn", in_query=True, others="lang=zh%5fCN&&q=a+b")


def app(case_files, name, line, headers, when=WEDNESDAY, signed=(), form=None, hash_name="sha1", key=KEY):
    """Application authentication. `signed`: further headers in the list; `form`: the body, if it is a form."""
    seconds, date = when
    method, target, _ = line.split(" ")
    path, _, query = target.partition("?")
    sent = dict(headers)
    sent.setdefault("accept", b"*/*")
    listed = dict({"x-date": date.encode()}, **{n: sent[n] for n in signed})
    parameters = urllib.parse.parse_qsl(query, keep_blank_values=True)
    parameters += urllib.parse.parse_qsl(form or "", keep_blank_values=True)
    written = "&".join(n + "=" + v if v else n for n, v in sorted(parameters))
    lines = [n.encode() + b": " + listed[n] for n in sorted(listed)] + [method.encode()]
    lines += [sent.get(n, b"") for n in ("accept", "content-type", "content-md5")]
    lines += [(path + ("?" + written if written else "")).encode()]
    string = b"\n".join(lines)
    authorization = 'hmac id="%s", algorithm="hmac-%s", headers="%s", signature="%s"' % (
        KEY_ID, hash_name, " ".join(sorted(listed)), sign(name, key, string, hash_name))
    settings = [("scheme", "tencent-app"), ("key-id", KEY_ID), ("secret-key", key.hex()), ("algorithm", "hmac-" + hash_name),
                ("now", str(seconds))]
    settings += [("sign", n) for n in signed if n not in ("source", "digest")]
    settings += [("form", form)] if form is not None else []
    whole = list(sent.items()) + [("x-date", date.encode()), ("authorization", authorization.encode())]
    return case_files(name, settings, line, headers, string, authorization, whole)


def app_cases(case_files):
    def made(name, line, headers, **more):
        return app(case_files, "tencent-app-" + name, line + " HTTP/1.1", headers, **more)

    json = [("accept", b"application/json"), ("content-type", b"application/json")]
    pudu = "/pudu-entry/open-platform-service/"
    yield made("get", "GET " + pudu + "v2/status/get_by_sn?sn=SN001", json)
    md5 = base64.b64encode(hashlib.md5(b'{"sn":"SN001"}').hexdigest().encode())
    assert md5 == b"MWRiYmUxMTg2YTdhY2FlZGI2NGFjNTA5ODA1NjZhNmU="
    with_md5 = json + [("content-md5", md5)]
    yield made("post", "POST " + pudu + "v1/custom_call", with_md5)
    form = [("accept", b"application/json"), ("content-type", FORM.encode())]
    sourced = form + [("source", b"apigw test")]
    yield made("source", "POST /?p=test", sourced, when=THURSDAY, signed=["source"], form="")
    # The documentation's request: the same parameter in the form.
    yield made("documented", "POST /", sourced, when=THURSDAY, signed=["source"], form="p=test")
    yield made("form", "POST /a?c=3&a=1", form, form="b=%E4%BD%A0+x&empty=&d=1%2B2%3D3")
    yield made("nothing-but-a-date", "GET /", [])
    yield made("sorted", "DELETE /a/%20b?b=2&a", [("x-b", b"2"), ("host", b"h.example")],
               signed=["x-b", "host"], hash_name="sha256")
    yield made("newline-in-a-form", "PUT /a", form, form="text=1%0Ax-role:+admin")


def cases(case_files):
    yield market(case_files, "market")
    yield market(case_files, "market-third-party", key=b"test-secret", when=MONDAY)
    yield market(case_files, "market-key-id-with-a-backslash", key_id="a\\b c")
    stale = [REQUEST_ID, ("x-date", b"Thu, 01 Jan 1970 00:00:00 GMT"), ("date", b"Thu, 01 Jan 1970 00:00:00 GMT"),
             ("authorization", b'{"id":"old"}')]
    yield market(case_files, "market-stale-headers-are-removed", headers=stale, sent=[REQUEST_ID])
    yield market_before(case_files)
    yield from iflytek_cases(case_files)
    yield from app_cases(case_files)
