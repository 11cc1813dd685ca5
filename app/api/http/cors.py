"""CORS: pages of the origins in the setting CORS_ORIGINS may read answers, and no others.

See https://fetch.spec.whatwg.org/#http-cors-protocol. Credentials are not allowed: keys are sent in
the Authorization header, and the desk's cookie goes to pages of its own host alone, so a page
cannot use its visitor's rights.
"""

from collections.abc import Collection
from typing import Final, cast

from flask import Flask, Request, Response, current_app, request
from werkzeug.datastructures import HeaderSet

SENT: Final = (
    "Accept",
    "Authorization",
    "Consistency-Token",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "X-Request-ID",
)
"""Headers that a page may send."""

SHOWN: Final = (
    "Consistency-Token",
    "ETag",
    "Idempotent-Replay",
    "Link",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-ID",
)
"""Headers of an answer that a page may read, beside those that browsers always allow."""

PREFLIGHT_SECONDS = 600
"""How long a browser may cache the answer to a preflight request."""

_ASKED: Final = ("Access-Control-Request-Method", "Access-Control-Request-Headers")


def install(app: Flask) -> None:
    """Add the headers to every answer, errors included; none if CORS_ORIGINS is empty."""
    if app.config["CORS_ORIGINS"]:
        app.after_request(_allow)


def is_preflight(asked: Request) -> bool:
    """Whether this is a preflight request from a listed origin. Browsers send none with a key, and
    its answer holds nothing that the OpenAPI document does not."""
    return asked.method == "OPTIONS" and _ASKED[0] in asked.headers and _is_listed(asked)


def _is_listed(asked: Request) -> bool:
    return asked.origin in cast(Collection[str], current_app.config["CORS_ORIGINS"])


def _allow(response: Response) -> Response:
    response.vary.add("Origin")
    if not _is_listed(request):
        return response
    response.access_control_allow_origin = request.origin
    if is_preflight(request):
        rule = request.url_rule
        response.access_control_allow_methods = HeaderSet(sorted((rule and rule.methods) or ()))
        response.access_control_allow_headers = HeaderSet(SENT)
        response.access_control_max_age = PREFLIGHT_SECONDS
        response.vary.update(_ASKED)
    else:
        response.access_control_expose_headers = HeaderSet(SHOWN)
    return response
