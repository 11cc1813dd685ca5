"""What happens around every request: its id, its time budget, its caller, its access line."""

import logging
import re
import time
from uuid import uuid4

from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import LengthRequired

from app.api.access import admit
from app.api.envelope import services
from app.application.correlation import request_id
from app.application.deadline import Deadline

log = logging.getLogger("app.access")

_HARMLESS_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def install(app: Flask) -> None:
    """Put the cycle around every request of the application, answered errors included."""
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_forget)


def deadline() -> Deadline:
    """When the current request has to be answered."""
    current: Deadline = g.deadline
    return current


def _begin() -> None:
    g.started = time.monotonic()
    g.deadline = Deadline.after(current_app.config["REQUEST_TIMEOUT"])
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _HARMLESS_ID.fullmatch(given) else uuid4().hex
    request_id.set(g.request_id)
    g.caller = admit(request, services().access, g.deadline)
    # A body without a length would be cut off at MAX_CONTENT_LENGTH without a word.
    if request.content_length is None and "Transfer-Encoding" in request.headers:
        raise LengthRequired("Send the body with a Content-Length")


def _end(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    method = request.method if request.method in _METHODS else "other"
    # The rule, not the path: a path is whatever someone typed, an e-mail address perhaps.
    route = request.url_rule.rule if request.url_rule else "unmatched"
    seconds = time.monotonic() - g.started
    services().telemetry.request_answered(method, route, response.status_code, seconds)
    log.info(
        "request",
        extra={
            "method": method,
            "route": route,
            "status": response.status_code,
            "duration_ms": round(seconds * 1000, 2),
            "bytes": response.content_length,
        },
    )
    return response


def _forget(_: BaseException | None) -> None:
    request_id.set(None)
