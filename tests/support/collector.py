"""Beside the way of the data: a collector of traces on loopback, which takes OTLP over HTTP."""

from __future__ import annotations

import gzip
import threading
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    """A span as it arrived; ids in hexadecimal."""

    name: str
    trace: str
    span: str
    parent: str
    attributes: dict[str, Any]
    links: list[str]
    """The traces that it links to."""
    failed: bool
    service: str


class Collector:
    """Keeps the spans of every request that it is sent."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.raw: list[bytes] = []
        """Whatever came, undecoded."""
        collector = self

        class _Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                collector.raw.append(body)
                collector.spans += _spans(body)
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def settings(self) -> dict[str, str]:
        """What makes a service send its traces here, soon."""
        port = self._server.server_address[1]
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def of(self, trace: str) -> dict[str, Span]:
        """The spans of a trace by their names; of several with one name, the last that came."""
        return {each.name: each for each in list(self.spans) if each.trace == trace}


def _spans(body: bytes) -> list[Span]:
    request = ExportTraceServiceRequest.FromString(body)
    return [
        Span(
            each.name,
            each.trace_id.hex(),
            each.span_id.hex(),
            each.parent_span_id.hex(),
            _values(each.attributes),
            [link.trace_id.hex() for link in each.links],
            each.status.code == each.status.STATUS_CODE_ERROR,
            _values(resource.resource.attributes)["service.name"],
        )
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for each in scope.spans
    ]


def _values(attributes: Any) -> dict[str, Any]:  # noqa: ANN401 - protobuf's
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
