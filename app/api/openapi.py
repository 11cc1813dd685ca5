"""The words of /openapi.json that routes share: headers, errors with their examples, the key."""

from collections.abc import Mapping
from http import HTTPStatus
from threading import Lock
from typing import Any, Final

from flask import Flask, Response, current_app, json
from flask_smorest import Api, Blueprint
from werkzeug.exceptions import (
    BadRequest,
    LengthRequired,
    NotFound,
    RequestEntityTooLarge,
    RequestTimeout,
    UnsupportedMediaType,
)

from app.api.http.command_context import VERSIONS
from app.api.http.contract import CHOICES
from app.api.http.errors import problem_of
from app.api.http.problem import PROBLEM_JSON, Problem
from app.api.http.validation import ValidationFailed
from app.api.schemas.answers import (
    CARRIER_ID,
    FailureSchema,
    ProblemSchema,
    StaleFailureSchema,
    StaleProblemSchema,
    success_of,
)
from app.api.schemas.components import (
    SchemaDescriptions,
    component,
    content,
    one_value,
    parameter,
    types,
)
from app.api.schemas.eligibility import VETTING_ID
from app.api.schemas.feed import FEED_EXAMPLE, FEED_ID
from app.application.access.keys import ForeignHost, NotAuthenticated, NotPermitted, TooManyFailures
from app.application.access.quotas import Counted, QuotaExceeded
from app.application.command_context import KEY
from app.application.concurrency import TooManyListeners
from app.application.consistency import TOKEN_PATTERN, ViewBehind, ViewNotMade, token_of
from app.application.directory.pages import SearchTooLong
from app.application.handlers import KeyReused, StaleVersion
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.ports.event_store import AlreadyClaimed, Claim, VersionConflict
from app.application.ports.feed import BeyondHead, FeedRenewed, FeedStanding
from app.application.ports.keys import Scope
from app.application.ports.quotas import Quota, Standing
from app.application.projections import PROJECTIONS
from app.application.shown import AggregateNotFound
from app.domain.carrier import POSSIBLE, SUSPENDED, Carrier
from app.domain.errors import ForbiddenByState, SecondPersonNeeded

_REQUEST_ID: Final = "0d9f6a52c1f04f1f8a4be8f2b8f3c9d1"

_ABOUT = """\
The companies that carry goods: registered, changed and retired by commands, and shown as they are
or as they were. Nothing is overwritten; every change is an event.

**Answers** are `{"success": true, "data": …}` or
`{"success": false, "error": {"message", "code", "details"}}`, where `details` maps a field to one
sentence. Who asks for `application/problem+json` gets errors as RFC 9457 has them. That holds for
every error, also at addresses that are not listed here (404) and for methods that an address does
not take (405, with an `Allow` header).

**Once.** A command with an `Idempotency-Key` is carried out once, however often it is sent; each
time the first answer comes back.

**Only what you have seen.** A change with `If-Match: "3"` is carried out only if the carrier is
still at version 3, one with `If-None-Match: "3"` only if it is at another; else the answer is 412.
The policy is at version 0 until one is adopted, and `If-None-Match: *` adopts only the first one.

**Reading what you have written.** Views follow the events, mostly within milliseconds. A query with
the `Consistency-Token` of a command's answer waits for it.

**Trying out.** Any command with `?dry_run=true` does everything but write.

**What is asked of carriers** is the policy, with versions and a history as a carrier has them:
`GET /policy`. Until one is adopted (`PUT /policy`), version 0 holds, which asks for nothing.

**Following.** Every event of every carrier, of the policy and of the column mappings of imports
has a position in one feed: 1, 2, 3 … `GET /events` gives it page by page, and waits for the next
event if wanted; `GET /events/stream` gives it as it happens. The `source` of an event says which of
them it is of.
What was given once stays as it is, for as long as the feed has the same id. A reader
that keeps that id (`feed`) with the last position that it has worked off, and sends both, misses
nothing: if the registry is restored from a backup the feed gets another id, and a reader that names
the former one is answered 410. Such a reader begins anew at `after=0`; by `source` and `id` it
knows the events again that it has worked off already, and what it has seen beyond them has not
happened. Of one carrier the events come in order; what may be concluded between carriers, and what
not, is said at `GET /events`.

**Keys.** `Authorization: Bearer <prefix>.<secret>`. As long as no key has been created, a service
on loopback needs none.
"""

