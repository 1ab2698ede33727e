"""The vectors of Kong, Apache APISIX, draft-cavage, Tyk, Traefik Hub, DNSE and Modulr, from the descriptions of their schemes.

What the plugins' own code accepted, and npm's http-signature confirmed, is in PUBLISHED; each case names its own.
"""

import base64
import hashlib
import hmac
import urllib.parse

KEY_ID, KEY = "AKIDtestkey0001", b"test-secret-key-0001"
FRIDAY = (1444348800, "Fri, 09 Oct 2015 00:00:00 GMT")
DATE = FRIDAY[1].encode()
DIGEST = b"SHA-256=k6I5cakU5erL8KjSUVTNownDwccvu5kU1Hxg88toFYg="

FORMS = {
    "kong": ('hmac username="%s", algorithm="%s", %sheaders="%s", signature="%s"', ", "),
    "apisix": ('Signature keyId="%s",algorithm="%s",%sheaders="%s",signature="%s"', ","),
    "cavage": ('Signature keyId="%s",algorithm="%s",%sheaders="%s",signature="%s"', ","),
    "traefik-hub": ('Hmac keyId="%s",algorithm="%s",%sheaders="%s",signature="%s"', ","),
    "tyk": ('Signature keyId="%s",algorithm="%s",%sheaders="%s",signature="%s"', ","),
}
# These speak like Tyk. DNSE has a header of its own, and a nonce after the signature.
FORMS["modulr"] = FORMS["tyk"]
FORMS["dnse"] = (FORMS["tyk"][0] + ',nonce="%s"', ",")
LIKE_TYK = ("tyk", "modulr", "dnse")

# The key and the date of the vectors that were collected from the clients of each service.
FAMILY_ID, FAMILY_KEY = "AKIDfamily0000000001", b"family-secret-0123456789abcdef"
WEDNESDAY = (1795579506, "Wed, 25 Nov 2026 04:05:06 GMT")
FAMILY = {"key_id": FAMILY_ID, "key": FAMILY_KEY, "when": WEDNESDAY}

PUBLISHED = {
    "kong-date-source-sha1": "C6pxycsoBHmQJ9G8lCBx7779juc=",
    "kong-date-source-sha256": "DukvBfASQU+AAPodKWCQamgoWiqaH88/d/HhfnbX+jo=",
    "kong-date-source-sha384": "44txe29DA3fSpbMNaVpYY2BX5dX3agAMO5UMIOrE3vu7fCrJTFEySBZNQYe+0FAl",
    "kong-date-source-sha512":
        "otJatNMti6zU6ctvQ2XFdLaUAZzab4H8eEmsVA2VhqlV0WDuEEVEib1pygbq6pvY19elMzh1aXHfYXdn1qu13Q==",
    "kong-target": "wkRFFij+nfhxTgDPL9ZuXdLtGoA3ejrIKnWsvU2T1jI=",
    "kong-request-line-and-digest": "a6FlfqLhUUx0STiUI8/qy8yOtzYfalG2twDybaMHaKY=",
    "kong-absent": "6sG99q1VgM5kGBh6aR0HfjDrbPk=",
    "apisix-default-sha256": "nvbJkwHQoPZGx3IigsBF1WIDKfgU1OyyJCr811NPLIc=",
    "apisix-default-sha1": "KYYhoj+AjVNWbjmvDnaClvkAApM=",
    "apisix-decoded-path": "OylvM093iqwOhx2hsWQFdlmLpjvF9lEx/ZtWheLUJDU=",
    "apisix-absent-and-digest": "uq9cT6bDYCNZY0UNY08cLM72zSxJus8CP8okfza5P58=",
    "cavage-default-sha256": "va7+DLJcT3Flx//oGi+3DaDsX5jh+JgDWhKop1Ydfhk=",
    "cavage-default-sha512":
        "Z2Cwa8B1Id1nera2ZZZ9RpD3rAm9MdgUfMqHd3Zwt7khH6JyA5zg2KJh8/8yOmMtwmzv70ITlktjOrt8heSUog==",
    "cavage-digest": "4h7CDRogIuM2JTrl4R2ApBNXFjg5U90/QjgZSRnrqhY=",
    "cavage-joined-and-empty": "Yl0hJqAjo0F6Eh3lhKMBX+oAaAUt7ckXGq56cqPUSic=",
    "traefik-hub-host": "h8dJJtkK6Yf5VizAU8uwie9JQ20+XGZKcgJifAu665o=",
    "tyk-path-without-query": "2GWH5T7dqtSWR9E6rFtrfOoXd%2B11gqa%2BO38XWaCp2ko%3D",
    "dnse-numeric-zone": "EyDxn%2FORuOJklxYvbYP68vbBedZGfu%2BgXtW%2F3NvwuYQ%3D",
    "modulr-nonce": "TmQs1R4j8ijOUUDdMdQ0e%2FDX59IYnTY5e4miQebBU%2B8rrW6I5IVKHjSezP2CrslF69tHFxdPLQlcHsiUaAcB9Q%3D%3D",
    "tyk-date-sha1": "6kQ5GQiIa4jeHS9pVBKTng67kb8%3D",
}


