"""The feed as a stream of Server-Sent Events to one listener.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from app.api.resources.cloud_events import cloud_event
from app.api.resources.feed_pages import Place, look, waited
from app.application.access.keys import ForeignHost, NotAuthenticated, NotPermitted
from app.application.deadline import Deadline
from app.application.feed import Tail, confirmed
from app.application.ports.errors import StoreUnavailable
from app.application.ports.feed import BeyondHead, Feed, FeedEvent, FeedRenewed, FeedStanding

log = logging.getLogger(__name__)

STREAMED_AT_ONCE = 100
"""So many events one write to a listener holds at most."""

READ_SECONDS = 5.0
"""How long one read for a listener may take; a stream has no budget of its own."""

RETRY_MILLISECONDS = 2000
"""After so long a listener whose stream has ended comes back."""

ENDS_OF_STREAMS: Final = (
    StoreUnavailable,
    FeedRenewed,
    BeyondHead,
    NotAuthenticated,
    NotPermitted,
    ForeignHost,
)
"""What ends a stream, before the process does."""

dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
"""JSON in one line."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Somebody who is given every event of the types. `still_admitted` raises what `admit` does."""

    feed: Feed
    tail: Tail
    types: frozenset[str] | None
    heartbeat: float
    still_admitted: Callable[[], object]
    has_left: Callable[[], bool]

    def stream(self, place: Place) -> Iterator[str]:
        """The events behind the place. Ends when the process does, when the store fails, when the
        feed gets another id or the listener's key was revoked: listeners come back by themselves,
        or are refused then."""
        # A line of the first event: by itself, with the empty line that ends an event, some clients
        # would take it for one. It also brings the headers to the client at once.
        yield f"retry: {RETRY_MILLISECONDS}\n"
        try:
            yield from self._follow(place)
        except ENDS_OF_STREAMS as reason:
            log.info("a stream of events was ended: %s", reason or type(reason).__name__)

    def _follow(self, place: Place) -> Iterator[str]:
        """What has happened and what happens are read in the same way, so there is no seam."""
        sent = at = place.after
        feed = place.feed or self._confirmed(place).feed
        beat = Deadline.after(self.heartbeat)
        while not self.tail.closed and not self.has_left():
            if beat.expired:
                self.still_admitted()
                # Of types that nobody asks for many may have gone by: none is looked at again. A
                # comment is a line, for the same reason as `retry`.
                yield f"id: {feed}:{at}\n\n" if at > sent else ":\n"
                sent, beat = at, Deadline.after(self.heartbeat)
            budget = Deadline.after(READ_SECONDS)
            page = look(self.feed, at, STREAMED_AT_ONCE, self.types, budget)
            self._confirmed(Place(feed, page.next))
            if page.events:
                yield "".join(_message(each, feed) for each in page.events)
                sent = page.events[-1].position
            at = page.next
            if page.at_end:
                waited(self.tail, Place(feed, at), beat, self.has_left)

    def _confirmed(self, place: Place) -> FeedStanding:
        return confirmed(self.feed, place.feed, place.after, Deadline.after(READ_SECONDS))


def _message(found: FeedEvent, feed: str) -> str:
    """JSON has no line breaks outside of its strings, and escapes those within."""
    return f"id: {feed}:{found.position}\ndata: {dumps(cloud_event(found, feed))}\n\n"
