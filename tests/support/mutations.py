"""Beside the way of the data: requests that are nearly valid, each made from a valid one."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from tests.support.wire_requests import Pairs, WireRequest

ODD_TEXTS = (
    *("", " ", "\0", "a\0b", "\t", "\r\n", "\x7f", "\x85", "\u2028", "\ufeff", "\ufffe"),
    *("\U0010ffff", "\ud800", "\udc00x", "a\u0301" * 300, "\u202e\u2066", "\u00df\u0130\ufb03"),
    *("👩‍👩‍👧‍👦", "ﷺ" * 90, "%", "%s%n", "%00", "{}", "{0.__class__}", "${jndi:ldap://x}"),
    *("{tracking_number", "{a}{b}", "'; DROP TABLE events;--", '" OR 1=1', "*", '"*'),
    *("a OR b NEAR c", "<script>", "../../etc", "null", "NaN", "Infinity", "-1", "+1", "1e9"),
    *("0x10", "\uff11\uff12", "\u0663", "1_000", "1" * 400, "9" * 5000, "2026-02-30", "0000-01-01"),
    *("10000-01-01", "-0001-01-01", "2026-W01-1", "20260101", "2026-01-01T00:00:00Z"),
    *("9999-12-31T23:59:59.999999+14:00", "0001-01-01T00:00:00+14:00", "2026-12-31T23:59:60Z"),
    *("2026-01-01T00:00:00-23:59:59.9", "2026-01-01T00:00:00,5Z", "@", "a@b", "a@[127.0.0.1]"),
    *('"a b"@example.com', "ä@ü.de", "a@xn--", "a@" + "x." * 200 + "com", "a@xn--a", "a@\u2488com"),
    *("a@b..com", "a" * 300 + "@example.com", "https://", "https://[", "https://[::1"),
    *("https://a b/", "https://x:99999999/", "https://\u2100.com", "https://xn--/"),
    *("javascript:alert(1)", "https://user:password@example.com/", "https://example.com/%", "+"),
    *("+1" * 30, "+49" + "0" * 40, "DE,FR", "DE,,", ",", "ZZ", "worldwide", "scac:", ":FDEG"),
    *("scac:FDEG:x", "W/", '"', '"1', 'W/"1"', '"1","2"', "*, *", "0:7", ":"),
    *("7c9e6679-7425-40de-944b-e07fc1f90ae7:" + "9" * 30, "A" * 32, "_" * 54, "application/json;"),
    *("text/*;q=x", "*/*;q=", "application/problem+json;q=1e9", ";", "gzip, br", "bytes=0-"),
    *("chunked", "100-continue", "Bearer ", "Bearer a.b", "Basic Og==", "a, b", "\u00ff"),
)
ODD_NUMBERS = (
    *(0, -0.0, -1, 1.5, 2**31, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**400, 1e308, 5e-324),
    *(float("nan"), float("inf"), float("-inf"), True, False, None),
)
ODD_HEADERS = (
    *("Accept", "Accept-Encoding", "Accept-Language", "Access-Control-Request-Headers"),
    *("Access-Control-Request-Method", "Authorization", "Cache-Control", "Connection"),
    *("Consistency-Token", "Content-Encoding", "Content-Range", "Content-Type", "Cookie", "Date"),
    *("Expect", "Forwarded", "Host", "Idempotency-Key", "If-Match", "If-Modified-Since"),
    *("If-None-Match", "If-Range", "If-Unmodified-Since", "Last-Event-ID", "Max-Forwards"),
    *("Origin", "Pragma", "Proxy", "Range", "Referer", "Sec-Fetch-Site", "TE", "Traceparent"),
    *("Trailer", "Transfer-Encoding", "Upgrade", "User-Agent", "Via", "X-Forwarded-For"),
    *("X-Forwarded-Proto", "X-HTTP-Method-Override", "X-Original-URL", "X-Request-ID", "x", "!"),
    "a" * 200,
)
METHODS = (b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE", b"QUERY")

_LARGEST = 40_000


def mutated(request: WireRequest, random: Random) -> WireRequest:
    """The request with one to three things changed, chosen by `random`."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        kinds: list[Callable[[WireRequest, Random], WireRequest]] = [_headers, _headers, _path]
        kinds += [_body] * 8 if request.body else [_body]
        kinds += [_query] * (6 if request.query else 1)
        request = random.choice(kinds)(request, random)
    return request


def damaged(content: bytes, random: Random) -> bytes:
    """The bytes with some of them changed, missing, added or given twice."""
    at = random.randrange(len(content) + 1)
    end = min(len(content), at + random.choice((1, 1, 2, 8, 64)))
    match random.randrange(6):
        case 0:
            flipped = bytes(byte ^ (1 << random.randrange(8)) for byte in content[at:end])
            return content[:at] + flipped + content[end:]
        case 1:
            return content[:at]
        case 2:
            return content[:at] + content[end:]
        case 3:
            return content[:at] + random.randbytes(random.choice((1, 2, 8, 64))) + content[at:]
        case 4:
            return content[:end] + content[at:]
        case _:
            odd = random.choice(
                (b"\0", b"\r\n", b"\n", b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b'"')
            )
            return content[:at] + odd + content[at:]


