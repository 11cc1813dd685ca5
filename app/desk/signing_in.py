"""Signing in to the desk with an API key, and out again."""

import re
import time
from http import HTTPStatus

from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from app.api.http.authentication import DESK, sign_in
from app.api.http.envelope import services
from app.api.http.request_cycle import deadline
from app.application.access.keys import MalformedKey, NotAuthenticated, TooManyFailures
from app.application.access.sessions import SESSION_SECONDS, begin_session
from app.desk.frame import blueprint, caller, go_to, keep_session, page

_OF_THE_DESK = re.compile(rf"{DESK}(?:[/?][!-~]*)?")

_MALFORMED = (
    "A key has two parts with a dot between them, such as abcdefghijkl.…: paste the whole of it"
)


@blueprint.get("/sign-in")
def show_sign_in() -> Response:
    """The form for the key."""
    return _form()


@blueprint.post("/sign-in")
def begin() -> AnyResponse:
    """Begin a session; what the browser held before counts no longer."""
    try:
        key = sign_in(request, services().access, request.form.get("key", ""), deadline())
    except MalformedKey:
        return _form(_MALFORMED, HTTPStatus.UNPROCESSABLE_ENTITY)
    except NotAuthenticated as error:
        services().telemetry.not_authenticated(error.cause)
        is_limited = isinstance(error, TooManyFailures)
        status = HTTPStatus.TOO_MANY_REQUESTS if is_limited else HTTPStatus.UNAUTHORIZED
        return _form(str(error), status)
    answer = go_to(_following(request.form.get("next", "")))
    keep_session(answer, str(begin_session(key, time.time())), SESSION_SECONDS)
    return answer


@blueprint.post("/sign-out")
def end() -> AnyResponse:
    """Let the browser forget its session."""
    answer = go_to(f"{DESK}/sign-in")
    keep_session(answer, "", 0)
    return answer


@blueprint.post("/sign-out-everywhere")
def end_everywhere() -> AnyResponse:
    """End every session that began with the caller's key, this one too. Here it takes effect at
    once, in other processes as soon as they read the keys again."""
    prefix, operations = caller().prefix, services().operations
    if prefix is not None:
        operations.keys.end_sessions(prefix, operations.clock(), deadline())
        services().access.ring.look_again(deadline())
    return end()


def _form(problem: str | None = None, status: int = HTTPStatus.OK) -> Response:
    following = _following(request.values.get("next", ""))
    has_ended = "ended" in request.args
    return page("sign_in.html", status, problem=problem, following=following, has_ended=has_ended)


def _following(address: str) -> str:
    """The address to go on to: one of the desk, whatever the query says."""
    return address if _OF_THE_DESK.fullmatch(address) else DESK
