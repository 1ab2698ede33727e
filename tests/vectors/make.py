#!/usr/bin/env python3
"""Writes the test vectors, or with --check compares them with what is there.

A second implementation, from the gateway's documentation alone: it shares nothing with the crate. What the
documentation and the gateways' own code gave is in PUBLISHED, and every case that should equal one names it.

One directory a case, one file a stage:
  settings        how the signer is set up, one `name: value` a line; the secret key in hexadecimal
  request         the request before it is signed
  signing-string  the bytes that are signed
  authorization   the Authorization value, or the whole target if the credentials are in its query
  signed-request  the request as it is sent, headers sorted by name
"""

import base64
import hashlib
import hmac
import pathlib
import sys

sys.dont_write_bytecode = True  # What is in a folder here is a case.
import carried  # noqa: E402
import schemes  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent

SAMPLE_ID = "AKIDCgOPWjQ6BAxvHtyckhWABJVYSBj548pN"
SAMPLE_KEY = b"ZxF2whO0RhuwnVCj5JMMAuqcDcN2oPrC"
FRIDAY = (1444348800, "Fri, 09 Oct 2015 00:00:00 GMT")
MONDAY = (1521461320, "Mon, 19 Mar 2018 12:08:40 GMT")

PUBLISHED = {
    ("date", "AndriodApp", "sha1"): "zJ1fUmiWSmSZUoqgZi+dGUJvxn0=",
    ("date", "AndriodApp", "sha256"): "P6FsmuKopyHp3tBPMSjBX/N2PG3dOU6NE0LVHAFfeFk=",
    ("x-date", "xxxxxx", "sha1"): "M+oOCMJyaH8QvRYDqyL6ObdUaLg=",
    ("x-date", "xxxxxx", "sha256"): "pC5Dxo6XSccOwQ86opo2pM4VH9tZ2RNm3JdOfgSHDww=",
    ("date", "", "sha1"): "PJNOhNPlwkfzkoa/rAgVm32W6XU=",
    ("date", "", "sha256"): "9u0gZQ4z14X+aMd/gXDI8jwlG5g/HrkCWxzhFmnEPSo=",
}

# The gateways' own code accepted these: key test-secret-key-0001, Friday, source AndriodApp.
ACCEPTED = {
    "sha1": "C6pxycsoBHmQJ9G8lCBx7779juc=",
    "sha256": "DukvBfASQU+AAPodKWCQamgoWiqaH88/d/HhfnbX+jo=",
    "sha384": "44txe29DA3fSpbMNaVpYY2BX5dX3agAMO5UMIOrE3vu7fCrJTFEySBZNQYe+0FAl",
    "sha512": "otJatNMti6zU6ctvQ2XFdLaUAZzab4H8eEmsVA2VhqlV0WDuEEVEib1pygbq6pvY19elMzh1aXHfYXdn1qu13Q==",
}


def case(name, *, line="GET /a HTTP/1.1", headers=(), key_id=SAMPLE_ID, key=SAMPLE_KEY, hash_name="sha1",
         date_name="x-date", when=FRIDAY, supplied=(), sign=(), signed, sent, published=None):
    """`signed`: name and value of each line of the signing string after the date, in order.
    `sent`: the whole request's headers but for date and authorization."""
    seconds, date = when
    listed = [(date_name, date.encode())] + [(n, v) for n, v in signed]
    string = b"\n".join(n.encode() + b": " + v for n, v in listed)
    signature = base64.b64encode(hmac.new(key, string, getattr(hashlib, hash_name)).digest()).decode()
    assert published in (None, signature), name
    authorization = 'hmac id="%s", algorithm="hmac-%s", headers="%s", signature="%s"' % (
        key_id, hash_name, " ".join(n for n, _ in listed), signature)

    settings = [("key-id", key_id), ("secret-key", key.hex()), ("algorithm", "hmac-" + hash_name),
                ("date-header", date_name), ("now", str(seconds))]
    settings += [("supply", "%s: %s" % (n, v)) for n, v in supplied]
    settings += [("sign", n) for n in sign]
    whole = list(sent) + [(date_name, date.encode()), ("authorization", authorization.encode())]
    return case_files(name, settings, line, headers, string, authorization, whole)