OPTIONS: Final[dict[str, Any]] = {
    "info": {"description": _ABOUT, "license": {"name": "MIT", "identifier": "MIT"}},
    # Relative to this document: whoever installs the service knows its address.
    "servers": [{"url": "/", "description": "The service that gave this document"}],
    # The empty one: as long as there is no key, none is needed.
    "security": [{"api_key": []}, {}],
}

TOKEN_EXAMPLE: Final = token_of({CARRIER_ID: 1}, FEED_EXAMPLE)

# One pattern, not a choice of two: generators find no type in a choice of bare patterns.
_ENTITY_TAGS: Final = {
    "type": "string",
    "format": "entity-tags",
    "pattern": rf"^(?:\*|{VERSIONS})$",
}

_PARAMETERS: Mapping[str, dict[str, Any]] = {
    "X-Request-ID": {
        "description": "Names the request in the log, in events and in the answer. 1 to 128"
        " letters, digits, dots, underscores and hyphens; anything else is replaced.",
        "schema": {"type": "string"},
        "example": "my-request",
    },
    "Idempotency-Key": {
        "description": "Names this attempt: sent again with the same body, it is not carried out"
        " again. It counts for each caller, and for each carrier that is changed; what was"
        " refused is decided anew. 1 to 255 visible ASCII characters.",
        "schema": {"type": "string", "pattern": f"^{KEY}$"},
        "example": "6d0c1a5e-register-fedex",
    },
    "If-Match": {
        "description": "The versions that what is asked for may be at, as its ETag has them; * for"
        " any.",
        "schema": _ENTITY_TAGS,
        "example": '"1"',
    },
    "Last-Event-ID": {
        "description": "The last `id` that was received, as browsers send it when they come back:"
        " the feed's id and a position. It counts more than `feed` and `after`. A position alone,"
        " as former releases gave it, is taken as well, but cannot be checked against a restore.",
        "schema": {"type": "string", "pattern": f"^({FEED_ID}:)?(0|[1-9][0-9]{{0,15}})$"},
        "example": f"{FEED_EXAMPLE}:7",
    },
    "Consistency-Token": {
        "description": "The token of a command's answer: wait until what that command wrote can be"
        " found, a few seconds at most; then 503. If-None-Match does not count beside it.",
        "schema": {"type": "string", "format": "consistency-token"},
        "example": TOKEN_EXAMPLE,
    },
    "If-None-Match.change": {
        "name": "If-None-Match",
        "description": "The versions that what is changed must not be at; * for any: for what has"
        " none yet, such as the policy before one is adopted.",
        "schema": _ENTITY_TAGS,
        "example": '"2"',
    },
    "If-None-Match": {
        "description": "ETags that are known already: if it is one of them, 304.",
        "schema": {"type": "string"},
        "example": '"1"',
    },
}

_HEADERS: Mapping[str, dict[str, Any]] = {
    "X-Request-ID": {
        "description": "The request's id, given or made.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
        "example": _REQUEST_ID,
    },
    "ETag": {
        "description": "The version, in quotation marks; 0 is that of a policy never adopted.",
        "schema": {"type": "string", "pattern": '^"(0|[1-9][0-9]*)"$'},
        "example": '"1"',
    },
    "ETag.dated": {
        "description": "The version, in quotation marks; behind it, how many scheduled changes are"
        " in effect on the day that no event has recorded yet, if there are any. If-Match takes"
        " both forms.",
        "schema": {"type": "string", "pattern": '^"[1-9][0-9]*([.][1-9][0-9]?)?"$'},
        "example": '"1"',
    },
    "ETag.judged": {
        "description": "Another one when anything that the verdicts follow from may have changed:"
        " the carrier's version, and once a policy was adopted, or the carrier was blocked,"
        " preferred, given an override or a scheduled change, the policy's version and the day.",
        "schema": {
            "type": "string",
            "pattern": '^"[1-9][0-9]*([.](0|[1-9][0-9]*)[.][0-9]{4}-[0-9]{2}-[0-9]{2})?"$',
        },
        "example": '"1.1.2026-01-31"',
    },
    "ETag.view": {
        "description": "Another one when anything in the view may have changed since.",
        "required": True,
        "schema": {"type": "string", "pattern": '^W/"[!#-~]+"$'},
        "example": 'W/"1.42.42.0123456789ab"',
    },
    "Consistency-Token": {
        "description": "Sent with a query, it makes the query wait until what was written here can"
        " be found.",
        "schema": {"type": "string", "pattern": f"^{TOKEN_PATTERN}$"},
        "example": TOKEN_EXAMPLE,
    },
    "Location": {
        "description": "Where the carrier is shown.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
        "example": "/carriers/550e8400-e29b-41d4-a716-446655440000",
    },
    "Location.record": {
        "description": "Where the record is shown.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
        "example": f"/vettings/{VETTING_ID}",
    },
    "Idempotent-Replay": {
        "description": "This is the first answer again; nothing was done this time. Where Cassandra"
        " lost the answer to what this very request wrote, it is told so as well.",
        "schema": {"type": "string", "const": "true"},
    },
    "Link": {
        "description": "The page that follows, if there is one (RFC 8288).",
        "schema": {"type": "string"},
        "example": '<?after=100&limit=100>; rel="next"',
    },
    "Retry-After": {
        "description": "Seconds to wait before it is tried again.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
        "example": "1",
    },
    "RateLimit": {
        "description": "What is left of the quota: `r` requests; all of it after `t` seconds"
        " (draft-ietf-httpapi-ratelimit-headers-11). Without a quota there is no such header.",
        "schema": {"type": "string"},
        "example": '"key";r=0;t=60',
    },
    "RateLimit-Policy": {
        "description": "The quota: `q` requests at once, and as many again in `w` seconds.",
        "schema": {"type": "string"},
        "example": '"key";q=600;w=60',
    },
    "WWW-Authenticate": {
        "description": "What kind of key is needed (RFC 6750).",
        "required": True,
        "schema": {"type": "string"},
        "example": 'Bearer realm="carriers"',
    },
}

