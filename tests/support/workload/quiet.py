"""What everybody sees once all clients have ended and everything has come to rest."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from tests.support.history.records import DONE, Page
from tests.support.processes import NotReady, wait_until
from tests.support.workload.conversation import Conversation

SETTLE_SECONDS = 30.0
_STILL_SECONDS = 1.5

Seen = TypeVar("Seen")


def look_at_the_end(talk: Conversation, other: Conversation, carriers: Sequence[str]) -> None:
    """Read the whole feed twice, every carrier's history, the directory and the statistics."""
    expected = _expected(talk)
    with suppress(NotReady):  # the judge says what is missing
        wait_until(lambda: _is_at_rest(talk, expected), SETTLE_SECONDS, "the feed is at rest", 0.1)
    subjects = {event.carrier for page in _whole_feed(talk) for event in page.events}
    _whole_feed(other)
    for carrier in sorted(subjects | set(carriers)):
        _insist(lambda carrier=carrier: talk.tell(carrier, is_final=True))  # type: ignore[misc]
    with suppress(NotReady):
        wait_until(lambda: _views_are_there(talk), SETTLE_SECONDS, "the views are there", 0.1)
    _insist(talk.list_all)
    _insist(talk.count)


def _expected(talk: Conversation) -> int:
    """At least so many events have to be in the feed: of each carrier up to the last version that
    was acknowledged."""
    versions: dict[str, int] = {}
    for sent in talk.recorder.history().sent:
        if sent.outcome == DONE and not sent.is_dry_run:
            versions[sent.carrier] = max(sent.version, versions.get(sent.carrier, 0))
    return sum(versions.values())


def _is_at_rest(talk: Conversation, expected: int) -> bool:
    before = talk.page(0, 1)
    if before is None or before.head < expected:
        return False
    time.sleep(_STILL_SECONDS)
    after = talk.page(0, 1)
    return after is not None and after.head == before.head


def _whole_feed(talk: Conversation) -> list[Page]:
    pages = [_insist(lambda: talk.page(0))]
    while pages[-1].events:
        pages.append(_insist(lambda: talk.page(pages[-1].next)))
    return pages


def _views_are_there(talk: Conversation) -> bool:
    views = talk.views()
    return bool(views) and all(each["made"] and each["behind"] == 0 for each in views.values())


def _insist(look: Callable[[], Seen | None]) -> Seen:
    return wait_until(look, SETTLE_SECONDS, "an answer", 0.1)  # type: ignore[return-value]
