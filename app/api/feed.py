"""The feed's addresses: all events of all carriers in one order, page by page or as a stream.

Both give the same events in the same form; `position` in, the events behind it out. A stream is
Server-Sent Events: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import json
import logging
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from flask import Response, current_app, request
from werkzeug.exceptions import BadRequest

from app.api.access import admit
from app.api.cloud_events import cloud_event, type_of
from app.api.contract import IN_THE_REGISTRY, Answer, ContractBlueprint
from app.api.envelope import services, success
from app.api.feed_schemas import (
    EXAMPLE,
    LAST_POSITION,
    EventsQuerySchema,
    EventsSchema,
    StreamQuerySchema,
)
from app.api.request_cycle import deadline
from app.application.access import ForeignHost, NotAuthenticated, NotPermitted
from app.application.deadline import Deadline
from app.application.feed import Feed, FeedEvent, Tail
from app.application.ports import StoreUnavailable

log = logging.getLogger(__name__)

LOOKED_AT = 5000
"""So many positions one request looks at for events of the types that it asks for."""

AT_ONCE = 500
"""So many it reads at once meanwhile."""

STREAMED_AT_ONCE = 100
"""So many events one write to a listener holds at most."""

ANSWER_SECONDS = 1.0
"""Of a request's budget, so much is left when a wait ends: for the answer."""

READ_SECONDS = 5.0
"""How long one read for a listener may take; a stream has no budget of its own."""

LOOK_SECONDS = 1.0
"""So often somebody looks whether the client that it waits for is still there."""

RETRY_MILLISECONDS = 2000
"""After so long a listener whose stream has ended comes back."""

_PEEK: Final = socket.MSG_PEEK | socket.MSG_DONTWAIT

_DIGITS = re.compile(r"0|[1-9][0-9]{0,15}")

# An old page, out of a cache, would hold a follower back: the last page grows.
_NOT_KEPT: Final = {"Cache-Control": "no-store"}
_STREAM_HEADERS: Final = {**_NOT_KEPT, "X-Accel-Buffering": "no"}
_STREAM_TYPE: Final = "text/event-stream; charset=utf-8"

_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode

_PAGE = {200: Answer("A page of the feed", (EventsSchema,), ("Link",))}
_STREAM = {
    200: Answer(
        "Server-Sent Events, without an end: of each event its position as `id` and the CloudEvent"
        " as `data`. An `id` alone says that nothing up to there is of the types asked for; a"
        " comment, that all is well",
        media_type="text/event-stream",
        example=f"id: {EXAMPLE['position']}\ndata: {_dumps(EXAMPLE)}\n\n",
    )
}

blueprint = ContractBlueprint("feed", __name__, description="All events of all carriers")


@dataclass(frozen=True, slots=True)
class Page:
    """The events that fit, and the last position that was looked at. `at_end`: there was no more
    to look at."""

    events: list[FeedEvent]
    next: int
    at_end: bool


@blueprint.view("/events", _PAGE, IN_THE_REGISTRY, query=EventsQuerySchema)
def list_events(query: dict[str, Any]) -> Response:
    """List all events in the order of the feed; wait for the next one, if wanted."""
    page = _look(services().feed, query["after"], query["limit"], query["type"], deadline())
    if page.at_end and not page.events and query["wait"] and request.method != "HEAD":
        page = _awaited(page.next, query)
    headers = dict(_NOT_KEPT)
    if not page.at_end:
        types = f"&type={','.join(sorted(query['type']))}" if query["type"] else ""
        headers["Link"] = f'<?after={page.next}&limit={query["limit"]}{types}>; rel="next"'
    events = [cloud_event(each) for each in page.events]
    return success({"events": events, "next": page.next}, 200, headers)


@blueprint.view(
    "/events/stream",
    _STREAM,
    IN_THE_REGISTRY,
    query=StreamQuerySchema,
    headers=("Last-Event-ID",),
)
def stream_events(query: dict[str, Any]) -> Response:
    """Give every event as it happens, after all those that have happened."""
    after = _last_event_id(query["after"])
    answer = Response(headers=_STREAM_HEADERS, content_type=_STREAM_TYPE)
    if request.method == "HEAD":
        return answer
    with ExitStack() as held:
        held.enter_context(services().tail.listener())
        # Not a read before the first byte: a browser comes back after the end of a stream, but
        # never after a 503.
        answer.response = _listener(query["type"]).stream(after)
        answer.call_on_close(held.pop_all().close)
    return answer


