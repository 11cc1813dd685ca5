"""What every request gets: an id, a time budget, an authenticated caller and an access line. And
what every answer tells browsers: to believe its Content-Type, and to run nothing of it."""

import logging
import math
import re
import time
from uuid import uuid4

from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import LengthRequired

from app.api.http import tracing
from app.api.http.authentication import UNCOUNTED, admit, shown_prefix
from app.api.http.client_address import client_address, origin_of
from app.api.http.envelope import services
from app.application.access.keys import ANONYMOUS, Caller, NotAuthenticated, NotPermitted
from app.application.access.quotas import ADDRESS, KEY, Counted, QuotaExceeded
from app.application.correlation import request_id
from app.application.deadline import Deadline

log = logging.getLogger("app.access")

# The policy of every answer that is no page: a browser that is led to it runs and frames nothing.
_NO_DOCUMENT = "default-src 'none'; frame-ancestors 'none'"

_HARMLESS_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def install(app: Flask) -> None:
    """Add the cycle to every request of the application, including those answered with errors."""
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_forget)


def deadline() -> Deadline:
    """The deadline of the current request."""
    current: Deadline = g.deadline
    return current


def _begin() -> None:
    g.started = time.monotonic()
    # Set by the gunicorn worker, whose budget begins with the request's first byte; missing if the
    # application runs without that server.
    spent_at = request.environ.get("request.deadline")
    g.deadline = (
        Deadline(spent_at) if spent_at else Deadline.after(current_app.config["REQUEST_TIMEOUT"])
    )
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _HARMLESS_ID.fullmatch(given) else uuid4().hex
    request_id.set(g.request_id)
    tracing.begin()
    g.caller = None
    try:
        g.caller = _admitted()
    finally:  # also the requests that were not let in
        _count()
    # A body without a length would be silently cut off at MAX_CONTENT_LENGTH.
    if request.content_length is None and "Transfer-Encoding" in request.headers:
        raise LengthRequired("Send the body with a Content-Length")


def _admitted() -> Caller | None:
    try:
        return admit(request, services().access, g.deadline)
    except NotAuthenticated as error:
        services().telemetry.not_authenticated(error.cause)
        raise
    except NotPermitted as error:
        g.caller = error.caller
        raise


def _count() -> None:
    """Count the request for its key, or without a valid one for its address. Raises
    QuotaExceeded."""
    access, rule = services().access, request.url_rule
    if rule is not None and rule.rule in UNCOUNTED:
        return
    prefix = g.caller and g.caller.prefix
    kind = KEY if prefix else ADDRESS
    if kind not in access.quotas.by_kind:
        return
    name = prefix or origin_of(client_address(request, access.proxies))
    try:
        g.counted = access.quotas.take(kind, name)
    except QuotaExceeded as error:
        g.counted = error.counted
        services().telemetry.refused("quota")
        raise


def _show_quota(response: Response, counted: Counted) -> None:
    """draft-ietf-httpapi-ratelimit-headers-11."""
    kind, quota, standing = counted.kind, counted.quota, counted.standing
    response.headers["RateLimit-Policy"] = f'"{kind}";q={quota.requests};w={quota.seconds}'
    full_after = math.ceil(standing.full_after)
    response.headers["RateLimit"] = f'"{kind}";r={standing.remaining};t={full_after}'


def _end(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    if counted := g.get("counted"):
        _show_quota(response, counted)
    response.headers.setdefault("Content-Security-Policy", _NO_DOCUMENT)
    method = request.method if request.method in _METHODS else "other"
    # The rule, not the path, which can hold anything, such as an e-mail address.
    route = request.url_rule.rule if request.url_rule else "unmatched"
    seconds = time.monotonic() - g.started
    tracing.answered(method, response)
    services().telemetry.request_answered(method, route, response.status_code, seconds)
    log.info(
        "request",
        extra={
            "method": method,
            "route": route,
            "status": response.status_code,
            "duration_ms": round(seconds * 1000, 2),
            "bytes": response.content_length,
            **_who(),
        },
    )
    return response


def _who() -> dict[str, str]:
    """The actor, the key's prefix (also of a refused key), and the client's address if it is to be
    logged."""
    caller: Caller = g.get("caller") or ANONYMOUS
    fields = {"actor": caller.name}
    if prefix := caller.prefix or shown_prefix(request, services().access):
        fields["key"] = prefix
    if current_app.config["LOG_CLIENT_ADDRESS"]:
        fields["client"] = client_address(request, services().access.proxies)
    return fields


def _forget(_: BaseException | None) -> None:
    tracing.end()
    request_id.set(None)
