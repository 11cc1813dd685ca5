"""Commands on a real store: their answers, their conditions, and dry runs."""

from dataclasses import replace
from uuid import uuid4

import pytest

from app.application.bus import MAX_DECISIONS
from app.application.command_context import Basis
from app.application.deadline import Deadline
from app.application.handlers import CommandDone, StaleVersion
from app.application.history import Change
from app.application.ports.errors import StoreUnavailable
from app.application.ports.event_store import AlreadyClaimed, VersionConflict
from app.application.shown import AggregateNotFound
from app.domain.command import Command
from app.domain.commands.change_email import ChangeEmail
from app.domain.commands.register import CarrierRegistered
from app.domain.commands.reinstate import ReinstateCarrier
from app.domain.commands.rename import CarrierRenamed
from app.domain.commands.retire import RetireCarrier
from app.domain.commands.suspend import SuspendCarrier
from app.domain.commands.update_profile import CarrierProfileUpdated, UpdateProfile
from app.domain.errors import ForbiddenByState
from app.domain.values import Category, EmailAddress, Reason
from tests.support.application import (
    FEDEX,
    FEDEX_TWO,
    Application,
    BusyStore,
    keyed,
    rename,
    seen,
)
from tests.support.commits import context
from tests.support.merges import company, merge
from tests.support.threads import at_once

NOBODY = "550e8400-e29b-41d4-a716-446655440000"
REASON = Reason("No cover")


def test_a_carriers_whole_life(app: Application) -> None:
    """Every command answers with the version and state in which it left the carrier."""
    sent = context()
    registered = app.do(replace(FEDEX, profile={"phone": "+498912345678"}), sent)
    fedex = registered.stream
    assert registered == CommandDone(sent.new_carrier_id, 2, "active")
    life: list[tuple[Command, int, str]] = [
        (rename(fedex, "FedEx Express"), 3, "active"),
        (ChangeEmail(fedex, EmailAddress("hello@fedex.com")), 4, "active"),
        (UpdateProfile(fedex, {"aliases": ["FDX"]}), 5, "active"),
        (SuspendCarrier(fedex, REASON, Category("insurance")), 6, "suspended"),
        (rename(fedex, "FedEx"), 7, "suspended"),
        (ReinstateCarrier(fedex, Reason("Covered")), 8, "active"),
        (RetireCarrier(fedex, Reason("Merged")), 9, "retired"),
    ]
    for command, version, state in life:
        assert app.do(command) == CommandDone(fedex, version, state)
        assert app.do(command) == CommandDone(fedex, version, state), "nothing is left to change"
    assert app.types(fedex) == [
        "CarrierRegistered", "CarrierProfileUpdated", "CarrierRenamed", "CarrierEmailChanged",
        "CarrierProfileUpdated", "CarrierSuspended", "CarrierRenamed", "CarrierReinstated",
        "CarrierRetired",
    ]  # fmt: skip


def test_an_unknown_carrier_takes_no_command(app: Application) -> None:
    """A command on an unknown carrier is refused, whatever else the request has."""
    for sent in (context(), keyed("k"), seen(1), replace(context(), dry_run=True)):
        with pytest.raises(AggregateNotFound):
            app.do(rename(NOBODY, "FedEx"), sent)


def test_an_address_has_one_owner(app: Application, fedex: str) -> None:
    """Neither a registration nor a change takes an owned address; a retirement frees it."""
    dhl = app.do(replace(FEDEX, email=EmailAddress("a@dhl.com"))).stream
    with pytest.raises(AlreadyClaimed) as caught:
        app.do(replace(FEDEX, email=EmailAddress("Contact@FEDEX.com")))
    assert caught.value.owner == fedex
    with pytest.raises(AlreadyClaimed):
        app.do(ChangeEmail(dhl, FEDEX.email))
    app.do(RetireCarrier(fedex, REASON))
    assert app.do(ChangeEmail(dhl, FEDEX.email)).version == 2
    app.do(replace(FEDEX, email=EmailAddress("a@dhl.com")))