def case_files(name, settings, line, headers, string, authorization, whole, sent_line=None):
    """The files of a case; `whole` are the headers of the request as it is sent."""
    def head(line, fields):
        return line.encode() + b"\n" + b"".join(n.encode() + b": " + v + b"\n" for n, v in fields)

    return {
        name + "/settings": "".join("%s: %s\n" % s for s in settings).encode(),
        name + "/request": head(line, headers),
        name + "/signing-string": string,
        name + "/authorization": authorization.encode(),
        name + "/signed-request": head(sent_line or line, sorted(whole, key=lambda field: field[0])),
    }


def sourced(name, source, **more):
    """The documentation's samples: the date and a source that the signer supplies."""
    value = source.encode()
    return case(name, supplied=[("source", source)], signed=[("source", value)], sent=[("source", value)], **more)


def tencent_cases():
    for hash_name in ("sha1", "sha256"):
        for date_name, source, when in (("date", "AndriodApp", FRIDAY), ("x-date", "xxxxxx", MONDAY),
                                        ("date", "", FRIDAY)):
            yield sourced("documented-%s-%s-%s" % (date_name, "with-source" if source else "empty-source", hash_name),
                          source, date_name=date_name, when=when, hash_name=hash_name,
                          published=PUBLISHED[date_name, source, hash_name])
    for hash_name, signature in ACCEPTED.items():
        yield sourced("accepted-" + hash_name, "AndriodApp", key_id="AKIDtestkey0001", key=b"test-secret-key-0001",
                      date_name="date", hash_name=hash_name, published=signature)
    yield sourced("x-date-empty-source", "")
    yield case("date-alone", date_name="date", signed=[], sent=[])
    yield case("x-date-alone", signed=[], sent=[])
    yield case("source-on-the-request-wins", headers=[("source", b"caller")], supplied=[("source", "layer")],
               signed=[("source", b"caller")], sent=[("source", b"caller")])
    yield case("empty-source-on-the-request-wins", headers=[("source", b"")], supplied=[("source", "layer")],
               signed=[("source", b"")], sent=[("source", b"")])
    yield case("source-on-the-request-alone", headers=[("source", b"caller")],
               signed=[("source", b"caller")], sent=[("source", b"caller")])
    yield case("further-headers-in-the-callers-order",
               line="POST /v1/items?x=1 HTTP/1.1",
               headers=[("content-type", b"application/json"), ("x-b", b"2"), ("x-a", b"1"), ("x-unsigned", b"0")],
               supplied=[("source", "billing")], sign=["x-b", "x-absent", "content-type", "x-a"],
               signed=[("source", b"billing"), ("x-b", b"2"), ("content-type", b"application/json"), ("x-a", b"1")],
               sent=[("content-type", b"application/json"), ("x-b", b"2"), ("x-a", b"1"), ("x-unsigned", b"0"),
                     ("source", b"billing")])
    micro = [("x-namespace-code", "testmic"), ("x-microservice-name", "provider-demo")]
    micro_sent = [(n, v.encode()) for n, v in micro]
    yield case("microservice-unsigned", date_name="date", supplied=[("source", "AndriodApp")] + micro,
               signed=[("source", b"AndriodApp")], sent=[("source", b"AndriodApp")] + micro_sent,
               published=PUBLISHED["date", "AndriodApp", "sha1"])
    yield case("microservice-signed", supplied=micro, sign=["x-namespace-code", "x-microservice-name"],
               signed=micro_sent, sent=micro_sent)
    yield case("blanks-around-values-are-not-sent", headers=[("source", b" \t two  words \t"), ("x-a", b"\tv ")],
               sign=["x-a"], signed=[("source", b"two  words"), ("x-a", b"v")],
               sent=[("source", b"two  words"), ("x-a", b"v")])
    yield case("bytes-above-127", headers=[("source", "caf\u00e9 \u4f60".encode()), ("x-a", b"\xff\x80")], sign=["x-a"],
               signed=[("source", "caf\u00e9 \u4f60".encode()), ("x-a", b"\xff\x80")],
               sent=[("source", "caf\u00e9 \u4f60".encode()), ("x-a", b"\xff\x80")])
    signs = b"a,b;c=\"d\" \\ 'e' %20 <&>"
    yield case("signs-in-values", headers=[("source", signs)], signed=[("source", signs)], sent=[("source", signs)])
    yield case("long-value", headers=[("source", b"0123456789" * 700)], signed=[("source", b"0123456789" * 700)],
               sent=[("source", b"0123456789" * 700)])
    yield case("long-value-before-others", headers=[("source", b"0123456789" * 23), ("x-a", b"1"), ("x-b", b"2" * 40)],
               sign=["x-a", "x-b", "x-date-of-birth"],
               signed=[("source", b"0123456789" * 23), ("x-a", b"1"), ("x-b", b"2" * 40)],
               sent=[("source", b"0123456789" * 23), ("x-a", b"1"), ("x-b", b"2" * 40)])
    for hash_name, block in (("sha1", 64), ("sha256", 64), ("sha384", 128), ("sha512", 128)):
        for size in (block, block + 1):
            key = bytes(i * 7 % 256 for i in range(size))
            yield sourced("key-of-%d-bytes-%s" % (size, hash_name), "s", key=key, hash_name=hash_name)
    yield sourced("key-of-any-bytes", "s", key=b"\x00\xff\n\"\x7f\x80 ")
    yield case("stale-headers-are-replaced", date_name="date",
               headers=[("date", b"Thu, 01 Jan 1970 00:00:00 GMT"), ("x-date", b"Thu, 01 Jan 1970 00:00:00 GMT"),
                        ("authorization", b"Bearer token"), ("authorization", b"hmac id=\"old\"")],
               signed=[], sent=[])
    yield case("clock-before-1970", when=(-1, "Thu, 01 Jan 1970 00:00:00 GMT"), signed=[], sent=[])
    yield case("clock-at-1970", when=(0, "Thu, 01 Jan 1970 00:00:00 GMT"), signed=[], sent=[])
    yield case("clock-at-the-end-of-9999", when=(253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"), signed=[], sent=[])
    yield case("clock-after-9999", when=(253402300800, "Fri, 31 Dec 9999 23:59:59 GMT"), signed=[], sent=[])
    yield case("clock-on-a-leap-day", when=(1709164800, "Thu, 29 Feb 2024 00:00:00 GMT"), signed=[], sent=[])
    yield case("host-on-the-request", line="GET https://other.example.com/a HTTP/1.1", headers=[("host", b"h.example:8443")],
               sign=["host"], signed=[("host", b"h.example:8443")], sent=[("host", b"h.example:8443")])
    yield case("host-of-the-target", line="GET https://api.example.com:8443/a HTTP/1.1", sign=["host"],
               signed=[("host", b"api.example.com:8443")], sent=[])
    yield case("no-host-anywhere", sign=["host"], signed=[], sent=[])


def cases():
    yield from tencent_cases()
    yield from schemes.cases(case_files)
    yield from carried.cases(case_files)


def main():
    files = {}
    for made in cases():
        assert not files.keys() & made.keys(), made.keys()
        files.update(made)
    if sys.argv[1:] == ["--check"]:
        there = {str(p.relative_to(HERE)): p.read_bytes() for p in HERE.glob("*/*")}
        wrong = sorted(n for n in files.keys() | there.keys() if files.get(n) != there.get(n))
        if wrong:
            sys.exit("vectors differ from what Python computes: " + ", ".join(wrong))
        print("%d vector files are as Python computes them" % len(files))
        return
    for name, content in files.items():
        path = HERE / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)


main()
