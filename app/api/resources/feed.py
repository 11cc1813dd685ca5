"""The feed's addresses: all events in one order, page by page or as a stream.

Both give the same events in the same form; the feed's id and a position in, the events behind it
out. A stream is Server-Sent Events:
https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import re
import time
from contextlib import ExitStack
from typing import Any, Final

from flask import Response, current_app, request
from werkzeug.exceptions import BadRequest

from app.api.http.authentication import TICKETS, admit, key_of
from app.api.http.contract import IN_THE_REGISTRY, Answer, ContractBlueprint
from app.api.http.envelope import services, success
from app.api.http.request_cycle import deadline
from app.api.resources.cloud_events import cloud_event
from app.api.resources.feed_pages import Page, Place, look, waited, watched_connection
from app.api.resources.feed_stream import READ_SECONDS, Listener, dumps
from app.api.schemas.feed import (
    EXAMPLE,
    FEED_ID,
    LAST_POSITION,
    EventsQuerySchema,
    EventsSchema,
    StreamQuerySchema,
    TicketQuerySchema,
    TicketSchema,
)
from app.application.access.tickets import NO_TICKET, TICKET_SECONDS, issue_ticket
from app.application.deadline import Deadline
from app.application.feed import confirmed
from app.application.ports.errors import StoreUnavailable
from app.application.ports.feed import FeedStanding
from app.application.queries import FollowFeed, ReadFeed

ANSWER_SECONDS = 1.0
"""Of a request's budget, so much is left when a wait ends: for the answer."""

# Former releases gave the position alone.
_LAST_EVENT_ID = re.compile(rf"(?:({FEED_ID}):)?(0|[1-9][0-9]{{0,15}})")

# An old page, out of a cache, would hold a follower back: the last page grows.
_NOT_KEPT: Final = {"Cache-Control": "no-store"}
STREAM_HEADERS: Final = {**_NOT_KEPT, "X-Accel-Buffering": "no"}
STREAM_TYPE: Final = "text/event-stream; charset=utf-8"
"""What goes with every stream of Server-Sent Events."""

_PAGE = {200: Answer("A page of the feed", (EventsSchema,), ("Link",))}
_STREAM = {
    200: Answer(
        "Server-Sent Events, without an end: of each event the feed's id and its position as `id`"
        " and the CloudEvent as `data`. An `id` alone says that nothing up to there is of the types"
        " asked for; a comment, that all is well. It ends if the feed gets another id",
        media_type="text/event-stream",
        example=f"id: {EXAMPLE['feed']}:{EXAMPLE['position']}\ndata: {dumps(EXAMPLE)}\n\n",
    )
}

_TICKET = {200: Answer("A ticket", (TicketSchema,))}

_OF_A_FEED = (*IN_THE_REGISTRY, 410)

blueprint = ContractBlueprint(
    "feed", __name__, description="All events of all carriers, and of the policy"
)


@blueprint.view("/events", _PAGE, _OF_A_FEED, query=EventsQuerySchema)
def list_events(query: ReadFeed) -> Response:
    """List all events in the order of the feed; wait for the next one, if wanted.

    What may be concluded: positions have no hole and never change, and the events of one carrier
    come in the order of `streamversion`, each once. So whoever has worked off a position has
    worked off all before it, and of each carrier everything up to the version that came last.

    What may not be concluded: between carriers the order is the one in which the feed took the
    events in. An event may stand behind one of another carrier whose command was sent only after
    the first one was answered, mostly by less than a second; with a database of several nodes
    that is usual. Nor is `time` an order: each process has its own clock. A command that was
    answered may not have its position yet, so having read up to `head` is not having read all that
    was answered before: look for the carrier at the version of the answer instead. And an e-mail
    address may come to a carrier by an event that stands before the one by which another carrier
    gives it up: consumers keep addresses by carrier, and do not refuse the second one.
    """
    feed = services().feed
    page = look(feed, query.after, query.limit, query.types, deadline())
    now = confirmed(feed, query.feed, page.next, deadline())
    if page.at_end and not page.events and query.wait and request.method != "HEAD":
        page, now = _awaited(page.next, now, query)
    headers = dict(_NOT_KEPT)
    if not page.at_end:
        types = f"&type={','.join(sorted(query.types))}" if query.types else ""
        following = f"?feed={now.feed}&after={page.next}&limit={query.limit}{types}"
        headers["Link"] = f'<{following}>; rel="next"'
    events = [cloud_event(each, now.feed) for each in page.events]
    shown = {"events": events, "next": page.next, "feed": now.feed, "head": now.head}
    return success(shown, 200, headers)


