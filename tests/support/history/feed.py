"""The feed: positions without a hole, the same for all readers, the versions of each carrier in
order, and every event once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.support.history.records import Event, History, Page


def check_feed(history: History) -> Iterator[str]:
    """One sentence for each promise that a page, or what readers have in the end, breaks."""
    for page in history.pages:
        yield from _in_page(page)
    yield from _heads(history)
    events: dict[int, Event] = {}
    for page in history.pages:
        for event in page.events:
            if events.setdefault(event.position, event) != event:
                other = events[event.position].event_id
                yield f"position {event.position} is {other} and, for {page.process}, another event"
    yield from _against_streams([events[at] for at in sorted(events)], history)


def _in_page(page: Page) -> Iterator[str]:
    expected = list(range(page.after + 1, page.after + 1 + len(page.events)))
    positions = [event.position for event in page.events]
    if positions != expected:
        yield f"{page.process} was given, behind {page.after}, the positions {positions}"
    if page.events and page.next != positions[-1]:
        yield f"{page.process} was given {positions[-1]} and told to go on at {page.next}"
    if page.next > page.head:
        yield f"{page.process} was given {page.next}, beyond the head {page.head}"


def _heads(history: History) -> Iterator[str]:
    """A head that somebody has seen is never taken back; nor does the feed's id change."""
    if len(feeds := {page.feed for page in history.pages}) > 1:
        yield f"the feed has had several ids: {sorted(feeds)}"
    ended = sorted(history.pages, key=lambda page: page.end)
    at, seen = 0, 0
    for page in history.pages:
        while at < len(ended) and ended[at].end < page.begin:
            seen = max(seen, ended[at].head)
            at += 1
        if page.head < seen:
            yield f"{page.process} was told the head {page.head} after somebody was told {seen}"


def _against_streams(feed: list[Event], history: History) -> Iterator[str]:
    versions: defaultdict[str, int] = defaultdict(int)
    for event in feed:
        if event.version != versions[event.carrier] + 1:
            yield (
                f"position {event.position} is version {event.version} of {event.carrier}, behind"
                f" {versions[event.carrier]}"
            )
        versions[event.carrier] = event.version
    times = Counter(event.event_id for event in feed)
    yield from (f"the event {each} is in the feed {n} times" for each, n in times.items() if n > 1)
    streams = {event.event_id: event for event in history.all_events}
    for event_id, event in streams.items():
        if event_id not in times:
            yield f"version {event.version} of {event.carrier} is not in the feed"
    for event in feed:
        told = streams.get(event.event_id)
        if told is None or _content(told) != _content(event):
            yield f"position {event.position} is not what {event.carrier} tells of itself"


def _content(event: Event) -> tuple[object, ...]:
    return event.carrier, event.version, event.type, event.command, event.commit, dict(event.data)
