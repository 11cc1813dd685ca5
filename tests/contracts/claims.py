"""What every event store has to do about unique values; its tests subclass `ClaimsContract`."""

import threading
from uuid import uuid4

import pytest

from app.application.ports.event_store import (
    NO_STREAM,
    AlreadyClaimed,
    Appended,
    Claim,
    Claims,
    EventStore,
    ExpectedVersion,
    NoOp,
    VersionConflict,
)
from tests.support.stores import commit, soon
from tests.support.threads import at_once


def new_claim() -> Claim:
    """A value that nobody has had before."""
    return Claim("email", f"{uuid4()}@example.com")


def put(
    store: EventStore,
    stream: str,
    expected: ExpectedVersion,
    taken: tuple[Claim, ...] = (),
    freed: tuple[Claim, ...] = (),
) -> Appended:
    """Append one new event with these claims."""
    commit_id, events = commit()
    return store.append(stream, expected, events, commit_id, soon(), Claims(taken, freed))


class ClaimsContract:
    """Subclasses give the fixture `store`."""

    def test_a_claimed_value_is_refused_to_others(self, store: EventStore) -> None:
        """Who comes second is told the owner, and nothing is written."""
        claim, first, second = new_claim(), str(uuid4()), str(uuid4())
        put(store, first, NO_STREAM, taken=(claim,))
        with pytest.raises(AlreadyClaimed) as refused:
            put(store, second, NO_STREAM, taken=(claim,))
        assert (refused.value.claim, refused.value.owner) == (claim, first)
        assert store.read(second, soon()) == []

    def test_the_message_does_not_show_the_value(self, store: EventStore) -> None:
        """It may be an address, and messages reach the log."""
        claim = new_claim()
        put(store, str(uuid4()), NO_STREAM, taken=(claim,))
        with pytest.raises(AlreadyClaimed) as refused:
            put(store, str(uuid4()), NO_STREAM, taken=(claim,))
        assert claim.value not in str(refused.value)

    def test_the_same_value_in_another_scope_is_free(self, store: EventStore) -> None:
        """Scopes do not touch each other."""
        claim = new_claim()
        put(store, str(uuid4()), NO_STREAM, taken=(claim,))
        assert put(store, str(uuid4()), NO_STREAM, taken=(Claim("phone", claim.value),)).version

    def test_the_refused_can_take_another_value(self, store: EventStore) -> None:
        """A refusal leaves nothing behind that would be in the way."""
        claim, other, stream = new_claim(), new_claim(), str(uuid4())
        put(store, str(uuid4()), NO_STREAM, taken=(claim,))
        with pytest.raises(AlreadyClaimed):
            put(store, stream, NO_STREAM, taken=(other, claim))
        put(store, str(uuid4()), NO_STREAM, taken=(other,))
        assert put(store, stream, NO_STREAM, taken=(new_claim(),)) == Appended(1)

    def test_a_freed_value_can_be_taken(self, store: EventStore) -> None:
        """By anybody, as soon as the commit that freed it is acknowledged."""
        claim, first, second = new_claim(), str(uuid4()), str(uuid4())
        put(store, first, NO_STREAM, taken=(claim,))
        put(store, first, 1, freed=(claim,))
        assert put(store, second, NO_STREAM, taken=(claim,)) == Appended(1)
        with pytest.raises(AlreadyClaimed):
            put(store, first, 2, taken=(claim,))

    def test_a_value_is_exchanged_in_one_commit(self, store: EventStore) -> None:
        """The old one is free and the new one taken."""
        old, new, stream = new_claim(), new_claim(), str(uuid4())
        put(store, stream, NO_STREAM, taken=(old,))
        put(store, stream, 1, taken=(new,), freed=(old,))
        put(store, str(uuid4()), NO_STREAM, taken=(old,))
        with pytest.raises(AlreadyClaimed):
            put(store, str(uuid4()), NO_STREAM, taken=(new,))

    def test_a_value_can_be_taken_back(self, store: EventStore) -> None:
        """Freed and taken again by the same stream, it is owned again."""
        claim, stream = new_claim(), str(uuid4())
        put(store, stream, NO_STREAM, taken=(claim,))
        put(store, stream, 1, freed=(claim,))
        put(store, stream, 2, taken=(claim,))
        with pytest.raises(AlreadyClaimed):
            put(store, str(uuid4()), NO_STREAM, taken=(claim,))

    def test_taking_what_one_owns_changes_nothing(self, store: EventStore) -> None:
        """It is not a conflict with oneself."""
        claim, stream = new_claim(), str(uuid4())
        put(store, stream, NO_STREAM, taken=(claim,))
        assert put(store, stream, 1, taken=(claim,)) == Appended(2)
        with pytest.raises(AlreadyClaimed):
            put(store, str(uuid4()), NO_STREAM, taken=(claim,))

    def test_freeing_what_another_owns_changes_nothing(self, store: EventStore) -> None:
        """Only the owner frees."""
        claim, stream = new_claim(), str(uuid4())
        put(store, str(uuid4()), NO_STREAM, taken=(claim,))
        put(store, stream, NO_STREAM, freed=(claim,))
        with pytest.raises(AlreadyClaimed):
            put(store, stream, 1, taken=(claim,))

    def test_a_version_conflict_takes_and_frees_nothing(self, store: EventStore) -> None:
        """Events and claims are written together or not at all."""
        owned, wanted, stream = new_claim(), new_claim(), str(uuid4())
        put(store, stream, NO_STREAM, taken=(owned,))
        with pytest.raises(VersionConflict):
            put(store, stream, 7, taken=(wanted,), freed=(owned,))
        assert put(store, str(uuid4()), NO_STREAM, taken=(wanted,)) == Appended(1)
        with pytest.raises(AlreadyClaimed):
            put(store, str(uuid4()), NO_STREAM, taken=(owned,))

    def test_a_resent_commit_with_claims_is_already_applied(self, store: EventStore) -> None:
        """Its own claim is not in its way."""
        claim, stream = new_claim(), str(uuid4())
        commit_id, events = commit()
        sent = (stream, NO_STREAM, events, commit_id, soon(), Claims(taken=(claim,)))
        assert store.append(*sent) == Appended(1)
        assert store.append(*sent) == Appended(1, already_applied=True)

    def test_of_many_that_race_for_a_value_one_gets_it(self, store: EventStore) -> None:
        """Sixteen new streams at once: one owner, and the others have written nothing."""
        claim, streams = new_claim(), [str(uuid4()) for _ in range(16)]

        def gets_it(number: int) -> bool:
            try:
                put(store, streams[number], NO_STREAM, (claim,))
            except AlreadyClaimed:
                return False
            return True

        assert sorted(at_once(16, gets_it)) == [False] * 15 + [True]
        assert sum(bool(store.read(stream, soon())) for stream in streams) == 1

    def test_a_value_that_is_handed_round_never_has_two_owners(self, store: EventStore) -> None:
        """Two streams take and free one value in turns: who was told it owns it, owns it."""
        claim, inside, maximum = new_claim(), threading.Semaphore(1), 20

        def take_turns(_: int) -> None:
            stream = str(uuid4())
            put(store, stream, NO_STREAM)
            version, turns = 1, 0
            while turns < maximum:
                try:
                    put(store, stream, version, taken=(claim,))
                except AlreadyClaimed:
                    continue
                assert inside.acquire(blocking=False), "two owners"
                assert len(store.read(stream, soon())) == version + 1
                inside.release()
                put(store, stream, version + 1, freed=(claim,))
                version, turns = version + 2, turns + 1

        at_once(2, take_turns)

    def test_the_owner_of_a_value_is_known(self, store: EventStore) -> None:
        """From the commit that takes it to the commit that frees it."""
        claim, stream = new_claim(), str(uuid4())
        assert store.owner(claim, soon()) is None
        put(store, stream, NO_STREAM, taken=(claim,))
        assert store.owner(claim, soon()) == stream
        put(store, stream, 1, freed=(claim,))
        assert store.owner(claim, soon()) is None

    def test_a_noop_record_is_kept(self, store: EventStore) -> None:
        """With the version that it names; the first of a commit counts, later events or not."""
        stream, commit_id = str(uuid4()), uuid4()
        put(store, stream, NO_STREAM)
        assert store.recorded_noop(stream, commit_id, soon()) is None
        store.record_noop(stream, commit_id, NoOp(1, "as it was"), soon())
        put(store, stream, 1)
        store.record_noop(stream, commit_id, NoOp(2, "another"), soon())
        assert store.recorded_noop(stream, commit_id, soon()) == NoOp(1, "as it was")
        assert store.recorded_noop(stream, uuid4(), soon()) is None
        assert store.recorded_noop(str(uuid4()), commit_id, soon()) is None
        assert len(store.read(stream, soon())) == 2

    @pytest.mark.parametrize("version", [1, 3])
    def test_a_noop_record_of_another_version_conflicts(
        self, store: EventStore, version: int
    ) -> None:
        """It would say that nothing changed where something did."""
        stream, commit_id = str(uuid4()), uuid4()
        put(store, stream, NO_STREAM)
        put(store, stream, 1)
        with pytest.raises(VersionConflict) as conflict:
            store.record_noop(stream, commit_id, NoOp(version, ""), soon())
        assert conflict.value.actual == 2
        assert store.recorded_noop(stream, commit_id, soon()) is None

    def test_an_event_is_located_by_its_id(self, store: EventStore) -> None:
        """The version where it stands; None in another stream, or if there is none."""
        stream = str(uuid4())
        commit_id, events = commit(3)
        store.append(stream, NO_STREAM, events, commit_id, soon())
        assert store.locate(stream, events[1].event_id, soon()) == 2
        assert store.locate(stream, uuid4(), soon()) is None
        assert store.locate(str(uuid4()), events[1].event_id, soon()) is None