def signing_string(scheme, key_id, line, names, headers, times, nonce):
    """`headers`: name in lower case to the list of its values."""
    method, target, version = line.split(" ")
    raw, mark, query = target.partition("?")
    lines = [key_id.encode()] if scheme == "apisix" else []
    for name in names:
        spelled = name.lower() if scheme in ("cavage", "traefik-hub") + LIKE_TYK else name
        if scheme in LIKE_TYK and spelled == "date" and "x-aux-date" in headers:
            spelled = "x-aux-date"
        values = [value.strip(b" \t") for value in headers.get(spelled.lower(), [])]
        if name == "@request-target" and scheme == "apisix":
            lines.append(method.encode() + b" " + urllib.parse.unquote_to_bytes(raw)
                         + (b"?" + query.encode() if query else b""))
        elif name == "(request-target)" and scheme in LIKE_TYK:
            lines.append(("%s: %s " % (name, method.lower())).encode() + urllib.parse.unquote_to_bytes(raw))
        elif name in ("@request-target", "(request-target)"):
            lines.append(("%s: %s %s" % (name, method.lower(), target)).encode())
        elif name == "request-line":
            lines.append(line.encode())
        elif name in ("(created)", "(expires)"):
            lines.append(("%s: %d" % (name, times[name])).encode())
        elif values:
            join = b"; " if name == "cookie" else b", "
            lines.append(spelled.encode() + b": " + join.join(values))
        elif scheme == "kong":
            lines.append(spelled.encode() + b":")
        elif scheme in LIKE_TYK:
            lines.append(spelled.encode() + b": ")
        else:
            assert scheme == "apisix", name
    lines += [b"nonce: " + nonce.encode()] if nonce else []
    return b"\n".join(lines) + (b"\n" if scheme == "apisix" else b"")


def case(case_files, name, scheme, names, *, line="GET /a HTTP/1.1", sent_line=None, target_line=None, headers=(),
         sent=(), hash_name="sha256", date_name="date", hs2019=False, lifetime=None, allow_missing=False, default=False,
         sign=(), key_id=KEY_ID, key=KEY, when=FRIDAY, no_list=False, received_only=False, nonce=None):
    """`sent`: what the signer adds beside date and Authorization; `default`: the list is the scheme's own; `no_list`: it
    is not sent; `received_only`: other clients send it, but not our signer."""
    seconds, date = when
    times = {"(created)": seconds, "(expires)": seconds + (lifetime or 0)}
    all_headers = {}
    whole = list(headers) + list(sent)
    if date_name:
        whole.append((date_name, date.encode()))
    for header, value in whole:
        all_headers.setdefault(header, []).append(value)
    string = signing_string(scheme, key_id, target_line or sent_line or line, names, all_headers, times, nonce)
    algorithm = "hs2019" if hs2019 else "hmac-" + hash_name
    signature = base64.b64encode(hmac.new(key, string, getattr(hashlib, hash_name)).digest()).decode()
    if scheme in LIKE_TYK:
        signature = urllib.parse.quote(signature, safe="")
    assert PUBLISHED.get(name, signature) == signature, name
    form, separator = FORMS[scheme]
    time = '%s="%d"%s' if scheme == "traefik-hub" else "%s=%d%s"
    parameters = "".join(time % (n.strip("()"), times[n], separator) for n in times if n in names)
    words = (key_id, algorithm, parameters, " ".join(names), signature) + ((nonce,) if nonce else ())
    authorization = form % words
    if no_list:
        authorization = authorization.replace('headers="%s"%s' % (" ".join(names), separator), "")

    settings = [("scheme", scheme), ("key-id", key_id), ("secret-key", key.hex()), ("algorithm", "hmac-" + hash_name),
                ("now", str(seconds))]
    settings += [("component", n) for n in names] if not default else [("sign", n) for n in sign]
    settings += [("hs2019", "yes")] if hs2019 else []
    settings += [("lifetime", str(lifetime))] if lifetime else []
    settings += [("allow-missing-headers", "yes")] if allow_missing else []
    settings += [("received-only", "yes")] if received_only else []
    settings += [("nonce", nonce)] if nonce else []
    # The crumbs of a cookie are sent in one line.
    crumbs = [value.strip(b" \t") for header, value in whole if header == "cookie"]
    whole = [h for h in whole if h[0] != "cookie"] + ([("cookie", b"; ".join(crumbs))] if crumbs else [])
    whole.append(("x-signature" if scheme == "dnse" else "authorization", authorization.encode()))
    return case_files(name, settings, line, headers, string, authorization, whole, sent_line)