_STANDING: Final = FeedStanding(FEED_EXAMPLE, 7)

_QUOTA_EXCEEDED = QuotaExceeded(Counted("key", Quota(600, 60), Standing(0, 60, 0.1)))


# Each status with errors that have it; their examples are what the table of errors makes of them.
_ERRORS: Mapping[int, tuple[str, tuple[Exception, ...]]] = {
    400: (
        "The body is not JSON, or the query or a header is not as it has to be",
        (
            BadRequest("The body is not valid JSON: see line 1, column 12"),
            ValidationFailed(
                {"dry_run": "The dry_run parameter must be true or false"}, of_query=True
            ),
            BeyondHead(_STANDING),
        ),
    ),
    401: (
        "An API key is needed, or the one given is not valid",
        (
            NotAuthenticated(
                "This needs an API key; send the header Authorization: Bearer <prefix>.<secret>",
                given=False,
            ),
            NotAuthenticated("This API key is not valid", given=True),
        ),
    ),
    403: ("The API key lacks the scope that is needed", (NotPermitted(Scope.REGISTER),)),
    404: (
        "There is no such carrier, or other thing that the address names, or nothing here",
        (AggregateNotFound(Carrier.noun, CARRIER_ID), NotFound()),
    ),
    409: (
        "The carrier's state does not allow it, a second person is needed, the e-mail address is"
        " taken, or others are quicker",
        (
            ForbiddenByState(SUSPENDED, POSSIBLE[SUSPENDED]),
            SecondPersonNeeded(
                "You cannot be the second person who approves it; somebody else has to be"
            ),
            AlreadyClaimed(Claim("email", ""), ""),
            VersionConflict("", 1, 2),
        ),
    ),
    408: (
        "The request did not arrive in time",
        (RequestTimeout("The request did not arrive in time; send all of it at once"),),
    ),
    410: (
        "The feed has another id than the one that is named: the registry was restored from a"
        " backup since, and positions and tokens of before that count no longer. `details.feed` is"
        " the id with which to begin anew",
        (FeedRenewed(_STANDING),),
    ),
    411: (
        "The body comes without a length",
        (LengthRequired("Send the body with a Content-Length"),),
    ),
    412: (
        "What is to be changed, such as the carrier, is not at a version that the condition names;"
        " here is what has happened since",
        (StaleVersion(Carrier.noun, CARRIER_ID, 2, []),),
    ),
    413: ("The body is too large", (RequestEntityTooLarge(),)),
    415: (
        "The body is not of the type that this address takes, which mostly is application/json",
        (UnsupportedMediaType("The Content-Type must be application/json"),),
    ),
    421: ("The service does not go by this host name while it needs no key", (ForeignHost(),)),
    422: (
        "A rule is broken, or the Idempotency-Key stands for another request",
        (
            ValidationFailed({"email": "The email must be a valid email address"}),
            KeyReused(),
        ),
    ),
    429: (
        "The quota of this key, or of this address without a valid key, is used up; or too many"
        " requests with keys that are not valid came from this address, or under this prefix (those"
        " with valid keys are answered all the while). Where there are quotas, every answer but"
        " those on health and metrics says in RateLimit-Policy and RateLimit what is left",
        (_QUOTA_EXCEEDED, TooManyFailures()),
    ),
    500: ("A mistake of the service; the log tells which", (Exception(),)),
    503: (
        "The store cannot be reached: nothing was done, or it is not known whether it was; there is"
        " too much to do to answer in time, and nothing was done; too many are listening to the"
        " feed; what the Consistency-Token names cannot be found yet; what fits the filters of a"
        " list cannot be found in time; or the view that answers is being made for this release",
        (
            StoreUnavailable(),
            OutcomeUnknown(),
            TooManyListeners(),
            ViewBehind(),
            SearchTooLong(),
            ViewNotMade(PROJECTIONS["carriers"].key),
        ),
    ),
}


