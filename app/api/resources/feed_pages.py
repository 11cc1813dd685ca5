"""How the feed is read for a client: a page of the types that it asks for, and the wait for more.

Used by the feed's addresses (`feed.py`) and by its streams (`feed_stream.py`).
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from flask import request

from app.application.deadline import Deadline
from app.application.feed import Tail
from app.application.ports.feed import Feed, FeedEvent
from app.application.recorded import type_name

LOOKED_AT = 5000
"""So many positions one request looks at for events of the types that it asks for."""

AT_ONCE = 500
"""So many it reads at once meanwhile."""

LOOK_SECONDS = 1.0
"""So often somebody looks whether the client that it waits for is still there."""

_PEEK: Final = socket.MSG_PEEK | socket.MSG_DONTWAIT


@dataclass(frozen=True, slots=True)
class Place:
    """A position of a feed; without the feed it is what a client of a former release has."""

    feed: str | None
    after: int


@dataclass(frozen=True, slots=True)
class Page:
    """The events that fit, and the last position that was looked at. `at_end`: there was no more
    to look at."""

    events: list[FeedEvent]
    next: int
    at_end: bool


def look(
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
            if type_name(each.event.data.event_type) in types:
                found.append(each)
                if len(found) == limit:
                    return Page(found, at, at_end=False)
        if len(read) < AT_ONCE:
            return Page(found, at, at_end=True)
    return Page(found, at, at_end=False)


def waited(tail: Tail, place: Place, until: Deadline, has_left: Callable[[], bool]) -> bool:
    """Whether there is an event after this place, or the place is gone, before the time is over,
    the process ends or the client has left."""
    while not until.expired and not tail.closed and not has_left():
        look = until.within(LOOK_SECONDS)
        if tail.wait(place.after, look, place.feed):
            return True
    return False


def watched_connection() -> Callable[[], bool]:
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