def cases(case_files):
    def made(*arguments, **more):
        return case(case_files, *arguments, **more)

    source = [("source", b"AndriodApp")]
    for hash_name in ("sha1", "sha256", "sha384", "sha512"):
        yield made("kong-date-source-" + hash_name, "kong", ["date", "source"], headers=source, hash_name=hash_name)
    odd = "/v1/a%20b?x=1&y=%E4%BD%A0"
    yield made("kong-target", "kong", ["x-date", "@request-target"], line="GET " + odd + " HTTP/1.1", default=True,
               date_name="x-date")
    yield made("kong-request-line-and-digest", "kong", ["date", "request-line", "digest"],
               line="POST /digest/items HTTP/1.1", headers=[("digest", DIGEST)])
    yield made("kong-absent", "kong", ["date", "source", "x-none"], headers=[("source", b"")], hash_name="sha1",
               allow_missing=True)
    yield made("kong-spelling-is-kept", "kong", ["x-date", "@request-target", "X-Tenant"], default=True, sign=["X-Tenant"],
               headers=[("x-tenant", b"7")], date_name="x-date")
    yield made("kong-cookies-are-joined", "kong", ["date", "cookie"], headers=[("cookie", b"a=1"), ("cookie", b" b=2 ")])
    for scheme in ("apisix", "cavage"):
        yield made(scheme + "-cookies-are-joined", scheme, ["date", "cookie"],
                   headers=[("cookie", b"a=1"), ("cookie", b" b=2; c=3 ")])
    yield made("kong-default-with-source-and-digest", "kong", ["x-date", "@request-target", "source", "digest"],
               line="PUT / HTTP/1.1", headers=source + [("digest", DIGEST)], default=True, date_name="x-date")
    yield made("kong-bare-question-mark", "kong", ["x-date", "@request-target"], line="DELETE /a? HTTP/1.1", default=True,
               date_name="x-date")
    yield made("kong-absolute-form", "kong", ["x-date", "@request-target"], default=True, date_name="x-date",
               line="GET http://h.example/a?x HTTP/1.1", target_line="GET /a?x HTTP/1.1")
    yield made("kong-query-without-path", "kong", ["x-date", "@request-target"], default=True, date_name="x-date",
               line="GET http://h.example?x HTTP/1.1", sent_line="GET http://h.example/?x HTTP/1.1",
               target_line="GET /?x HTTP/1.1")

    for hash_name in ("sha1", "sha256", "sha512"):
        yield made("apisix-default-" + hash_name, "apisix", ["@request-target", "date"], default=True,
                   hash_name=hash_name)
    yield made("apisix-decoded-path", "apisix", ["@request-target", "date"], default=True,
               line="GET /v1/caf%C3%A9%20b?x=1&y=%E4%BD%A0 HTTP/1.1")
    yield made("apisix-absent-and-digest", "apisix", ["@request-target", "date", "X-Custom-A", "x-none", "digest"],
               line="POST /digest/items HTTP/1.1", headers=[("x-custom-a", b"v1"), ("digest", DIGEST)], allow_missing=True)
    yield made("apisix-bare-question-mark-is-dropped", "apisix", ["@request-target", "date"], default=True,
               line="GET /a? HTTP/1.1")
    yield made("apisix-method-as-sent", "apisix", ["@request-target", "date"], default=True, line="Patch /a/b/ HTTP/1.1")

    host = [("host", b"example.com")]
    for hash_name in ("sha256", "sha512"):
        yield made("cavage-default-" + hash_name, "cavage", ["(request-target)", "host", "date"], default=True,
                   line="GET /a?x=1&y=%20 HTTP/1.1", headers=host, hash_name=hash_name)
    yield made("cavage-digest", "cavage", ["(request-target)", "host", "date", "digest"], default=True,
               line="POST /items HTTP/1.1", headers=host + [("digest", DIGEST)])
    yield made("cavage-joined-and-empty", "cavage", ["date", "x-multi", "x-empty"],
               headers=[("x-multi", b"a"), ("x-multi", b" b\t"), ("x-empty", b"")])
    yield made("cavage-created-and-expires", "cavage", ["(request-target)", "(created)", "(expires)", "host"],
               headers=host, hs2019=True, lifetime=60, hash_name="sha512", date_name=None)
    yield made("cavage-created-beside-a-date", "cavage", ["(created)", "x-date"], hs2019=True, date_name="x-date")

    yield made("tyk-path-without-query", "tyk", ["(request-target)", "date", "x-test-1"], default=True, sign=["x-test-1"],
               line="GET /v1/items?a=1 HTTP/1.1", headers=[("x-test-1", b"hello")], **FAMILY)
    yield made("tyk-date-sha1", "tyk", ["date"], hash_name="sha1", no_list=True, received_only=True, **FAMILY)
    for hash_name in ("sha1", "sha256", "sha384", "sha512"):
        yield made("tyk-default-" + hash_name, "tyk", ["(request-target)", "date"], default=True, hash_name=hash_name)
    yield made("tyk-decoded-path", "tyk", ["(request-target)", "date"], default=True,
               line="GET /v1/caf%C3%A9%20b?x=1&y=%E4%BD%A0 HTTP/1.1")
    yield made("tyk-absent", "tyk", ["date", "x-none"], allow_missing=True)
    yield made("tyk-aux-date", "tyk", ["(request-target)", "date"], headers=[("x-aux-date", DATE)], date_name=None,
               received_only=True)

    times = ["(request-target)", "(created)", "(expires)"]
    yield made("traefik-hub-host", "traefik-hub", times + ["host"], default=True, sign=["host"], lifetime=10,
               line="GET /foo?q=1 HTTP/1.1", headers=[("host", b"example.org")], date_name=None, **FAMILY)
    for hash_name in ("sha1", "sha256", "sha384", "sha512"):
        yield made("traefik-hub-default-" + hash_name, "traefik-hub", times, default=True, lifetime=60,
                   hash_name=hash_name, date_name=None)
    yield made("traefik-hub-joined-and-empty", "traefik-hub", ["(created)", "x-multi", "x-empty"], date_name=None,
               headers=[("x-multi", b"a"), ("x-multi", b" b\t"), ("x-empty", b"")])
    yield made("traefik-hub-date", "traefik-hub", ["date"])
    yield made("traefik-hub-no-list", "traefik-hub", times, lifetime=60, date_name=None, no_list=True, received_only=True)

    nonce = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
    target_and_date = ["(request-target)", "date"]
    zone = dict(FAMILY, when=(WEDNESDAY[0], "Wed, 25 Nov 2026 04:05:06 +0000"))
    yield made("dnse-numeric-zone", "dnse", target_and_date, line="GET /price/ohlc HTTP/1.1", nonce=nonce,
               received_only=True, **zone)
    yield made("dnse-default", "dnse", target_and_date, default=True, line="GET /price/ohlc?symbol=HPG HTTP/1.1",
               nonce=nonce, **FAMILY)
    yield made("dnse-digest", "dnse", target_and_date + ["digest"], line="POST /orders HTTP/1.1",
               headers=[("digest", DIGEST)], nonce=nonce, **FAMILY)
    yield made("modulr-nonce", "modulr", ["date", "x-mod-nonce"], default=True, hash_name="sha512",
               headers=[("x-mod-nonce", b"28154b2-9c62b93cc22a-24c9e2-5536d7d")], **FAMILY)
