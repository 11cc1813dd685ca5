"""Beside the way of the data: requests as bytes, made from what the API says of itself."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

from flask import Flask

from app import create_app
from config.settings import Settings

Pairs = tuple[tuple[bytes, bytes], ...]

_TOKEN = re.compile(rb"[!#$%&'*+.^`|~0-9A-Za-z-]+")


@dataclass(frozen=True)
class WireRequest:
    """A request, before it is sent. `path` is as in a request line, the values of `query` are not
    yet percent-encoded; Content-Length is added when it is sent."""

    method: bytes
    path: bytes
    query: Pairs
    headers: Pairs
    body: bytes

    @property
    def query_string(self) -> bytes:
        """The query as it is sent."""
        return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in self.query).encode()

    def raw(self) -> bytes:
        """The bytes of the request."""
        target = self.path + (b"?" + self.query_string if self.query else b"")
        headers = (*self.headers, (b"Content-Length", b"%d" % len(self.body)))
        lines = b"".join(b"%s: %s\r\n" % pair for pair in headers)
        return b"%s %s HTTP/1.1\r\n%s\r\n%s" % (self.method, target, lines, self.body)

    def environ(self, client: str) -> dict[str, Any]:
        """The request as gunicorn passes it on, from the address `client`."""
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.method.decode("latin-1"),
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(self.path).decode("latin-1"),
            "QUERY_STRING": self.query_string.decode("latin-1"),
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": client,
            "CONTENT_LENGTH": str(len(self.body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(self.body),
            "wsgi.input_terminated": True,
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }
        for name, value in self.headers:
            if _TOKEN.fullmatch(name) is None or re.search(rb"[\0\r\n]", value):
                continue  # gunicorn refuses such a header
            key = name.decode().upper().replace("-", "_")
            key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
            text = value.strip(b" \t").decode("latin-1")
            environ[key] = f"{environ[key]},{text}" if key in environ else text
        return environ


def described_requests(app: Flask) -> list[WireRequest]:
    """A valid request for each example of each operation of the OpenAPI description, and one for
    each address that is not described. `{carrier_id}` stays in the path."""
    described = list(_of_operations(app.test_client().get("/openapi.json").get_json()))
    known = {request.path for request in described}
    others = (
        WireRequest(b"GET", re.sub(r"<[^>]*>", "docs.js", rule.rule).encode(), (), (), b"")
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and "<uuid" not in rule.rule
    )
    return described + [request for request in others if request.path not in known]


def described_by_default(folder: Path) -> list[WireRequest]:
    """`described_requests` of an application that is made for that alone, with a file in the
    folder."""
    app = create_app(Settings(sqlite_path=folder / "described.sqlite3"))
    described = described_requests(app)
    app.extensions["services"].close()
    return described


def _of_operations(spec: Mapping[str, Any]) -> Iterator[WireRequest]:
    for path, item in spec["paths"].items():
        for method in item.keys() - {"parameters"}:
            operation = item[method]
            taken = [_resolved(spec, each) for each in operation.get("parameters", [])]
            query = _pairs(taken, "query")
            headers = _pairs(taken, "header")
            content = operation.get("requestBody", {}).get("content", {})
            bodies = [
                _written(example["value"], kind)
                for kind, media in content.items()
                for example in media["examples"].values()
            ]
            for kind in content:
                headers = ((b"Content-Type", kind.encode()), *headers)
            for body in bodies or [b""]:
                yield WireRequest(method.upper().encode(), path.encode(), query, headers, body)


def _written(value: object, kind: str) -> bytes:
    return json.dumps(value).encode() if kind == "application/json" else str(value).encode()


def _pairs(parameters: list[dict[str, Any]], where: str) -> Pairs:
    return tuple(
        (each["name"].encode(), str(_example(each)).encode())
        for each in parameters
        if each["in"] == where
    )


def _example(parameter: Mapping[str, Any]) -> object:
    schema = parameter["schema"]
    options = (parameter.get("example"), schema.get("example"), schema.get("default"))
    choice = schema.get("enum") or schema.get("items", {}).get("enum") or ["1"]
    return next((each for each in options if each is not None), choice[0])


def _resolved(spec: Mapping[str, Any], thing: dict[str, Any]) -> dict[str, Any]:
    name = thing.get("$ref", "").removeprefix("#/components/parameters/")
    found: dict[str, Any] = spec["components"]["parameters"][name] if name else thing
    return found


def _quoted(value: bytes) -> str:
    return quote_from_bytes(value, safe="/:,;@!*()'~-._")