@blueprint.view(
    "/events/stream",
    _STREAM,
    _OF_A_FEED,
    query=StreamQuerySchema,
    headers=("Last-Event-ID",),
)
def stream_events(query: FollowFeed) -> Response:
    """Give every event as it happens, after all those that have happened."""
    place = _begin_at(Place(query.feed, query.after))
    answer = Response(headers=STREAM_HEADERS, content_type=STREAM_TYPE)
    if request.method == "HEAD":
        return answer
    with ExitStack() as held:
        held.enter_context(services().tail.listener())
        held.enter_context(services().telemetry.listening("stream"))
        answer.response = _listener(query.types).stream(place)
        answer.call_on_close(held.pop_all().close)
    return answer


@blueprint.action(TICKETS, _TICKET, IN_THE_REGISTRY, query=TicketQuerySchema)
def issue_feed_ticket(query: dict[str, Any]) -> Response:
    """Give a ticket with which a browser can read the feed: a minute long, and nothing else."""
    del query
    key = key_of(request, services().access, deadline())
    ticket = NO_TICKET if key is None else str(issue_ticket(key, time.time()))
    return success({"ticket": ticket, "expires_in": TICKET_SECONDS}, 200, _NOT_KEPT)


def _begin_at(otherwise: Place) -> Place:
    """Where the stream begins, checked. Raises BadRequest, FeedRenewed or BeyondHead."""
    place = _last_event_id(otherwise)
    try:
        budget = deadline().within(READ_SECONDS)
        return Place(confirmed(services().feed, place.feed, place.after, budget).feed, place.after)
    except StoreUnavailable:
        # The stream begins, and ends where it finds the same: a browser comes back after the end of
        # a stream, but never after a 503.
        return place


def _awaited(after: int, now: FeedStanding, query: ReadFeed) -> tuple[Page, FeedStanding]:
    """The first page that has an event, or an empty one. Raises what `confirmed` does."""
    feed, tail, budget = services().feed, services().tail, deadline()
    until = Deadline(min(Deadline.after(query.wait).at, budget.at - ANSWER_SECONDS))
    page = Page([], after, at_end=True)
    with tail.listener(), services().telemetry.listening("wait"):
        # A function of the gunicorn worker's; missing if the application runs without that server.
        request.environ.get("request.hold", lambda: None)()
        has_left = watched_connection()
        while page.at_end and not page.events:
            if not waited(tail, Place(now.feed, page.next), until, has_left):
                break
            page = look(feed, page.next, query.limit, query.types, budget)
            now = confirmed(feed, now.feed, page.next, budget)
    return page, now


def _last_event_id(otherwise: Place) -> Place:
    given = request.headers.get("Last-Event-ID")
    if given is None:
        return otherwise
    parts = _LAST_EVENT_ID.fullmatch(given)
    if parts is None or int(parts[2]) > LAST_POSITION:
        raise BadRequest(
            "The Last-Event-ID must be the id of an event of the stream: <feed>:<position>"
        )
    return Place(parts[1] or otherwise.feed, int(parts[2]))


def _listener(types: frozenset[str] | None) -> Listener:
    # All of it while there is a request: a stream outlives it.
    asked, access = request._get_current_object(), services().access  # type: ignore[attr-defined]
    heartbeat: float = current_app.config["HEARTBEAT"]
    return Listener(
        services().feed,
        services().tail,
        types,
        heartbeat,
        lambda: admit(asked, access, Deadline.after(READ_SECONDS), again=True),
        watched_connection(),
    )
