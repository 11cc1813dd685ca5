"""The repository on a real store: what is saved is shown, under the ids that follow from it."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from app.application.commands import RegisterCarrier
from app.application.deadline import Deadline
from app.application.handlers import CarrierHandlers, CommandDone
from app.application.ports import NO_STREAM, Appended, EventStore, StoreUnavailable, VersionConflict
from app.application.repository import CarrierNotFound, CarrierRepository, UnreadableEvent
from app.domain.carrier import Carrier, CarrierState
from app.domain.values import CarrierName, EmailAddress
from app.infrastructure.codec import JsonCodec
from tests.support.commits import MOMENT, context, event


@pytest.fixture
def carriers(store: EventStore) -> CarrierRepository:
    """A repository whose clock stands still."""
    return CarrierRepository(store, JsonCodec(), lambda: MOMENT)


def registered(identity: str, name: str = "FedEx") -> Carrier:
    """A carrier with one event to be stored."""
    carrier = Carrier(identity)
    carrier.register(CarrierName(name), EmailAddress("contact@fedex.com"))
    return carrier


def test_what_was_saved_is_shown(carriers: CarrierRepository) -> None:
    """State, version and the moment of registration come from the stream."""
    sent = context()
    assert carriers.save(registered("c-1"), sent) == Appended(1)
    view = carriers.show("c-1", sent.deadline)
    assert (view.carrier_id, view.version, view.registered_at) == ("c-1", 1, MOMENT)
    assert view.state == CarrierState("FedEx", "contact@fedex.com")


def test_registered_at_is_when_the_first_event_was(
    carriers: CarrierRepository, store: EventStore
) -> None:
    """Later events do not move it."""
    sent = context()
    carriers.save(registered("c-1"), sent)
    later = replace(event(), created_at=MOMENT + timedelta(days=1))
    store.append("c-1", 1, [later], uuid4(), sent.deadline)
    view = carriers.show("c-1", sent.deadline)
    assert (view.version, view.registered_at) == (2, MOMENT)


def test_an_unknown_carrier_is_not_found(carriers: CarrierRepository) -> None:
    """A stream without events is no carrier."""
    with pytest.raises(CarrierNotFound, match="nobody"):
        carriers.show("nobody", Deadline.after(1))


def test_each_carrier_has_a_stream_of_its_own(carriers: CarrierRepository) -> None:
    """One carrier's events are not in another's."""
    carriers.save(registered("c-1", "FedEx"), context())
    carriers.save(registered("c-2", "DHL"), context())
    assert carriers.show("c-1", Deadline.after(1)).state.name == "FedEx"
    assert carriers.show("c-2", Deadline.after(1)).state.name == "DHL"


def test_an_id_is_taken_once(carriers: CarrierRepository) -> None:
    """A new carrier expects that its stream does not exist."""
    carriers.save(registered("c-1"), context())
    with pytest.raises(VersionConflict) as caught:
        carriers.save(registered("c-1"), context())
    assert (caught.value.expected, caught.value.actual) == (NO_STREAM, 1)


def test_a_loaded_carrier_is_saved_at_its_version(
    carriers: CarrierRepository, store: EventStore
) -> None:
    """What was replayed is what the append expects."""
    sent = context()
    carriers.save(registered("c-1"), sent)
    loaded = Carrier.replay(
        "c-1", [JsonCodec().decode(e) for e in store.read("c-1", sent.deadline)]
    )
    loaded.record(registered("c-1").recorded[0])
    assert carriers.save(loaded, context()) == Appended(2)
    with pytest.raises(VersionConflict) as caught:
        carriers.save(loaded, context())
    assert (caught.value.expected, caught.value.actual) == (1, 2)


def test_the_same_commit_twice_is_one(carriers: CarrierRepository, store: EventStore) -> None:
    """Sent again, it recognises itself and writes nothing."""
    commit_id = uuid4()
    carriers.save(registered("c-1"), context(commit_id=commit_id))
    again = carriers.save(registered("c-1"), context(commit_id=commit_id))
    assert again == Appended(1, recognised=True)
    assert len(store.read("c-1", Deadline.after(1))) == 1


def test_an_event_says_where_it_came_from(carriers: CarrierRepository, store: EventStore) -> None:
    """Its metadata name commit, request and actor; its id follows from the commit."""
    sent = context()
    carriers.save(registered("c-1"), sent)
    (stored,) = store.read("c-1", sent.deadline)
    assert stored.data.event_id == sent.event_id(0)
    assert stored.data.created_at == MOMENT
    assert json.loads(stored.data.metadata) == {
        "commit_id": str(sent.commit_id),
        "correlation_id": "a-request",
        "causation_id": str(sent.commit_id),
        "actor": "someone",
        "schema_version": 1,
    }


def test_an_event_nobody_understands_is_reported(
    carriers: CarrierRepository, store: EventStore
) -> None:
    """With its stream and version; it is not skipped."""
    store.append("c-1", NO_STREAM, [event(), event("CarrierVanished")], uuid4(), Deadline.after(1))
    with pytest.raises(UnreadableEvent) as caught:
        carriers.show("c-1", Deadline.after(1))
    assert (caught.value.stream, caught.value.version) == ("c-1", 2)


def test_a_store_that_is_down_is_said_so(carriers: CarrierRepository, tmp_path: Path) -> None:
    """The repository hides no failure of the store."""
    with closing(sqlite3.connect(tmp_path / "events.sqlite3")) as other, other:
        other.execute("DROP TABLE events")
    with pytest.raises(StoreUnavailable):
        carriers.save(registered("c-1"), context())
    with pytest.raises(StoreUnavailable):
        carriers.show("c-1", Deadline.after(1))


def test_a_store_that_was_closed_takes_nothing(
    carriers: CarrierRepository, store: EventStore
) -> None:
    """A request that is still at work when its process ends is told that nothing was written."""
    store.close()
    with pytest.raises(StoreUnavailable):
        carriers.save(registered("c-1"), context())


def test_a_handler_registers(carriers: CarrierRepository) -> None:
    """The id of the new carrier follows from the commit, and the answer names its version."""
    sent = context()
    command = RegisterCarrier(CarrierName("FedEx"), EmailAddress("contact@fedex.com"))
    done = CarrierHandlers(carriers).register(command, sent)
    assert done == CommandDone(sent.new_carrier_id, 1)
    assert carriers.show(done.carrier_id, sent.deadline).state.name == "FedEx"