class OpenApi(Api):
    """The description of the API; answers to errors are `errors.py`'s alone.

    It is written when it is first asked for: that takes as long as all else that a worker does at
    its start, and few workers are ever asked.
    """

    DEFAULT_ERROR_RESPONSE_NAME = None
    spec: Any
    ma_plugin: Any
    flask_plugin: Any

    def __init__(self, app: Flask) -> None:
        self._parts: list[Blueprint] = []
        self._text: str | None = None
        self._turn = Lock()
        super().__init__(app)

    def register_blueprint(self, blp: Blueprint) -> None:
        """Give the application the blueprint's routes; they are described later."""
        self._app.register_blueprint(blp)
        self._parts.append(blp)

    def _openapi_json(self) -> Response:
        with self._turn:
            if self._text is None:
                self._text = self._written()
        return current_app.response_class(self._text, mimetype="application/json")

    def _written(self) -> str:
        super()._init_spec(extra_plugins=[SchemaDescriptions()])
        for part in self._parts:
            part.register_views_in_doc(self, self._app, self.spec, name=part.name, parameters=None)
            self.spec.tag({"name": part.name, "description": part.description})
        text: str = json.dumps(self.spec.to_dict(), indent=2, sort_keys=False)
        self.spec = self.ma_plugin = self.flask_plugin = None  # the text is all that is asked for
        return text

    def _init_spec(self) -> None:
        pass

    def _register_error_handlers(self) -> None:
        pass

    def _register_etag_headers(self) -> None:
        pass

    def _register_pagination_header(self) -> None:
        pass

    def _register_responses(self) -> None:
        for function in (one_value, types, content, component):
            self.ma_plugin.converter.add_attribute_function(function)
        self.ma_plugin.converter.add_parameter_attribute_function(parameter)
        components = self.spec.components
        for name, choice in CHOICES.items():
            resolve = self.ma_plugin.converter.resolve_nested_schema
            described = " Or: ".join(schema.__doc__ or "" for schema in choice)
            shapes = [resolve(success_of(schema)) for schema in choice]
            components.schema(name, {"description": described, "anyOf": shapes})
        components.security_scheme(
            "api_key",
            {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "<prefix>.<secret>",
                "description": "A key that `carriers keys create` has shown. Reading needs the"
                " scope `read`, a command `write` or the scope of its group: `register`, `profile`"
                " or `oversight`, which `x-needs-scope` names; an import needs each of those that"
                " it names, and to adopt a policy `policy` or `admin`.",
            },
        )
        for name, header in _PARAMETERS.items():
            schema = {**header["schema"], "description": header["description"]}
            named = {"name": name, **header, "schema": schema}
            components.parameter(name, "header", named)
        for name, header in _HEADERS.items():
            components.header(name, header)
        for status, (description, errors) in _ERRORS.items():
            problems = [problem_of(error) for error in errors]
            components.response(str(status), _response(status, description, problems))


def _response(status: int, description: str, problems: list[Problem]) -> dict[str, Any]:
    stale = status == HTTPStatus.PRECONDITION_FAILED
    known = {name.title(): name for name in _HEADERS}
    headers = [known[name.title()] for name in problems[0].headers if name.title() in known]
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        headers += ["RateLimit", "RateLimit-Policy"]
    return {
        "description": description,
        "headers": {name: name for name in ("X-Request-ID", *headers)},
        "content": {
            "application/json": {
                "schema": StaleFailureSchema if stale else FailureSchema,
                "examples": {_name(each): {"value": each.envelope()} for each in problems},
            },
            PROBLEM_JSON: {
                "schema": StaleProblemSchema if stale else ProblemSchema,
                "examples": {
                    _name(each): {"value": each.rfc9457(_REQUEST_ID)} for each in problems
                },
            },
        },
    }


def _name(problem: Problem) -> str:
    return problem.kind or HTTPStatus(problem.status).phrase.lower().replace(" ", "-")
