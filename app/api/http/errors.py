"""The one table from errors to HTTP answers. No other module knows both."""

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from app.api.http.problem import Problem
from app.api.http.validation import ValidationFailed
from app.api.resources.representations import history_entry
from app.application.access.keys import ForeignHost, NotAuthenticated, NotPermitted, TooManyFailures
from app.application.access.quotas import QuotaExceeded
from app.application.concurrency import TooManyListeners
from app.application.consistency import ViewBehind, ViewNotMade
from app.application.directory.pages import SearchTooLong
from app.application.handlers import KeyReused, StaleVersion
from app.application.ports.codec import UnreadableEvent
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.ports.event_store import AlreadyClaimed, VersionConflict
from app.application.ports.feed import BeyondHead, FeedRenewed
from app.application.readiness import NotReady
from app.application.shown import AggregateNotFound
from app.domain.errors import (
    AlreadyRegistered,
    ForbiddenByState,
    InvalidInput,
    NothingThere,
    OtherForbids,
    SecondPersonNeeded,
)
from app.domain.streams import aggregate_of

log = logging.getLogger(__name__)

_CHALLENGE = 'Bearer realm="carriers"'  # RFC 6750, 3
_RETRY_AFTER = {"Retry-After": "1"}

_HTTP_SENTENCES = {
    404: "There is nothing at this address",
    405: "This address does not take that method; the Allow header names those it takes",
    413: "The body is larger than this service takes",
}


def install(app: Flask) -> None:
    """Answer every error of the application as the table says."""
    app.register_error_handler(Exception, _answer)


def problem_of(error: Exception) -> Problem:
    """The error as clients see it."""
    return _TABLE[_entry(error)](error)


def note(error: Exception) -> None:
    """Log the error, if somebody who runs the service has to know."""
    if isinstance(error, StoreUnavailable):
        log.warning("the store is not available: %s", error)
    elif isinstance(error, OutcomeUnknown):
        log.error("the outcome of an append is unknown: %s", error)
    elif isinstance(error, UnreadableEvent):
        log.error("%s", error)
    elif _entry(error) is Exception:
        log.error("unexpected error", exc_info=error)


def _entry(error: Exception) -> type:
    return next(kind for kind in type(error).__mro__ if kind in _TABLE)


def _answer(error: Exception) -> Response:
    note(error)
    return problem_of(error).answer_to(request, g.request_id)


def _http(error: HTTPException) -> Problem:
    status = error.code or 500
    message = _HTTP_SENTENCES.get(status) or error.description or error.name
    headers = {name: value for name, value in error.get_headers() if name.lower() != "content-type"}
    return Problem(status, message, headers=headers)


def _validation(error: ValidationFailed) -> Problem:
    status, kind = (400, "invalid-query") if error.of_query else (422, "validation-failed")
    return Problem(status, "Validation failed", kind, error.details)


def _invalid_input(error: InvalidInput) -> Problem:
    return _validation(ValidationFailed({error.field: error.sentence}))


def _not_authenticated(error: NotAuthenticated) -> Problem:
    kind, why = ("invalid-key", ', error="invalid_token"') if error.given else ("key-needed", "")
    return Problem(401, str(error), kind, headers={"WWW-Authenticate": _CHALLENGE + why})


def _too_many_failures(error: TooManyFailures) -> Problem:
    seconds = str(max(1, math.ceil(error.seconds)))
    return Problem(429, str(error), "too-many-failures", headers={"Retry-After": seconds})


def _quota_exceeded(error: QuotaExceeded) -> Problem:
    seconds = str(math.ceil(error.counted.standing.wait))
    return Problem(429, str(error), "quota-exceeded", headers={"Retry-After": seconds})


def _not_permitted(error: NotPermitted) -> Problem:
    why = f', error="insufficient_scope", scope="{error.scope}"'
    return Problem(
        403,
        f"This API key may not do this; it would need the scope {error.scope}",
        "scope-needed",
        headers={"WWW-Authenticate": _CHALLENGE + why},
    )


def _foreign_host(_: ForeignHost) -> Problem:
    # The request is for an authority that is not ours (RFC 9110, 15.5.20); it lacks no right, as
    # 403 would say.
    return Problem(
        421,
        "The service does not go by this host name while it needs no API key; name it in"
        " ALLOWED_HOSTS, or create a key",
        "foreign-host",
    )


def _not_found(error: AggregateNotFound | NothingThere) -> Problem:
    return Problem(404, error.sentence, f"{error.noun}-not-found")


def _forbidden(error: ForbiddenByState) -> Problem:
    possible = ", ".join(error.possible)
    return Problem(
        409,
        error.sentence,
        "forbidden-by-state",
        {"state": f"It is {error.state}", "possible": f"Possible is {possible}"},
    )


def _forbidden_by_other(error: OtherForbids) -> Problem:
    return Problem(409, error.sentence, "forbidden-by-other")


