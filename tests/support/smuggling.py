"""Beside the way of the data: requests that two servers could take for different ones.

In each form a second, hidden request stands where HTTP has a body, or in a message that HTTP calls
invalid. So no server may ever carry the hidden request out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

HIDDEN = "hidden"
"""The X-Request-ID of every hidden request."""

_OUTER = b"Host: localhost\r\nX-Request-ID: outer\r\nContent-Type: application/json\r\n"
_CHUNKED = b"Transfer-Encoding: chunked\r\n"

# Beside a Content-Length: that a server may overlook, may read, or may read in part.
_CODINGS = {
    "plain": _CHUNKED,
    "upper case": b"TRANSFER-ENCODING: CHUNKED\r\n",
    "space before the colon": b"Transfer-Encoding : chunked\r\n",
    "tab before the colon": b"Transfer-Encoding\t: chunked\r\n",
    "NUL before the colon": b"Transfer-Encoding\0: chunked\r\n",
    "tab after the colon": b"Transfer-Encoding:\tchunked\r\n",
    "vertical tab": b"Transfer-Encoding: \x0bchunked\r\n",
    "NUL after it": b"Transfer-Encoding: chunked\0\r\n",
    "no-break space": b"Transfer-Encoding: chunked\xa0\r\n",
    "in quotes": b'Transfer-Encoding: "chunked"\r\n',
    "with a parameter": b"Transfer-Encoding: chunked;q=1\r\n",
    "an unknown coding": b"Transfer-Encoding: xchunked\r\n",
    "identity last": b"Transfer-Encoding: chunked, identity\r\n",
    "identity first": b"Transfer-Encoding: identity, chunked\r\n",
    "gzip first": b"Transfer-Encoding: gzip, chunked\r\n",
    "chunked twice": b"Transfer-Encoding: chunked, chunked\r\n",
    "two lines": _CHUNKED + b"Transfer-Encoding: x\r\n",
    "two lines, the other way": b"Transfer-Encoding: x\r\n" + _CHUNKED,
    "empty": b"Transfer-Encoding:\r\n",
    "empty member": b"Transfer-Encoding: ,chunked\r\n",
    "folded value": b"Transfer-Encoding:\r\n chunked\r\n",
    "folded name": b"Transfer-Encoding\r\n : chunked\r\n",
    "behind a bare line feed": b"X: y\n" + _CHUNKED,
    "behind a bare carriage return": b"X: y\r" + _CHUNKED,
    "space before the name": b" " + _CHUNKED,
}

# A name that HTTP does not know: the Content-Length alone counts.
_OTHER_NAMES = {
    "underscore": b"Transfer_Encoding: chunked\r\n",
    "named by Connection": b"Connection: Content-Length\r\n",
    "trailers promised": b"TE: trailers\r\nTrailer: Transfer-Encoding\r\n",
}

# Of a body that is the hidden request; %d is its length.
_LENGTHS = {
    "twice, 0 last": b"Content-Length: %d\r\nContent-Length: 0\r\n",
    "twice, 0 first": b"Content-Length: 0\r\nContent-Length: %d\r\n",
    "twice the same": b"Content-Length: %d\r\nContent-Length: %d\r\n",
    "list": b"Content-Length: 0, %d\r\n",
    "list of the same": b"Content-Length: %d, %d\r\n",
    "plus": b"Content-Length: +%d\r\n",
    "minus": b"Content-Length: -%d\r\n",
    "fraction": b"Content-Length: %d.0\r\n",
    "underscore in it": b"Content-Length: 0_%d\r\n",
    "hexadecimal": b"Content-Length: 0x%x\r\n",
    "leading zeros": b"Content-Length: 0000%d\r\n",
    "wider than 64 bits": b"Content-Length: 18446744073709551616%d\r\n",
    "NUL after it": b"Content-Length: %d\0\r\n",
    "vertical tab": b"Content-Length: \x0b%d\r\n",
    "space before the colon": b"Content-Length : %d\r\n",
    "two numbers": b"Content-Length: 0 %d\r\n",
    "folded": b"Content-Length:\r\n %d\r\n",
    "folded over 0": b"Content-Length: 0\r\n %d\r\n",
    "underscore beside it": b"Content_Length: 0\r\nContent-Length: %d\r\n",
    "bare line feed": b"X: y\nContent-Length: %d\r\n",
    "digits of another script": "Content-Length: \uff10%d\r\n".encode(),
}

# Of the one chunk that holds the hidden request; %x is its length.
_SIZES = {
    "plain": b"%x",
    "extension": b"%x;a=b",
    "extension in quotes": b'%x;a="b;c"',
    "extension with a line feed": b"%x;a\nb",
    "extension with a carriage return": b"%x;a\rb",
    "plus": b"+%x",
    "minus": b"-%x",
    "hexadecimal prefix": b"0x%x",
    "leading zeros": b"000000%x",
    "leading space": b" %x",
    "trailing space": b"%x ",
    "trailing tab": b"%x\t",
    "underscore in it": b"0_%x",
    "wider than 64 bits": b"10000000000000000%03x",
    "wider than 32 bits": b"100000%03x",
    "NUL after it": b"%x\0",
    "too small": b"1",
    "no number": b"g",
    "empty": b"",
}

# The line of a request whose body is the hidden one.
_LINES = {
    "GET with a body": b"GET /health/live HTTP/1.1",
    "HEAD with a body": b"HEAD /health/live HTTP/1.1",
    "OPTIONS with a body": b"OPTIONS * HTTP/1.1",
    "absolute form": b"POST http://localhost/nowhere HTTP/1.1",
    "absolute form of another host": b"GET http://elsewhere.example/health/live HTTP/1.1",
    "absolute form of another scheme": b"GET ftp://localhost/health/live HTTP/1.1",
    "authority form": b"CONNECT localhost:443 HTTP/1.1",
    "TRACE": b"TRACE /health/live HTTP/1.1",
    "HTTP/1.0": b"POST /nowhere HTTP/1.0",
    "HTTP/1.2": b"POST /nowhere HTTP/1.2",
    "HTTP/2.0": b"POST /nowhere HTTP/2.0",
    "two versions": b"POST /nowhere HTTP/1.1 HTTP/1.0",
    "two spaces": b"POST  /nowhere  HTTP/1.1",
    "tabs": b"POST\t/nowhere\tHTTP/1.1",
    "empty lines before": b"\r\n\r\nPOST /nowhere HTTP/1.1",
    "NUL in the path": b"POST /no\0where HTTP/1.1",
    "encoded line break in the path": b"POST /nowhere%20HTTP/1.1%0d%0aHost:%20x HTTP/1.1",
    "fragment in the path": b"POST /nowhere#HTTP/1.1 HTTP/1.1",
}

# What stands beside the right length of a body that is the hidden request.
_BESIDE = {
    "Expect": b"Expect: 100-continue\r\n",
    "unknown expectation": b"Expect: 200-ok\r\n",
    "Expect twice": b"Expect: 100-continue\r\nExpect: x\r\n",
    "upgrade to HTTP/2": (
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: A\r\n"
    ),
    "upgrade to WebSocket": b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
    "another host": b"Host: elsewhere.example\r\n",
    "a coding of the content": b"Content-Encoding: chunked\r\n",
    "a range of the content": b"Content-Range: bytes 0-0/10\r\n",
    "a header without a name": b": x\r\n",
    "a header without a colon": b"Content-Length\r\n",
    "another method": b"X-HTTP-Method-Override: GET\r\n",
}


def hidden_request(email: str) -> bytes:
    """A request that registers a carrier with this address, if a server carries it out."""
    body = json.dumps({"name": "Hidden", "email": email}).encode()
    return (
        b"POST /register-carrier HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: %s\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
    ) % (HIDDEN.encode(), len(body), body)


def forms(hidden: bytes) -> Iterator[tuple[str, bytes]]:
    """Each form by its name, as bytes with this hidden request in them."""
    ended = b"0\r\n\r\n" + hidden
    length = b"Content-Length: %d\r\n"
    sized = b"%x\r\n%s\r\n0\r\n\r\n" % (len(hidden), hidden)
    first_line = length % (sized.index(b"\r\n") + 2)
    for name, coding in _CODINGS.items():
        yield f"CL.TE: {name}", _post(length % len(ended) + coding, ended)
        yield f"TE.CL: {name}", _post(coding + first_line, sized)
    for name, other in _OTHER_NAMES.items():
        yield f"CL: {name}", _post(length % len(ended) + other, ended)
    for name, line in _LENGTHS.items():
        given = line % ((len(hidden),) * line.count(b"%"))
        yield f"length: {name}", _post(given, hidden)
    for name, size in _SIZES.items():
        given = size % len(hidden) if b"%" in size else size
        yield f"chunk: {name}", _post(_CHUNKED, b"%s\r\n%s\r\n0\r\n\r\n" % (given, hidden))
    yield (
        "chunk: a length in the trailer",
        _post(_CHUNKED, b"%x\r\n%s\r\n0\r\nContent-Length: 0\r\n\r\n" % (len(hidden), hidden)),
    )
    yield "chunk: bare line feeds", _post(_CHUNKED, b"%x\n%s\n0\n\n" % (len(hidden), hidden))
    yield "chunk: HTTP/1.0", _post(_CHUNKED, sized, b"POST /register-carrier HTTP/1.0")
    for name, line in _LINES.items():
        yield f"line: {name}", _post(length % len(hidden), hidden, line)
    for name, beside in _BESIDE.items():
        yield f"beside: {name}", _post(beside + length % len(hidden), hidden)
    yield "HTTP/0.9", b"GET /health/live\r\n" + hidden
    yield "HTTP/0.9 of old", b"GET /health/live\n" + hidden
    head = _post(length % len(hidden), b"")
    yield "bare line feeds alone", head.replace(b"\r\n", b"\n") + hidden
    yield "bare carriage returns alone", head.replace(b"\r\n", b"\r") + hidden
    yield "a head that ends in a bare line feed", head[:-2] + b"\n" + hidden


def _post(headers: bytes, body: bytes, line: bytes = b"POST /register-carrier HTTP/1.1") -> bytes:
    return b"%s\r\n%s%s\r\n%s" % (line, _OUTER, headers, body)