def _body(request: WireRequest, random: Random) -> WireRequest:
    if random.randrange(3) == 0:
        return replace(request, body=damaged(request.body, random))
    try:
        value = json.loads(request.body)
    except (ValueError, RecursionError):
        if b"," in request.body or b";" in request.body:  # a file of CSV
            return replace(request, body=damaged(request.body, random))
        value = {}
    if random.randrange(12) == 0:
        return replace(request, body=_nested(value, random))
    text = json.dumps(_value_changed(value, random), ensure_ascii=random.random() < 0.5)
    if random.randrange(8) == 0 and text.startswith("{") and len(text) > 2:
        text = f"{text[:-1]}, {text[1:]}"  # each key twice
    return replace(request, body=text.encode("utf-8", "surrogatepass")[:_LARGEST])


def _nested(value: Any, random: Random) -> bytes:  # noqa: ANN401 - any JSON value
    opening, closing = random.choice((("[", "]"), ('{"a":', "}"), ('{"metadata":', "}")))
    depth = random.choice((3, 40, 900, 1100, 3000))
    inner = json.dumps(value)
    return (opening * depth + inner + closing * random.choice((depth, depth - 1))).encode()


def _value_changed(value: Any, random: Random) -> Any:  # noqa: ANN401 - any JSON value
    """The value with one of its parts replaced, at whatever depth."""
    if isinstance(value, dict) and value and random.random() < 0.9:
        changed = dict(value)
        name = random.choice(list(changed))
        match random.randrange(8):
            case 0:
                del changed[name]
            case 1:
                changed[_odd_text(random)] = _odd_value(random)
            case 2:
                changed[name.upper()] = changed.pop(name)
            case _:
                changed[name] = _value_changed(changed[name], random)
        return changed
    if isinstance(value, list) and value and random.random() < 0.8:
        items = list(value)
        at = random.randrange(len(items))
        if random.randrange(6) == 0:
            return items * random.choice((2, 60, 400))
        items[at] = _value_changed(items[at], random)
        return items
    if isinstance(value, str) and value and random.random() < 0.3:
        at = random.randrange(len(value))
        return value[:at] + _odd_text(random)[:600] + value[at:]
    return _odd_value(random)


def _odd_value(random: Random) -> Any:  # noqa: ANN401 - any JSON value
    match random.randrange(5):
        case 0:
            return random.choice(ODD_NUMBERS)
        case 1:
            return random.choice(([], {}, [None], [[]], {"": ""}, [{}] * 70, {"a": {"b": [1, {}]}}))
        case _:
            return _odd_text(random)


def _odd_text(random: Random) -> str:
    if random.randrange(5) == 0:
        length = random.choice((1, 3, 30, 256, 4000))
        return "".join(chr(random.choice((9, 32, 97, 233, 0x5D0, 0x1F600))) for _ in range(length))
    return random.choice(ODD_TEXTS)


def _odd_bytes(random: Random) -> bytes:
    if random.randrange(6) == 0:
        return random.randbytes(random.choice((1, 4, 40)))
    return _odd_text(random).encode("utf-8", "surrogatepass")[:4000]


def _query(request: WireRequest, random: Random) -> WireRequest:
    return replace(request, query=_pairs_changed(request.query, random, _odd_bytes(random)[:40]))


def _headers(request: WireRequest, random: Random) -> WireRequest:
    changed = _pairs_changed(request.headers, random, random.choice(ODD_HEADERS).encode())
    return replace(request, headers=changed)


def _pairs_changed(pairs: Pairs, random: Random, name: bytes) -> Pairs:
    """The pairs with one changed, given twice, gone or moved to another name, or one more."""
    added = (*pairs, (name, _odd_bytes(random)))
    if not pairs:
        return added
    at = random.randrange(len(pairs))
    known, value = pairs[at]
    options: Sequence[Pairs] = (
        *[_with(pairs, at, (known, _odd_bytes(random)))] * 3,
        _with(pairs, at, (known, damaged(value, random))),
        _with(pairs, at, (damaged(known, random), value)),
        (*pairs, (known, random.choice((value, _odd_bytes(random))))),
        pairs[:at] + pairs[at + 1 :],
        added,
        added,
    )
    return random.choice(options)


def _with(pairs: Pairs, at: int, pair: tuple[bytes, bytes]) -> Pairs:
    return (*pairs[:at], pair, *pairs[at + 1 :])


def _path(request: WireRequest, random: Random) -> WireRequest:
    if random.randrange(3) == 0:
        return replace(request, method=random.choice(METHODS))
    odd = (
        b"%00",
        b"%ff%fe",
        b"//",
        b"/..",
        b"/.",
        b"%2f",
        b"%",
        b"%zz",
        b";a=b",
        b"%e2%80%a8",
        b"/",
    )
    path = request.path
    match random.randrange(3):
        case 0:
            return replace(request, path=path + random.choice(odd))
        case 1:
            at = random.randrange(len(path))
            return replace(request, path=path[: at + 1] + random.choice(odd) + path[at + 1 :])
        case _:
            damaged_path = damaged(path[1:], random)
            kept = bytes(byte for byte in damaged_path if byte > 32 and byte not in b"?#\x7f")
            return replace(request, path=b"/" + kept)
