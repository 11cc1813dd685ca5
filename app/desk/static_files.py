"""The files of the desk's pages: compressed once, and kept by browsers until they change."""

import gzip
from dataclasses import dataclass
from functools import cache
from hashlib import blake2s
from http import HTTPStatus
from pathlib import Path
from typing import Final

from flask import Request, Response, abort

from app.api.http.authentication import DESK

_FOLDER = Path(__file__).parent / "static"
_TYPES: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
_FILES: Final = {path.name: path for path in _FOLDER.iterdir() if path.suffix in _TYPES}
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class _File:
    plain: bytes
    compressed: bytes
    digest: str
    media_type: str


@cache
def _read(name: str) -> _File:
    """The file, read when it is first asked for: a process that shows no page reads none."""
    path = _FILES[name]
    plain = path.read_bytes()
    digest = blake2s(plain, digest_size=8).hexdigest()
    return _File(plain, gzip.compress(plain, 9, mtime=0), digest, _TYPES[path.suffix])


def address_of(name: str) -> str:
    """Where a page finds the file: a changed one is at another address."""
    return f"{DESK}/static/{name}?{_read(name).digest}"


def static_file(name: str, request: Request) -> Response:
    """The file, to be kept for ever if it was asked for by its digest."""
    if name not in _FILES:
        abort(HTTPStatus.NOT_FOUND)
    found = _read(name)
    is_compressed = request.accept_encodings["gzip"] > 0
    answer = Response(found.compressed if is_compressed else found.plain, mimetype=found.media_type)
    if is_compressed:
        answer.content_encoding = "gzip"
    answer.vary.add("Accept-Encoding")
    named = request.query_string.decode("latin-1") == found.digest
    answer.headers["Cache-Control"] = _FOR_EVER if named else "no-cache"
    answer.set_etag(f"{found.digest}{'-gzip' if is_compressed else ''}")
    answer.make_conditional(request)
    return answer