def test_a_version_that_was_seen_can_be_changed(app: Application, fedex: str) -> None:
    """A change is made if the carrier is at one of the named versions."""
    assert app.do(rename(fedex, "DHL"), seen(1)).version == 2
    assert app.do(rename(fedex, "UPS"), seen(7, 2, 1)).version == 3


@pytest.mark.parametrize(
    ("versions", "since"),
    [((1,), [2, 3]), ((2,), [3]), ((1, 2), [3]), ((4,), []), ((), []), ((1, 9), [2, 3])],
)
def test_what_was_not_seen_is_not_changed(
    app: Application, fedex: str, versions: tuple[int, ...], since: list[int]
) -> None:
    """A stale change gets the current version and the events since the latest named one, also if it
    would change nothing, is forbidden, or is a dry run."""
    app.do(rename(fedex, "DHL"))
    app.do(RetireCarrier(fedex, REASON))
    for command in (rename(fedex, "UPS"), RetireCarrier(fedex, REASON)):
        for sent in (seen(*versions), replace(seen(*versions), dry_run=True)):
            with pytest.raises(StaleVersion) as caught:
                app.do(command, sent)
            assert caught.value.version == 3
            assert [entry.version for entry in caught.value.since] == since
    assert app.telemetry.retries == []


def test_a_change_in_between_is_never_passed_over(
    app: Application, others: Application, store: BusyStore, fedex: str
) -> None:
    """A change whose version was right when loaded, but not when appended, is refused."""
    store.meanwhile = [lambda: others.do(rename(fedex, "DHL"))]
    with pytest.raises(StaleVersion) as caught:
        app.do(rename(fedex, "UPS"), seen(1))
    assert caught.value.version == 2
    assert [entry.changes for entry in caught.value.since] == [(Change("name", "FedEx", "DHL"),)]
    assert app.telemetry.retries == [], "nothing was tried again behind the caller's back"


def test_what_has_happened_since_ends_with_the_version_that_is_named(
    app: Application, others: Application, store: BusyStore, fedex: str
) -> None:
    """The events since end at the version that the refusal names, even if another commit comes
    meanwhile."""
    app.do(rename(fedex, "DHL"))
    store.after_reading = [lambda: others.do(rename(fedex, "UPS"))]
    with pytest.raises(StaleVersion) as caught:
        app.do(rename(fedex, "TNT"), seen(1))
    assert caught.value.version == 2
    assert [entry.version for entry in caught.value.since] == [2]


def test_a_change_in_between_to_another_version_that_was_named(
    app: Application, others: Application, store: BusyStore, fedex: str
) -> None:
    """If the carrier moves to another named version, the command is decided again on that."""
    store.meanwhile = [lambda: others.do(rename(fedex, "DHL"))]
    assert app.do(rename(fedex, "UPS"), seen(1, 2)).version == 3


def test_without_a_version_it_is_decided_again(
    app: Application, others: Application, store: BusyStore, fedex: str
) -> None:
    """Without a version a command is decided again on the fresh state, where it may be forbidden or
    change nothing."""
    store.meanwhile = [lambda: others.do(rename(fedex, "DHL"))]
    assert app.do(rename(fedex, "UPS")).version == 3
    store.meanwhile = [lambda: others.do(rename(fedex, "Ane"))]
    assert app.do(rename(fedex, "Ane")).version == 4
    assert app.telemetry.retries == ["version-conflict"] * 2
    store.meanwhile = [lambda: others.do(RetireCarrier(fedex, REASON))]
    with pytest.raises(ForbiddenByState):
        app.do(rename(fedex, "TNT"))


def test_a_contended_carrier_is_given_up(
    app: Application, others: Application, store: BusyStore, fedex: str
) -> None:
    """After some conflicts the command is refused with nothing written."""
    store.meanwhile = [
        lambda number=number: others.do(rename(fedex, f"Other {number}"))  # type: ignore[misc]
        for number in range(MAX_DECISIONS)
    ]
    with pytest.raises(VersionConflict):
        app.do(rename(fedex, "UPS"))
    assert len(app.types(fedex)) == 1 + MAX_DECISIONS
    assert app.do(rename(fedex, "UPS")).version == 2 + MAX_DECISIONS


