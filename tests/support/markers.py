"""Beside the way of the data: requests with a text in them that can be found wherever it leaks."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from tests.support.mutations import ODD_HEADERS
from tests.support.wire_requests import WireRequest

MARK = "zqmark"
"""The beginning of every marker, and of nothing else."""

PHONE_MARK = "49898765"
"""The same for telephone numbers."""

LOGGED_ON_PURPOSE = "X-Request-ID"
"""The name that a client gives its request, to find it in the log."""

Change = Callable[[str], WireRequest]


def places(template: WireRequest, key: str) -> Iterator[Change]:
    """For each place that the request has for a text, or could have, what puts a marker there. With
    the API key `key`, unless the place is the key's."""
    kept = tuple(pair for pair in template.headers if pair[0] == b"Content-Type")
    known = replace(template, query=(), headers=(*kept, _bearer(key)))
    if (b"Content-Type", b"text/csv") in kept:
        yield from _in_files(known)
    elif template.body:
        yield lambda mark: replace(known, body=_dumps(_filled_in(json.loads(template.body), mark)))
        yield lambda mark: replace(known, body=template.body[:-1] + f", {mark}".encode())
        for path in _leaves(json.loads(template.body)):
            yield partial(_with_leaf, known, template.body, path)
        yield lambda mark: replace(known, body=_dumps({mark: [{mark: mark}]}))
    for name in sorted({name for name, _ in template.query} | {b"dry_run", b"q"}):
        yield partial(_with_query, known, name)
    yield lambda mark: replace(known, query=((mark.encode(), mark.encode()),))
    for header in sorted({*ODD_HEADERS, *(name.decode() for name, _ in template.headers)}):
        if header not in {LOGGED_ON_PURPOSE, "Authorization"}:
            yield partial(_with_header, known, header)
    yield lambda mark: _with_header(known, mark, mark)
    yield lambda mark: replace(known, path=f"/{mark}".encode())
    yield lambda mark: replace(known, path=template.path + f"/{mark}".encode())
    yield lambda mark: replace(known, path=f"/carriers/{mark}@example.com/history".encode())
    yield lambda mark: replace(known, method=mark.upper().encode())
    yield lambda mark: replace(known, path=f"/{mark * 1000}".encode())
    yield lambda mark: _with_header(known, "X-Large", mark * 2000)
    yield lambda mark: _with_header(known, f"{mark} {mark}", mark)


def credentials(template: WireRequest, key: str) -> Iterator[Change]:
    """The same for whatever somebody could show instead of the API key `key`."""
    prefix = key.partition(".")[0]
    for shown in (
        *("Bearer {}", "bearer   {}", "Basic {}", "{}", "Bearer {}.{}"),
        *(f"Bearer {prefix}.{{:_<43}}", "Bearer aaaaaaaaaaaa.{:_<43}", f"Bearer {prefix}.{{}}"),
    ):
        yield partial(_with_credential, template, shown)
    yield lambda mark: _with_header(template, "Authorization", f"Basic {_in_base64(mark)}")
    yield lambda mark: replace(template, query=((b"ticket", mark.encode()),))
    yield lambda mark: replace(
        template, query=((b"ticket", f"{prefix}.99999999.{mark:_<43}".encode()),)
    )


def _in_files(known: WireRequest) -> Iterator[Change]:
    """In a row that is done, in one that is refused, in a header, and in files that are none."""
    for text in (
        "name,email,phone\n{0},{0}@example.com,\n",
        "name,email,phone\n{0},{0},{0}\n",
        "name,email,aliases,metadata\nFedEx,{0}@example.com,[{0},{0}\n",
        "carrier_id,name\n{0},{0}\n",
        "name,email,{0}\nFedEx,{0}@example.com,{0},{0}\n",
        "{0}\n{0}\n",
        'name,email\n"{0},{0}\n',
    ):
        yield partial(_with_file, known, text)


def _with_file(request: WireRequest, text: str, mark: str) -> WireRequest:
    return replace(request, body=text.format(mark).encode())


def _bearer(key: str) -> tuple[bytes, bytes]:
    return b"Authorization", f"Bearer {key}".encode()


def _in_base64(mark: str) -> str:
    return base64.b64encode(f"{mark}:{mark}".encode()).decode()


def _dumps(value: object) -> bytes:
    return json.dumps(value).encode()


def _with_header(request: WireRequest, name: str, value: str) -> WireRequest:
    kept = tuple(pair for pair in request.headers if pair[0] != name.encode())
    return replace(request, headers=(*kept, (name.encode(), value.encode())))


def _filled_in(body: dict[str, Any], mark: str) -> dict[str, Any]:
    """The body, still valid, with the marker in every text that a client is free to choose."""
    digits = f"{int(mark.removeprefix(MARK)):04d}"
    chosen = {
        "name": mark,
        "email": f"{mark}@example.com",
        "reason": mark,
        "note": mark,
        "number": mark,
        "issuer": mark,
        "url": f"https://{mark}.example.com",
        "contacts": [{"role": "claims", "name": mark, "email": f"{mark}@example.com"}],
        "tags": [mark.lower()],
        "phone": f"+{PHONE_MARK}{digits}",
        "website": f"https://{mark}.example.com",
        "aliases": [mark],
        "bank_reference": mark,
        "tracking_url": f"https://{mark}.example.com/{{tracking_number}}",
        "metadata": {mark: mark},
    }
    return {name: chosen.get(name, value) for name, value in body.items()}


def _leaves(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _leaves(each, (*path, name))
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from _leaves(each, (*path, at))
    else:
        yield path


def _with_query(request: WireRequest, name: bytes, mark: str) -> WireRequest:
    return replace(request, query=((name, mark.encode()),))


def _with_credential(request: WireRequest, form: str, mark: str) -> WireRequest:
    return _with_header(request, "Authorization", form.format(mark, mark))


def _with_leaf(request: WireRequest, body: bytes, path: tuple[Any, ...], mark: str) -> WireRequest:
    value = inner = json.loads(body)
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = f"{mark}\0"  # which no field takes
    return replace(request, body=_dumps(value))
