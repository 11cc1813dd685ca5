"""What becomes of a prepared append: the transitions that `outcome` draws. Without Cassandra."""

from uuid import UUID

import pytest

from app.infrastructure.cassandra.append.intent_log import IntentId
from app.infrastructure.cassandra.feed.outcome import (
    ASK_AFTER_SECONDS,
    Intent,
    Outcome,
    outcome_by_stream,
)
from tests.support.feed_model import row

MINE, ANOTHER = IntentId(UUID(int=1), 7), IntentId(UUID(int=2), 7)
LATER = ASK_AFTER_SECONDS + 0.01


def seen(outcome: Outcome = Outcome.IN_DOUBT, asked_at: float = 0) -> Intent:
    """An intent that was first seen at 100."""
    return Intent(MINE, [row("a", 1)], outcome, seen_at=100, asked_at=asked_at)


@pytest.mark.parametrize("is_fenced", [True, False])
def test_that_an_event_of_the_intent_shows_that_it_was_appended(is_fenced: bool) -> None:
    """Also behind a fence: the append was there before."""
    assert outcome_by_stream(MINE, MINE, is_fenced=is_fenced) is Outcome.APPENDED


@pytest.mark.parametrize("is_fenced", [True, False])
def test_that_an_event_of_another_intent_shows_that_it_was_not(is_fenced: bool) -> None:
    """Its version is taken for good."""
    assert outcome_by_stream(MINE, ANOTHER, is_fenced=is_fenced) is Outcome.NOT_APPENDED


def test_that_nothing_is_known_while_the_append_may_still_come() -> None:
    """Neither the event nor a fence is there."""
    assert outcome_by_stream(MINE, None, is_fenced=False) is Outcome.IN_DOUBT


def test_that_an_append_cannot_come_behind_a_fence() -> None:
    """What is not there by then never will be."""
    assert outcome_by_stream(MINE, None, is_fenced=True) is Outcome.NOT_APPENDED


def test_that_an_intent_is_due_a_while_after_it_was_seen() -> None:
    """Its writer has had the time to acknowledge it."""
    assert [seen().is_due(now) for now in (100, 100 + LATER)] == [False, True]


def test_that_an_intent_is_due_again_a_while_after_it_was_asked_about() -> None:
    """Not at every step."""
    intent = seen(asked_at=200)
    assert [intent.is_due(now) for now in (200, 200 + LATER)] == [False, True]


@pytest.mark.parametrize("outcome", [Outcome.APPENDED, Outcome.NOT_APPENDED])
def test_that_an_outcome_is_final(outcome: Outcome) -> None:
    """Nobody asks about it again."""
    assert not seen(outcome).is_due(1_000)


def test_that_an_append_is_fenced_off_once_the_grace_was_over_when_its_stream_was_asked() -> None:
    """The grace is counted from when the intent was first seen."""
    assert [seen(asked_at=at).is_overdue(5) for at in (104.9, 105)] == [False, True]
