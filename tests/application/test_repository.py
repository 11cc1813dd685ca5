"""The repository on a real store: what is saved is shown, under the ids that follow from it."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from app.application.deadline import Deadline
from app.application.history import Change
from app.application.ports.codec import UnreadableEvent
from app.application.ports.errors import StoreUnavailable
from app.application.ports.event_store import (
    NO_STREAM,
    AlreadyClaimed,
    Appended,
    Claim,
    EventStore,
    VersionConflict,
)
from app.application.repository import CarrierRepository
from app.application.shown import AggregateNotFound
from app.domain.aggregate import AggregateRoot
from app.domain.carrier import Carrier, CarrierState
from app.domain.command import CarrierEvent
from app.domain.commands.change_email import ChangeEmail
from app.domain.commands.register import RegisterCarrier
from app.domain.commands.rename import RenameCarrier
from app.domain.commands.retire import RetireCarrier
from app.domain.commands.suspend import SuspendCarrier
from app.domain.commands.update_profile import UpdateProfile
from app.domain.values import CarrierName, Category, EmailAddress, Reason
from app.infrastructure.codec import JsonCodec
from tests.support.commits import MOMENT, context, event


@pytest.fixture
def carriers(store: EventStore) -> CarrierRepository:
    """A repository whose clock stands still."""
    return CarrierRepository(store, JsonCodec(), lambda: MOMENT)


def registered(
    identity: str, name: str = "FedEx", email: str = "contact@fedex.com", **profile: object
) -> Carrier:
    """A carrier that is to be stored: one event, or two with a profile."""
    carrier = Carrier(identity)
    carrier.carry_out(RegisterCarrier(CarrierName(name), EmailAddress(email), profile), MOMENT)
    return carrier


def change_email(carrier: AggregateRoot[CarrierState, CarrierEvent], address: str) -> None:
    """Let the carrier decide on another address."""
    carrier.carry_out(ChangeEmail(carrier.id, EmailAddress(address)), MOMENT)


def test_what_was_saved_is_shown(carriers: CarrierRepository) -> None:
    """State, version and the moment of registration come from the stream."""
    sent = context()
    assert carriers.save(registered("c-1"), sent) == Appended(1)
    view = carriers.show("c-1", sent.deadline)
    assert (view.id, view.version, view.began_at) == ("c-1", 1, MOMENT)
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
    assert (view.version, view.began_at) == (2, MOMENT)


def test_an_unknown_carrier_is_not_found(carriers: CarrierRepository) -> None:
    """A stream without events is no carrier."""
    with pytest.raises(AggregateNotFound, match="nobody"):
        carriers.show("nobody", Deadline.after(1))


def test_each_carrier_has_a_stream_of_its_own(carriers: CarrierRepository) -> None:
    """One carrier's events are not in another's."""
    carriers.save(registered("c-1", "FedEx"), context())
    carriers.save(registered("c-2", "DHL", "contact@dhl.com"), context())
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
    """Sent again, it is already applied and writes nothing."""
    commit_id = uuid4()
    carriers.save(registered("c-1"), context(commit_id=commit_id))
    again = carriers.save(registered("c-1"), context(commit_id=commit_id))
    assert again == Appended(1, already_applied=True)
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


def test_an_address_is_taken_and_freed_with_the_events(carriers: CarrierRepository) -> None:
    """In whatever spelling; a change or a retirement leaves it to others."""
    carriers.save(registered("c-1", email="Contact@FedEx.com"), context())
    with pytest.raises(AlreadyClaimed) as caught:
        carriers.save(registered("c-2", email="contact@fedex.com"), context())
    assert (caught.value.claim, caught.value.owner) == (Claim("email", "contact@fedex.com"), "c-1")
    assert "fedex.com" not in str(caught.value)

    carrier = carriers.load("c-1", Deadline.after(5))
    change_email(carrier, "hello@fedex.com")
    carriers.save(carrier, context())
    carriers.save(registered("c-2", email="contact@fedex.com"), context())

    other = carriers.load("c-2", Deadline.after(5))
    other.carry_out(RetireCarrier("c-2", Reason("Merged")), MOMENT)
    carriers.save(other, context())
    carriers.save(registered("c-3", email="CONTACT@fedex.com"), context())


def test_another_spelling_of_its_own_address_is_no_other(carriers: CarrierRepository) -> None:
    """It is stored as it was given, and still taken."""
    carriers.save(registered("c-1"), context())
    carrier = carriers.load("c-1", Deadline.after(5))
    change_email(carrier, "Contact@fedex.com")
    assert carriers.save(carrier, context()) == Appended(2)
    assert carriers.show("c-1", Deadline.after(5)).state.email == "Contact@fedex.com"
    with pytest.raises(AlreadyClaimed):
        carriers.save(registered("c-2", email="contact@fedex.com"), context())


def test_a_refused_change_keeps_the_address(carriers: CarrierRepository) -> None:
    """Claims go with the events or not at all."""
    carriers.save(registered("c-1"), context())
    stale = carriers.load("c-1", Deadline.after(5))
    rename(carriers, "c-1", "Meanwhile")
    change_email(stale, "hello@fedex.com")
    with pytest.raises(VersionConflict):
        carriers.save(stale, context())
    with pytest.raises(AlreadyClaimed):
        carriers.save(registered("c-2"), context())
    carriers.save(registered("c-3", email="hello@fedex.com"), context())


def rename(carriers: CarrierRepository, identity: str, name: str) -> None:
    """As somebody else would in the meantime."""
    carrier = carriers.load(identity, Deadline.after(5))
    carrier.carry_out(RenameCarrier(identity, CarrierName(name)), MOMENT)
    carriers.save(carrier, context())


@pytest.fixture
def days(store: EventStore) -> Sequence[datetime]:
    """When the events of carrier "c-1" happened: one a day, but the fourth, written by a machine
    whose clock is late, bears the moment of the second."""
    moments = [MOMENT, *(MOMENT + timedelta(days=day) for day in (1, 2, 1, 4))]
    for version, moment in enumerate(moments):
        payload = f'{{"name":"{version + 1}"}}'
        happened = event("CarrierRenamed", payload) if version else event()
        store.append(
            "c-1",
            version or NO_STREAM,
            [replace(happened, created_at=moment)],
            uuid4(),
            Deadline.after(5),
        )
    return moments


def test_a_carrier_is_shown_at_a_version(
    carriers: CarrierRepository, days: Sequence[datetime]
) -> None:
    """As it was then; a version that it does not have yet is not found."""
    for version in range(2, len(days) + 1):
        view = carriers.show("c-1", Deadline.after(5), version=version)
        assert (view.version, view.state.name) == (version, str(version))
    with pytest.raises(AggregateNotFound):
        carriers.show("c-1", Deadline.after(5), version=len(days) + 1)


@pytest.mark.parametrize(
    ("after_first", "version"),
    [
        (timedelta(0), 1),
        (timedelta(hours=23), 1),
        (timedelta(days=1), 2),
        (timedelta(days=1, hours=12), 2),
        (timedelta(days=2), 4),
        (timedelta(days=400), 5),
    ],
)
def test_a_carrier_is_shown_at_a_moment(
    carriers: CarrierRepository, days: Sequence[datetime], after_first: timedelta, version: int
) -> None:
    """The moment itself included. What is shown is always a state that there was, whatever the
    clocks said: events in the order of the stream, up to the first that is later."""
    view = carriers.show("c-1", Deadline.after(5), at=days[0] + after_first)
    assert view.version == version
    assert view.state == carriers.show("c-1", Deadline.after(5), version=version).state


def test_before_its_registration_there_was_no_carrier(
    carriers: CarrierRepository, days: Sequence[datetime]
) -> None:
    """One millisecond earlier it is not found."""
    with pytest.raises(AggregateNotFound):
        carriers.show("c-1", Deadline.after(5), at=days[0] - timedelta(milliseconds=1))


def test_the_history_says_what_each_event_changed(carriers: CarrierRepository) -> None:
    """From what to what, by the names that the API has; of a new carrier what is set."""
    sent = context()
    carriers.save(registered("c-1", metadata={"tier": 1}), sent)
    carrier = carriers.load("c-1", sent.deadline)
    carrier.carry_out(SuspendCarrier("c-1", Reason("No cover"), Category("insurance")), MOMENT)
    carriers.save(carrier, context())
    first, profiled, suspended = carriers.history("c-1", sent.deadline)
    assert (first.version, first.event_type, first.event_id) == (
        1, "CarrierRegistered", sent.event_id(0),
    )  # fmt: skip
    assert (first.at, first.who, first.correlation_id) == (MOMENT, "someone", "a-request")
    assert first.causation_id == str(sent.commit_id)
    assert first.changes == (
        Change("name", None, "FedEx"),
        Change("email", None, "contact@fedex.com"),
        Change("state", None, "active"),
    )
    assert profiled.changes == (Change("metadata", {}, {"tier": 1}),)
    assert suspended.changes == (
        Change("state", "active", "suspended"),
        Change("reason", None, "No cover"),
        Change("category", None, "insurance"),
    )


@pytest.mark.parametrize("became", [True, 1.0])
def test_every_event_shows_what_it_changed(carriers: CarrierRepository, became: object) -> None:
    """Also from 1 to true or 1.0, which to Python are equal."""
    carriers.save(registered("c-1", metadata={"tier": 1}), context())
    carrier = carriers.load("c-1", Deadline.after(5))
    carrier.carry_out(UpdateProfile("c-1", {"metadata": {"tier": became}}), MOMENT)
    carriers.save(carrier, context())
    (change,) = carriers.history("c-1", Deadline.after(5))[-1].changes
    assert (change.field, repr(change.became)) == ("metadata", repr({"tier": became}))


def test_the_history_comes_in_pages(carriers: CarrierRepository, days: Sequence[datetime]) -> None:
    """Each with the changes that the events before it lead to; none behind the last."""
    soon = Deadline.after(5)
    whole = carriers.history("c-1", soon)
    assert [entry.version for entry in whole] == list(range(1, len(days) + 1))
    pages = [carriers.history("c-1", soon, after, 2) for after in (0, 2, 4)]
    assert [entry for page in pages for entry in page] == whole
    assert carriers.history("c-1", soon, after=2)[0].changes == (Change("name", "2", "3"),)
    assert carriers.history("c-1", soon, after=5) == []
    assert carriers.history("c-1", soon, after=2**31 - 1, limit=500) == []
    with pytest.raises(AggregateNotFound):
        carriers.history("nobody", soon)


def test_rows_of_the_original_have_a_history(
    carriers: CarrierRepository, store: EventStore
) -> None:
    """Without metadata nobody knows who it was."""
    store.append("c-1", NO_STREAM, [event(metadata="{}")], uuid4(), Deadline.after(5))
    (entry,) = carriers.history("c-1", Deadline.after(5))
    assert (entry.who, entry.correlation_id, entry.causation_id) == ("unknown", None, None)


def test_an_unreadable_event_hides_no_event(carriers: CarrierRepository, store: EventStore) -> None:
    """Neither a command nor a history goes on past it; earlier states can still be seen."""
    vanished = event("CarrierVanished")
    store.append("c-1", NO_STREAM, [event(), vanished, event()], uuid4(), Deadline.after(5))
    for ask in (carriers.load, carriers.history, carriers.show):
        with pytest.raises(UnreadableEvent) as caught:
            ask("c-1", Deadline.after(5))
        assert (caught.value.stream, caught.value.version) == ("c-1", 2)
    assert carriers.show("c-1", Deadline.after(5), version=1).version == 1
    assert len(carriers.history("c-1", Deadline.after(5), limit=1)) == 1


def test_a_commit_is_found_again(carriers: CarrierRepository) -> None:
    """As the version and state that it left, whatever has happened since."""
    sent = replace(context(), fingerprint="of the request")
    assert carriers.committed("c-1", sent) is None
    carriers.save(registered("c-1", metadata={"tier": 1}), sent)
    rename(carriers, "c-1", "DHL")
    found = carriers.committed("c-1", sent)
    assert found is not None
    assert (found.version, found.state.name, found.fingerprint) == (2, "FedEx", "of the request")
    assert carriers.committed("c-1", context()) is None