def _second_person(error: SecondPersonNeeded) -> Problem:
    return Problem(409, error.sentence, "second-person-needed")


def _claimed(error: AlreadyClaimed) -> Problem:
    scope = error.claim.scope
    return Problem(
        409,
        f"Another carrier has this {scope}",
        "already-claimed",
        {scope: f"The {scope} belongs to another carrier"},
    )


def _registered(_: AlreadyRegistered) -> Problem:
    return Problem(409, "This carrier is registered already", "already-registered")


def _conflict(error: VersionConflict) -> Problem:
    noun = aggregate_of(error.stream).noun
    return Problem(409, f"The {noun} is being changed by others; try again", "contended")


def _stale(error: StaleVersion) -> Problem:
    return Problem(
        412,
        f"The {error.noun} is at version {error.version}; look at what has happened since",
        "stale-version",
        {"version": f"The {error.noun} is at version {error.version}"},
        {"ETag": f'"{error.version}"'},
        {
            "current_version": error.version,
            "since": [history_entry(entry) for entry in error.since],
        },
    )


def _key_reused(_: KeyReused) -> Problem:
    return Problem(
        422,
        "This Idempotency-Key was used for another request; take a new one",
        "key-reused",
        {"Idempotency-Key": "The key stands for another request"},
    )


def _not_started(_: StoreUnavailable) -> Problem:
    return Problem(
        503,
        "The service cannot reach its store; nothing was done, try again shortly",
        "not-started",
        {"outcome": "not-started"},
        _RETRY_AFTER,
    )


def _search_too_long(_: SearchTooLong) -> Problem:
    return Problem(
        503,
        "What fits these filters could not be found in time; use fewer or narrower filters",
        "search-too-long",
        {"outcome": "not-started"},
        {"Retry-After": "60"},  # it takes as long, so not at once
    )


def _not_ready(error: NotReady) -> Problem:
    return replace(_not_started(error), message=error.sentence)


def _unknown(_: OutcomeUnknown) -> Problem:
    return Problem(
        503,
        "It could not be found out in time whether this was done; look before you send it again",
        "outcome-unknown",
        {"outcome": "outcome-unknown"},
        _RETRY_AFTER,
    )


def _too_many_listeners(_: TooManyListeners) -> Problem:
    return Problem(
        503,
        "As many as this service takes are holding it up already; try again shortly, or ask without"
        " waiting",
        "too-many-listeners",
        {"outcome": "not-started"},
        {"Retry-After": "5"},
    )


def _view_behind(error: ViewBehind) -> Problem:
    return Problem(
        503, error.sentence, "view-behind", {"outcome": "not-started"}, headers=_RETRY_AFTER
    )


def _view_not_made(error: ViewNotMade) -> Problem:
    return Problem(
        503, error.sentence, "view-not-made", {"outcome": "not-started"}, headers=_RETRY_AFTER
    )


def _feed_renewed(error: FeedRenewed) -> Problem:
    return Problem(
        410,
        "The registry was restored from a backup, so what was kept of the former feed counts no"
        f" longer: begin anew, with feed={error.now.feed}&after=0",
        "feed-renewed",
        {"feed": error.now.feed, "head": str(error.now.head)},
    )


def _beyond_head(error: BeyondHead) -> Problem:
    head = error.now.head
    return Problem(
        400,
        f"The feed has given no position after {head} yet; ask for one that it has given, or begin"
        " anew with after=0 if the registry was restored from a backup",
        "beyond-head",
        {
            "after": f"The head of the feed is {head}",
            "feed": error.now.feed,
            "head": str(head),
        },
    )


def _unexpected(_: Exception) -> Problem:
    return Problem(500, "Something went wrong here; the log of the service tells what")


_TABLE: Mapping[type, Callable[[Any], Problem]] = MappingProxyType(
    {
        HTTPException: _http,
        ValidationFailed: _validation,
        InvalidInput: _invalid_input,
        NotAuthenticated: _not_authenticated,
        TooManyFailures: _too_many_failures,
        QuotaExceeded: _quota_exceeded,
        NotPermitted: _not_permitted,
        ForeignHost: _foreign_host,
        AggregateNotFound: _not_found,
        NothingThere: _not_found,
        ForbiddenByState: _forbidden,
        OtherForbids: _forbidden_by_other,
        SecondPersonNeeded: _second_person,
        AlreadyClaimed: _claimed,
        AlreadyRegistered: _registered,
        VersionConflict: _conflict,
        StaleVersion: _stale,
        KeyReused: _key_reused,
        StoreUnavailable: _not_started,
        NotReady: _not_ready,
        SearchTooLong: _search_too_long,
        OutcomeUnknown: _unknown,
        TooManyListeners: _too_many_listeners,
        ViewBehind: _view_behind,
        ViewNotMade: _view_not_made,
        FeedRenewed: _feed_renewed,
        BeyondHead: _beyond_head,
        Exception: _unexpected,
    }
)