def _look(
    feed: Feed, after: int, limit: int, types: frozenset[str] | None, budget: Deadline
) -> Page:
    if types is None:
        read = feed.read(after, limit, budget)
        return Page(read, read[-1].position if read else after, len(read) < limit)
    found: list[FeedEvent] = []
    at = after
    while at - after < LOOKED_AT:
        read = feed.read(at, AT_ONCE, budget)
        for each in read:
            at = each.position
            if type_of(each.event) in types:
                found.append(each)
                if len(found) == limit:
                    return Page(found, at, at_end=False)
        if len(read) < AT_ONCE:
            return Page(found, at, at_end=True)
    return Page(found, at, at_end=False)


def _awaited(after: int, query: dict[str, Any]) -> Page:
    feed, tail, budget = services().feed, services().tail, deadline()
    until = Deadline(min(Deadline.after(query["wait"]).at, budget.at - ANSWER_SECONDS))
    page = Page([], after, at_end=True)
    with tail.listener():
        has_left = _watched_connection()
        while page.at_end and not page.events:
            if not _waited(tail, page.next, until, has_left):
                break
            page = _look(feed, page.next, query["limit"], query["type"], budget)
    return page


def _waited(tail: Tail, after: int, until: Deadline, has_left: Callable[[], bool]) -> bool:
    """Whether there is an event after this position before the time is over, the process ends or
    the client has left."""
    while not until.expired and not tail.closed and not has_left():
        if tail.wait(after, Deadline(min(until.at, Deadline.after(LOOK_SECONDS).at))):
            return True
    return False


def _watched_connection() -> Callable[[], bool]:
    """Tells whether the client has closed its connection. Nothing is read from it."""
    connection: socket.socket | None = request.environ.get("gunicorn.socket")

    def has_left() -> bool:
        try:
            return connection is not None and not connection.recv(1, _PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    return has_left


def _last_event_id(otherwise: int) -> int:
    given = request.headers.get("Last-Event-ID")
    if given is None:
        return otherwise
    if not _DIGITS.fullmatch(given) or int(given) > LAST_POSITION:
        raise BadRequest(f"The Last-Event-ID must be a whole number from 0 to {LAST_POSITION}")
    return int(given)


def _listener(types: frozenset[str] | None) -> "Listener":
    # All of it while there is a request: a stream outlives it.
    asked, access = request._get_current_object(), services().access  # type: ignore[attr-defined]
    heartbeat: float = current_app.config["HEARTBEAT"]
    return Listener(
        services().feed,
        services().tail,
        types,
        heartbeat,
        lambda: admit(asked, access, Deadline.after(READ_SECONDS)),
        _watched_connection(),
    )


@dataclass(frozen=True, slots=True)
class Listener:
    """Somebody who is given every event of the types. `still_admitted` raises what `admit` does."""

    feed: Feed
    tail: Tail
    types: frozenset[str] | None
    heartbeat: float
    still_admitted: Callable[[], object]
    has_left: Callable[[], bool]

    def stream(self, after: int) -> Iterator[str]:
        """The events behind the position. Ends when the process does, when the store fails or the
        listener's key was revoked: they come back by themselves, or are refused then."""
        yield f"retry: {RETRY_MILLISECONDS}\n\n"
        try:
            yield from self._follow(after)
        except (StoreUnavailable, NotAuthenticated, NotPermitted, ForeignHost) as reason:
            log.info("a stream of events was ended: %s", reason or type(reason).__name__)

    def _follow(self, after: int) -> Iterator[str]:
        """What has happened and what happens are read in the same way, so there is no seam."""
        told = at = after
        beat = Deadline.after(self.heartbeat)
        while not self.tail.closed and not self.has_left():
            if beat.expired:
                self.still_admitted()
                # Of types that nobody asks for many may have gone by: none is looked at again.
                yield f"id: {at}\n\n" if at > told else ":\n\n"
                told, beat = at, Deadline.after(self.heartbeat)
            budget = Deadline.after(READ_SECONDS)
            page = _look(self.feed, at, STREAMED_AT_ONCE, self.types, budget)
            if page.events:
                yield "".join(map(_message, page.events))
                told = page.events[-1].position
            at = page.next
            if page.at_end:
                _waited(self.tail, at, beat, self.has_left)


def _message(found: FeedEvent) -> str:
    """JSON has no line breaks outside of its strings, and escapes those within."""
    return f"id: {found.position}\ndata: {_dumps(cloud_event(found))}\n\n"
