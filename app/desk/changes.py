"""How much has changed since a page was made: a number, for a quiet line on that page.

Server-Sent Events whose data is the number and nothing of the events: a list counts what its view
has taken in since, a carrier its own events. The reader's page stays as it is until the reader asks
for the new one.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from flask import Response, abort, current_app, request
from marshmallow import Schema, ValidationError

from app.api.http.authentication import DESK, admit
from app.api.http.envelope import services
from app.api.http.request_cycle import deadline
from app.api.http.validation import sentences
from app.api.resources.feed import STREAM_HEADERS, STREAM_TYPE
from app.api.resources.feed_pages import Place, waited, watched_connection
from app.api.resources.feed_stream import ENDS_OF_STREAMS, READ_SECONDS, RETRY_MILLISECONDS
from app.api.schemas.documents import ShowCarrierSchema
from app.api.schemas.feed import LAST_POSITION, StreamQuerySchema
from app.application.concurrency import TooManyListeners
from app.application.consistency import ViewNotMade
from app.application.deadline import Deadline
from app.application.directory.query import CARRIERS
from app.application.feed import Tail, confirmed
from app.application.queries import FollowFeed, ShowOnDay
from app.desk.frame import blueprint

PAUSE_SECONDS = 1.0
"""So long an onlooker waits after each look, however much happens."""

_ENDS: Final = (*ENDS_OF_STREAMS, ViewNotMade)


@dataclass(frozen=True, slots=True)
class Since:
    """How many changes there are since a page was made, as far as `position` of the feed."""

    changes: int
    position: int


@dataclass(frozen=True, slots=True)
class Onlooker:
    """A page that somebody looks at. `count` raises StoreUnavailable, ViewNotMade, or what
    `confirmed` does; `still_admitted` what `admit` does."""

    tail: Tail
    count: Callable[[Deadline], Since]
    heartbeat: float
    still_admitted: Callable[[], object]
    has_left: Callable[[], bool]

    def stream(self) -> Iterator[str]:
        """The number whenever it is another one; at first it is 0. Ends as streams of the feed
        do."""
        yield f"retry: {RETRY_MILLISECONDS}\n"
        with suppress(*_ENDS):
            yield from self._follow()

    def _follow(self) -> Iterator[str]:
        told, beat = 0, Deadline.after(self.heartbeat)
        while not self.tail.closed and not self.has_left():
            if beat.expired:
                self.still_admitted()
                yield ":\n"
                beat = Deadline.after(self.heartbeat)
            now = self.count(Deadline.after(READ_SECONDS))
            if now.changes != told:
                yield f"data: {now.changes}\n\n"
                told = now.changes
            self.tail.wait(LAST_POSITION, Deadline.after(PAUSE_SECONDS))
            waited(self.tail, Place(None, now.position), beat, self.has_left)


def since_the_list() -> str:
    """Where a list that is made now learns what has changed since. Asked before the list is read:
    what it shows beyond this place counts as new, and nothing is left out."""
    view = services().directory.standing(CARRIERS, deadline())
    feed = services().feed.standing(deadline()).feed
    query = urlencode({"feed": feed, "after": view.progress.checkpoint})
    return f"{DESK}/changes?{query}"


def since_version(carrier_id: str, version: int) -> str:
    """Where a page that shows the carrier at this version learns what has changed since."""
    return f"{DESK}/carriers/{carrier_id}/changes?version={version}"


@blueprint.get("/changes")
def count_changes() -> Response:
    """How much the view of carriers has taken in behind a position of the feed."""
    feed, directory = services().feed, services().directory
    page: FollowFeed = _asked(StreamQuerySchema())

    def count(budget: Deadline) -> Since:
        confirmed(feed, page.feed, page.after, budget)
        checkpoint = directory.standing(CARRIERS, budget).progress.checkpoint
        return Since(max(0, checkpoint - page.after), checkpoint)

    return _told(count)


@blueprint.get("/carriers/<uuid:carrier_id>/changes")
def count_changes_of_a_carrier(carrier_id: UUID) -> Response:
    """How many events the carrier has behind a version."""
    feed, store = services().feed, services().store
    page: ShowOnDay = _asked(ShowCarrierSchema())

    def count(budget: Deadline) -> Since:
        position = feed.standing(budget).head
        return Since(len(store.read(str(carrier_id), budget, page.version or 0)), position)

    return _told(count)


def _asked(schema: Schema) -> Any:  # noqa: ANN401 - what the schema makes
    try:
        return schema.load(request.args.to_dict())
    except ValidationError as error:
        sentence = next(iter(sentences({"query": error.messages_dict}).values()))
        abort(HTTPStatus.BAD_REQUEST, sentence)


def _told(count: Callable[[Deadline], Since]) -> Response:
    """The stream; no content, after which a browser does not come back, if there is no place."""
    answer = Response(headers=STREAM_HEADERS, content_type=STREAM_TYPE)
    if request.method == "HEAD":
        return answer
    with ExitStack() as held:
        try:
            held.enter_context(services().tail.onlooker())
        except TooManyListeners:
            return Response(status=HTTPStatus.NO_CONTENT)
        held.enter_context(services().telemetry.listening("stream"))
        answer.response = _onlooker(count).stream()
        answer.call_on_close(held.pop_all().close)
    return answer


def _onlooker(count: Callable[[Deadline], Since]) -> Onlooker:
    # All of it while there is a request: a stream outlives it.
    asked, access = request._get_current_object(), services().access  # type: ignore[attr-defined]
    heartbeat: float = current_app.config["HEARTBEAT"]
    return Onlooker(
        services().tail,
        count,
        heartbeat,
        lambda: admit(asked, access, Deadline.after(READ_SECONDS), again=True),
        watched_connection(),
    )
