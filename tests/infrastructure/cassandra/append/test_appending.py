"""The steps of an append on a real Cassandra: which requests it sends, in which order."""

from itertools import groupby
from uuid import uuid4

import pytest

from app.application.deadline import Deadline
from app.application.ports.errors import OutcomeUnknown
from app.application.ports.event_store import (
    NO_STREAM,
    AlreadyClaimed,
    Claim,
    Claims,
    NoOp,
    VersionConflict,
)
from app.infrastructure.cassandra.errors import RequestFailed
from app.infrastructure.cassandra.session import Row
from tests.contracts.claims import new_claim
from tests.support.interrupted import APPEND, Send
from tests.support.sequencing import Lost, Recorded, Site, put

OWNED, FENCE, GIVE_BACK = "read_claim", "read_held", "delete_claim"
BEHIND = "acknowledge"
"""Sent by a thread, at any time after an append."""
TOGETHER = ("open_intent_log", "prepare", "claim")
"""The intent and the claim are under way at the same time."""


@pytest.fixture
def recorded() -> Recorded:
    """The names of what the writer sends."""
    return Recorded()


def steps(recorded: Recorded) -> list[str]:
    """What was sent, without what a thread sends behind the append. What is under way at the same
    time is told in one order."""
    found: list[str] = []
    names = (name for name in recorded.names if name != BEHIND)
    for is_together, run in groupby(names, TOGETHER.__contains__):
        some = list(run)
        found += sorted(some, key=TOGETHER.index) if is_together else some
    return found


def stream_with(site: Site, claim: Claim) -> str:
    """A stream of one event that owns the value."""
    stream = str(uuid4())
    put(site.writer(), stream, claims=Claims(taken=(claim,)))
    return stream


def test_an_append_without_claims_is_two_requests(site: Site, recorded: Recorded) -> None:
    """The intent and the batch. Before the first intent the process opens its log."""
    store, stream = site.writer(recorded), str(uuid4())
    put(store, stream)
    put(store, stream, 1)
    assert steps(recorded) == ["open_intent_log", "prepare", APPEND, "prepare", APPEND]


def test_a_new_stream_that_takes_a_value_has_no_fence_to_read(
    site: Site, recorded: Recorded
) -> None:
    """It would be one request more for every registration."""
    put(site.writer(recorded), str(uuid4()), claims=Claims(taken=(new_claim(),)))
    assert steps(recorded) == ["open_intent_log", "prepare", "claim", APPEND]


def test_the_steps_of_an_append_that_takes_and_frees(site: Site, recorded: Recorded) -> None:
    """As they are drawn: owned, fence, prepare, claim, send, give back."""
    old, new = new_claim(), new_claim()
    stream = stream_with(site, old)
    put(site.writer(recorded), stream, 1, claims=Claims(taken=(new,), freed=(old,)))
    assert steps(recorded) == [
        *(OWNED, FENCE, "open_intent_log", "prepare", "claim", APPEND, GIVE_BACK),
    ]


def test_what_is_sent_again_is_identical(site: Site) -> None:
    """With an answer lost: what was read and prepared before stays, only claim and batch are sent
    again; the batch then meets itself, and nothing is given back any more."""
    lost, recorded = Lost(APPEND, sent=True), Recorded()
    old, new = new_claim(), new_claim()
    stream = stream_with(site, old)
    store = site.writer(lambda name, send: recorded(name, lambda: lost(name, send)))
    appended = put(store, stream, 1, claims=Claims(taken=(new,), freed=(old,)))
    assert (appended.version, appended.already_applied) == (2, True)
    assert steps(recorded) == [
        *(OWNED, FENCE, "open_intent_log", "prepare", "claim", APPEND),
        *("claim", "swap_claim", APPEND),
    ]


def test_a_fenced_append_is_prepared_and_claimed_again(site: Site) -> None:
    """Its intent counts no longer, which is acknowledged; the fence came with the refusal."""
    recorded, claim = Recorded(), new_claim()
    stream = str(uuid4())
    put(site.writer(), stream)

    def fenced_once(name: str, send: Send) -> list[Row]:
        if name == APPEND and recorded.names.count(APPEND) == 1:
            site.ask("UPDATE events SET fence = uuid() WHERE aggregate_id = %s IF head = 1", stream)
        return send()

    store = site.writer(lambda name, send: recorded(name, lambda: fenced_once(name, send)))
    assert put(store, stream, 1, claims=Claims(taken=(claim,))).version == 2
    assert steps(recorded) == [
        *(FENCE, "open_intent_log", "prepare", "claim", APPEND),
        *("prepare", "claim", "swap_claim", APPEND),
    ]


def test_a_conflict_releases_what_was_claimed(site: Site, recorded: Recorded) -> None:
    """Once it is certain that the commit itself was not applied before; behind the stream's own
    fence, because another commit of the stream may rest on the row."""
    stream = str(uuid4())
    put(site.writer(), stream)
    with pytest.raises(VersionConflict):
        put(site.writer(recorded), stream, claims=Claims(taken=(new_claim(),)))
    assert steps(recorded) == [
        *("open_intent_log", "prepare", "claim", APPEND),
        *("read_id", "read_held", "move_fence", "delete_claim"),
    ]


def test_a_value_of_another_stream_ends_an_append_before_it_is_sent(
    site: Site, recorded: Recorded
) -> None:
    """After a look whether the commit has been applied before."""
    claim = new_claim()
    stream_with(site, claim)
    with pytest.raises(AlreadyClaimed):
        put(site.writer(recorded), str(uuid4()), claims=Claims(taken=(claim,)))
    assert steps(recorded) == ["open_intent_log", "prepare", "claim", "read_held", "read_id"]


def test_a_stream_without_a_head_is_given_one(site: Site, recorded: Recorded) -> None:
    """Then the batch is sent again, with the same intent."""
    stream = str(uuid4())
    site.ask(
        "INSERT INTO events (aggregate_id, version, event_type, payload, created_at)"
        " VALUES (%s, 1, 'CarrierRegistered', '{}', 0)",
        stream,
    )
    assert put(site.writer(recorded), stream, 1).version == 2
    assert steps(recorded) == [
        *("open_intent_log", "prepare", APPEND),
        *("read_last", "backfill_head", APPEND),
    ]


def test_a_stream_that_is_not_there_conflicts(site: Site, recorded: Recorded) -> None:
    """It has no head either, and no event that one could follow from."""
    with pytest.raises(VersionConflict) as conflict:
        put(site.writer(recorded), str(uuid4()), 1)
    assert conflict.value.actual is NO_STREAM
    assert steps(recorded) == ["open_intent_log", "prepare", APPEND, "read_last"]


def test_a_noop_record_that_may_have_been_written_is_not_called_unwritten(site: Site) -> None:
    """Although the last try certainly did nothing."""
    failures = [
        RequestFailed("client-timeout", maybe_applied=True),
        RequestFailed("no-host", maybe_applied=False),
    ]

    def failing(name: str, send: Send) -> list[Row]:
        if name == "record_noop":
            raise failures[0] if len(failures) == 1 else failures.pop(0)
        return send()

    stream = str(uuid4())
    store = site.writer(failing)
    put(store, stream)
    with pytest.raises(OutcomeUnknown):
        store.record_noop(stream, uuid4(), NoOp(1, "text"), Deadline.after(0.5))