def test_many_rename_one_carrier(app: Application, fedex: str) -> None:
    """Of 16 changes at once without a version each is one event or a conflict, and none undoes
    another."""

    def attempt(number: int) -> int | None:
        try:
            return app.do(rename(fedex, f"{number} {uuid4()}")).version
        except VersionConflict:
            return None

    for _ in range(5):
        before = len(app.types(fedex))
        versions = [version for version in at_once(16, attempt) if version is not None]
        assert versions
        assert sorted(versions) == list(range(before + 1, before + 1 + len(versions)))
        assert len(app.types(fedex)) == before + len(versions)


def test_many_change_the_version_that_they_have_seen(app: Application, fedex: str) -> None:
    """Of 16 changes at once on the same version exactly one succeeds, each round."""

    def attempt(number: int) -> int | None:
        try:
            return app.do(rename(fedex, f"Name {number} after {version}"), seen(version)).version
        except StaleVersion as stale:
            assert stale.version == version + 1
            assert [entry.version for entry in stale.since] == [version + 1]
            return None

    for version in range(1, 11):
        done = [new for new in at_once(16, attempt) if new is not None]
        assert done == [version + 1]
    assert app.telemetry.retries == []


def test_a_dry_run_writes_nothing(app: Application, fedex: str) -> None:
    """A dry run gives the events and changes that the real command then makes."""
    dry = replace(context(), dry_run=True)
    profile = {"metadata": {"tier": 1}}
    plan = app.do(replace(FEDEX_TWO, profile=profile), dry)
    assert plan.planned == (
        CarrierRegistered("FedEx", "two@fedex.com"), CarrierProfileUpdated(profile),
    )  # fmt: skip
    assert (plan.version, plan.state) == (2, "active")
    assert Change("metadata", None, {"tier": 1}) in plan.changes
    with pytest.raises(AggregateNotFound):
        app.carriers.load(plan.stream, Deadline.after(5))

    plan = app.do(rename(fedex, "DHL"), dry)
    assert plan == CommandDone(
        fedex, 2, "active", planned=(CarrierRenamed("DHL"),),
        changes=(Change("name", "FedEx", "DHL"),),
    )  # fmt: skip
    assert app.types(fedex) == ["CarrierRegistered"]
    done = app.do(rename(fedex, "DHL"))
    assert (done.version, done.state) == (plan.version, plan.state)
    assert app.carriers.history(fedex, Deadline.after(5))[-1].changes == plan.changes
    assert app.do(rename(fedex, "DHL"), dry) == CommandDone(fedex, 2, "active")


def test_a_dry_run_is_refused_as_the_real_one(app: Application, fedex: str) -> None:
    """A dry run is refused by the state as the real command is."""
    app.do(RetireCarrier(fedex, REASON))
    with pytest.raises(ForbiddenByState):
        app.do(rename(fedex, "DHL"), replace(context(), dry_run=True))


def test_a_store_that_is_closed_is_said_so(app: Application, store: BusyStore, fedex: str) -> None:
    """No handler hides the error of a closed store."""
    store.close()
    with pytest.raises(StoreUnavailable):
        app.do(rename(fedex, "DHL"))
    with pytest.raises(StoreUnavailable):
        app.do(FEDEX_TWO)


def test_what_was_read_of_a_carrier_says_nothing_of_another(app: Application) -> None:
    """The address is a merged carrier's, which gives it up: that step is decided on its own stream,
    also where both are at the version that was read."""
    merged, survivor, mine = (
        app.do(company(name, f"{name}@fedex.com")).stream for name in ("a", "b", "c")
    )
    app.do(merge(merged, survivor))
    app.do(RetireCarrier(survivor, REASON))
    app.do(rename(mine, "DHL"))
    read = app.carriers.load(mine, Deadline.after(5))
    assert read.state is not None
    sent = replace(context(), basis=Basis(mine, read.version, read.state))
    app.do(ChangeEmail(mine, EmailAddress("a@fedex.com")), sent)
    assert app.types(merged)[-1] == "CarrierAddressReleased"
