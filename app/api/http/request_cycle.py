"""What every request gets: an id, a time budget, an authenticated caller and an access line. And
what every answer tells browsers: to believe its Content-Type, and to run nothing of it."""

import logging
import math
import re
import time

from flask import Flask, Request, Response, current_app, g
from werkzeug.exceptions import LengthRequired

from app.api.http import tracing
from app.api.http.authentication import UNCOUNTED, admit, shown_prefix
from app.api.http.client_address import client_address, origin_of
from app.api.http.current import Kept, current_request, kept
from app.api.http.envelope import services
from app.application.access.keys import ANONYMOUS, Caller, NotAuthenticated, NotPermitted
from app.application.access.quotas import ADDRESS, KEY, Counted, QuotaExceeded
from app.application.access.ring import Access
from app.application.correlation import request_id
from app.application.deadline import Deadline
from app.application.services import Services

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
    asked, mine = current_request(), kept()
    mine.started = time.monotonic()
    # Set by the gunicorn worker, whose budget begins with the request's first byte; missing if the
    # application runs without that server.
    spent_at = asked.environ.get("request.deadline")
    mine.deadline = (
        Deadline(spent_at) if spent_at else Deadline.after(current_app.config["REQUEST_TIMEOUT"])
    )
    of_process = services()
    _name(asked, mine, of_process)
    tracing.begin(of_process.tracer)
    mine.caller = None
    try:
        mine.caller = _admitted(asked, mine, of_process)
    finally:  # also the requests that were not let in
        _count(asked, mine, of_process)
    # A body without a length would be silently cut off at MAX_CONTENT_LENGTH.
    if asked.content_length is None and "Transfer-Encoding" in asked.headers:
        raise LengthRequired("Send the body with a Content-Length")


def _name(asked: Request, mine: Kept, of_process: Services) -> None:
    """Take the id that the client has given the request, or make one, which a commit of this
    request can have as well."""
    given = asked.headers.get("X-Request-ID", "")
    mine.new_id = None if _HARMLESS_ID.fullmatch(given) else of_process.new_id()
    mine.request_id = given if mine.new_id is None else mine.new_id.hex
    request_id.set(mine.request_id)


def _admitted(asked: Request, mine: Kept, of_process: Services) -> Caller | None:
    try:
        return admit(asked, of_process.access, mine.deadline)
    except NotAuthenticated as error:
        of_process.telemetry.not_authenticated(error.cause)
        raise
    except NotPermitted as error:
        mine.caller = error.caller
        raise


def _count(asked: Request, mine: Kept, of_process: Services) -> None:
    """Count the request for its key, or without a valid one for its address. Raises
    QuotaExceeded."""
    access, rule = of_process.access, asked.url_rule
    if rule is not None and rule.rule in UNCOUNTED:
        return
    prefix = mine.caller and mine.caller.prefix
    kind = KEY if prefix else ADDRESS
    if kind not in access.quotas.by_kind:
        return
    name = prefix or origin_of(client_address(asked, access.proxies))
    try:
        mine.counted = access.quotas.take(kind, name)
    except QuotaExceeded as error:
        mine.counted = error.counted
        of_process.telemetry.refused("quota")
        raise


def _show_quota(response: Response, counted: Counted) -> None:
    """draft-ietf-httpapi-ratelimit-headers-11."""
    kind, quota, standing = counted.kind, counted.quota, counted.standing
    response.headers["RateLimit-Policy"] = f'"{kind}";q={quota.requests};w={quota.seconds}'
    full_after = math.ceil(standing.full_after)
    response.headers["RateLimit"] = f'"{kind}";r={standing.remaining};t={full_after}'


def _end(response: Response) -> Response:
    asked, mine, of_process = current_request(), kept(), services()
    headers = response.headers
    # Nobody else sets these two: adding them spares a search for each.
    headers.add("X-Request-ID", mine.request_id)
    headers.add("X-Content-Type-Options", "nosniff")
    if counted := mine.get("counted"):
        _show_quota(response, counted)
    if "Content-Security-Policy" not in headers:
        headers.add("Content-Security-Policy", _NO_DOCUMENT)
    method = asked.method if asked.method in _METHODS else "other"
    # The rule, not the path, which can hold anything, such as an e-mail address.
    route = asked.url_rule.rule if asked.url_rule else "unmatched"
    seconds = time.monotonic() - mine.started
    tracing.answered(method, response)
    of_process.telemetry.request_answered(method, route, response.status_code, seconds)
    if log.isEnabledFor(logging.INFO):
        about = {
            "method": method,
            "route": route,
            "status": response.status_code,
            "duration_ms": round(seconds * 1000, 2),
            "bytes": response.content_length,
            **_who(asked, mine, of_process.access),
        }
        # What `log.info` does but for its search for the calling line of code, which is not logged.
        record = log.makeRecord(log.name, logging.INFO, "", 0, "request", (), None, extra=about)
        log.handle(record)
    return response


def _who(asked: Request, mine: Kept, access: Access) -> dict[str, str]:
    """The actor, the key's prefix (also of a refused key), and the client's address if it is to be
    logged."""
    caller: Caller = mine.get("caller") or ANONYMOUS
    fields = {"actor": caller.name}
    if prefix := caller.prefix or shown_prefix(asked, access):
        fields["key"] = prefix
    if current_app.config["LOG_CLIENT_ADDRESS"]:
        fields["client"] = client_address(asked, access.proxies)
    return fields


def _forget(_: BaseException | None) -> None:
    tracing.end()
    request_id.set(None)
