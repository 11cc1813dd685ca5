"""What a carrier decides: every command in every state, and what its events hold."""

from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from app.domain.carrier import ACTIVE, MERGED, POSSIBLE, RETIRED, SUSPENDED, Carrier, CarrierState
from app.domain.command import CarrierEvent, Command
from app.domain.commands.annotate import AnnotateCarrier, CarrierAnnotated
from app.domain.commands.approve import ApproveCarrier, CarrierApproved
from app.domain.commands.block import BlockCarrier, CarrierBlocked
from app.domain.commands.cancel_scheduled_change import (
    CancelScheduledChange,
    CarrierScheduledChangeCancelled,
)
from app.domain.commands.change_email import CarrierEmailChanged, ChangeEmail
from app.domain.commands.confirm_change import CarrierChangeConfirmed, ConfirmChange
from app.domain.commands.discard_change import CarrierChangeDiscarded, DiscardChange
from app.domain.commands.file_document import CarrierDocumentFiled, FileDocument
from app.domain.commands.merge import CarrierMerged, MergeCarrier
from app.domain.commands.not_a_duplicate import CarrierDistinguished, DistinguishCarrier
from app.domain.commands.note_incident import CarrierIncidentNoted, NoteIncident
from app.domain.commands.override_verdict import CarrierVerdictOverridden, OverrideVerdict
from app.domain.commands.prefer import CarrierPreferred, PreferCarrier
from app.domain.commands.register import CarrierRegistered, RegisterCarrier
from app.domain.commands.reinstate import CarrierReinstated, ReinstateCarrier
from app.domain.commands.reject import CarrierRejected, RejectCarrier
from app.domain.commands.rename import CarrierRenamed, RenameCarrier
from app.domain.commands.replace_document import CarrierDocumentReplaced, ReplaceDocument
from app.domain.commands.retire import CarrierRetired, RetireCarrier
from app.domain.commands.schedule_change import CarrierChangeScheduled, ScheduleChange
from app.domain.commands.suspend import CarrierSuspended, SuspendCarrier
from app.domain.commands.unblock import CarrierUnblocked, UnblockCarrier
from app.domain.commands.unmerge import CarrierUnmerged, UnmergeCarrier
from app.domain.commands.unprefer import CarrierUnpreferred, UnpreferCarrier
from app.domain.commands.update_profile import CarrierProfileUpdated, UpdateProfile
from app.domain.commands.vet import CarrierVetted, Finding, VetCarrier
from app.domain.commands.withdraw_document import CarrierDocumentWithdrawn, WithdrawDocument
from app.domain.commands.withdraw_override import CarrierOverrideWithdrawn, WithdrawOverride
from app.domain.documents import Limit
from app.domain.errors import AlreadyRegistered, DomainError, ForbiddenByState
from app.domain.profile import EMPTY
from app.domain.second_person import CarrierChangeProposed, Reviewer
from app.domain.values import CATEGORIES, CarrierName, Category, EmailAddress, Reason
from tests.support.commits import MOMENT
from tests.support.scenario import CARRIER_ID, given

NAME, EMAIL = CarrierName("FedEx"), EmailAddress("contact@fedex.com")
REGISTERED = CarrierRegistered(name="FedEx", email="contact@fedex.com")
SUSPENSION = CarrierSuspended(reason="No cover", category="insurance")
RETIREMENT = CarrierRetired(reason="Bankrupt")
PHONE, WEBSITE = "+498912345678", "https://www.fedex.com"
PROFILED = CarrierProfileUpdated(changes={"phone": PHONE, "aliases": ["FDX"]})
COVER = CarrierDocumentFiled(
    1, "cargo-insurance", "CI 1", "Insurer", "2026-01-01", "2026-12-31", None, None, None
)
BLOCK = CarrierBlocked(1, "DE", "express", None, "2026-01-01", None, "Claims are open")
PREFERENCE = CarrierPreferred(1, None, None, "ACME", "2026-01-01", "2026-12-31", "Agreed")
OVERRIDE = CarrierVerdictOverridden(
    1, "recent", None, None, None, "2026-01-01", "2026-01-31", "Called them"
)
PROPOSAL = CarrierChangeProposed(1, {"email": "new@fedex.com"})
SCHEDULED = CarrierChangeScheduled(1, "2026-01-01", {"name": "FedEx Express"}, "Agreed")
PAST = (REGISTERED, PROFILED, COVER, BLOCK, PREFERENCE, OVERRIDE, PROPOSAL, SCHEDULED)

PASTS: dict[str, tuple[CarrierEvent, ...]] = {
    ACTIVE: PAST,
    SUSPENDED: (*PAST, SUSPENSION),
    RETIRED: (*PAST, RETIREMENT),
}
Outcomes = tuple[CarrierEvent | type[DomainError], ...]
NOTHING: Outcomes = ()
FORBIDDEN: Outcomes = (ForbiddenByState,)
LIFTED = CarrierReinstated(reason="Covered again")
OTHER_SUSPENSION = CarrierSuspended(reason="Fined", category="authority")
OTHER_RETIREMENT = CarrierRetired(reason="Merged")
CONTRACT = CarrierDocumentFiled(
    2, "contract", "7", "Us", "2026-01-01", None, {"amount": "5", "currency": "EUR"}, None, None
)
RENEWAL = CarrierDocumentReplaced(
    2, 1, "cargo-insurance", "CI 2", "Insurer", "2027-01-01", None, None, None, None, "Renewed"
)
WITHDRAWAL = CarrierDocumentWithdrawn(1, "Forged")
OTHER_BLOCK = CarrierBlocked(2, None, None, "ACME", "2026-02-01", "2026-02-28", "Asked for")
UNBLOCKING = CarrierUnblocked(1, "Settled")
OTHER_PREFERENCE = CarrierPreferred(2, "DE", "express", None, "2026-01-01", None, "The best")
END = CarrierUnpreferred(1, "Ran out")
APPROVAL, REJECTION = CarrierApproved("Called them"), CarrierRejected("No answer")
CONFIRMED = (CarrierEmailChanged("new@fedex.com"), CarrierChangeConfirmed(1, "Called them"))
DISCARDED = CarrierChangeDiscarded(1, "Not theirs")
SECOND = Reviewer("second", [(each, "first") for each in PAST])
OTHER_OVERRIDE = CarrierVerdictOverridden(
    2, "service", "DE", None, None, "2026-01-01", "2026-01-31", "Agreed"
)
OVERRIDE_WITHDRAWN = CarrierOverrideWithdrawn(1, "Not so")
FINDING = Finding("2026-12-01", True, [{"rule": "active"}], (), 7, 1, "a feed", 41)
VETTED = CarrierVetted(
    "DE", "express", None, "2026-12-01", True, [{"rule": "active"}], (), 7, 1, "a feed", 41
)
NOTE = CarrierAnnotated("Ask for Ms Ito")
OTHER_ID = "6fa459ea-ee8a-4ca4-894e-db77e160355e"
DISTINGUISHED = CarrierDistinguished(OTHER_ID, "Two brothers")
OTHER = CarrierState("FedEx Express", "express@fedex.com")
MERGER = CarrierMerged(1, OTHER_ID, {"email": "contact@fedex.com"}, "One company")
INCIDENT = CarrierIncidentNoted("late", "2024-02-01", "A day late")

# What is asked for, and what follows of it in the states active, suspended and retired.
TABLE: dict[str, tuple[Command, Outcomes, Outcomes, Outcomes]] = {
    "register": (
        RegisterCarrier(NAME, EMAIL),
        (AlreadyRegistered,),
        (AlreadyRegistered,),
        (AlreadyRegistered,),
    ),
    "rename": (
        RenameCarrier(CARRIER_ID, CarrierName("DHL")),
        (CarrierRenamed("DHL"),),
        (CarrierRenamed("DHL"),),
        FORBIDDEN,
    ),
    "rename to the same": (RenameCarrier(CARRIER_ID, NAME), NOTHING, NOTHING, FORBIDDEN),
    "change-email": (
        ChangeEmail(CARRIER_ID, EmailAddress("a@dhl.com")),
        (CarrierEmailChanged("a@dhl.com"),),
        (CarrierEmailChanged("a@dhl.com"),),
        FORBIDDEN,
    ),
    "change-email to another spelling": (
        ChangeEmail(CARRIER_ID, EmailAddress("Contact@FedEx.com")),
        (CarrierEmailChanged("Contact@fedex.com"),),
        (CarrierEmailChanged("Contact@fedex.com"),),
        FORBIDDEN,
    ),
    "change-email to the same": (
        ChangeEmail(CARRIER_ID, EmailAddress("contact@FEDEX.com")),
        NOTHING,
        NOTHING,
        FORBIDDEN,
    ),
    "update-profile": (
        UpdateProfile(CARRIER_ID, {"phone": PHONE, "website": WEBSITE, "aliases": []}),
        (CarrierProfileUpdated({"website": WEBSITE, "aliases": []}),),
        (CarrierProfileUpdated({"website": WEBSITE, "aliases": []}),),
        FORBIDDEN,
    ),
    "update-profile to the same": (
        UpdateProfile(CARRIER_ID, {"phone": PHONE, "website": None}),
        NOTHING,
        NOTHING,
        FORBIDDEN,
    ),
    "update-profile with nothing": (
        UpdateProfile(CARRIER_ID, {}),
        NOTHING,
        NOTHING,
        FORBIDDEN,
    ),
    "suspend": (
        SuspendCarrier(CARRIER_ID, Reason("Fined"), Category("authority")),
        (OTHER_SUSPENSION,),
        FORBIDDEN,
        FORBIDDEN,
    ),
    "suspend for the same": (
        SuspendCarrier(CARRIER_ID, Reason("No cover"), Category("insurance")),
        (SUSPENSION,),
        NOTHING,
        FORBIDDEN,
    ),
    "suspend for the same in another category": (
        SuspendCarrier(CARRIER_ID, Reason("No cover"), Category()),
        (CarrierSuspended("No cover", "other"),),
        FORBIDDEN,
        FORBIDDEN,
    ),
    "reinstate": (
        ReinstateCarrier(CARRIER_ID, Reason("Covered again")),
        NOTHING,
        (LIFTED,),
        FORBIDDEN,
    ),
    "reinstate without a reason": (
        ReinstateCarrier(CARRIER_ID),
        NOTHING,
        (CarrierReinstated(None),),
        FORBIDDEN,
    ),
    "retire": (
        RetireCarrier(CARRIER_ID, Reason("Merged")),
        (OTHER_RETIREMENT,),
        (OTHER_RETIREMENT,),
        FORBIDDEN,
    ),
    "schedule-change": (
        ScheduleChange(CARRIER_ID, "2026-02-01", Reason("Agreed"), profile={"phone": None}),
        (CarrierChangeScheduled(2, "2026-02-01", {"phone": None}, "Agreed"),),
        (CarrierChangeScheduled(2, "2026-02-01", {"phone": None}, "Agreed"),),
        FORBIDDEN,
    ),
    "schedule-change that is scheduled": (
        ScheduleChange(
            CARRIER_ID, "2026-01-01", Reason("Agreed"), name=CarrierName("FedEx Express")
        ),
        NOTHING,
        NOTHING,
        FORBIDDEN,
    ),
    "cancel-scheduled-change": (
        CancelScheduledChange(CARRIER_ID, 1, Reason("Not so")),
        (CarrierScheduledChangeCancelled(1, "Not so"),),
        (CarrierScheduledChangeCancelled(1, "Not so"),),
        (CarrierScheduledChangeCancelled(1, "Not so"),),
    ),
    "note-incident": (
        NoteIncident(CARRIER_ID, "late", "2024-02-01", "A day late"),
        (INCIDENT,),
        (INCIDENT,),
        (INCIDENT,),
    ),
    "file-document": (
        FileDocument(CARRIER_ID, "contract", "7", "Us", "2026-01-01", limit=Limit("5.00", "EUR")),
        (CONTRACT,),
        (CONTRACT,),
        FORBIDDEN,
    ),
    "file-document that is on file": (
        FileDocument(CARRIER_ID, "cargo-insurance", "CI 1", "Insurer", "2026-01-01", "2026-12-31"),
        NOTHING,
        NOTHING,
        FORBIDDEN,
    ),
    "replace-document": (
        ReplaceDocument(CARRIER_ID, 1, "CI 2", "Insurer", "2027-01-01", reason=Reason("Renewed")),
        (RENEWAL,),
        (RENEWAL,),
        FORBIDDEN,
    ),
    "withdraw-document": (
        WithdrawDocument(CARRIER_ID, 1, Reason("Forged")),
        (WITHDRAWAL,),
        (WITHDRAWAL,),
        (WITHDRAWAL,),
    ),
    "block": (
        BlockCarrier(
            CARRIER_ID,
            "2026-02-01",
            Reason("Asked for"),
            customer="ACME",
            valid_to="2026-02-28",
        ),
        (OTHER_BLOCK,),
        (OTHER_BLOCK,),
        FORBIDDEN,
    ),
    "block that stands": (
        BlockCarrier(CARRIER_ID, "2026-01-01", Reason("Claims are open"), "DE", "express"),
        NOTHING,
        NOTHING,
        FORBIDDEN,
    ),
    "unblock": (
        UnblockCarrier(CARRIER_ID, 1, Reason("Settled")),
        (UNBLOCKING,),
        (UNBLOCKING,),
        (UNBLOCKING,),
    ),
    "prefer": (
        PreferCarrier(CARRIER_ID, "2026-01-01", Reason("The best"), "DE", "express"),
        (OTHER_PREFERENCE,),
        (OTHER_PREFERENCE,),
        FORBIDDEN,
    ),
    "unprefer": (UnpreferCarrier(CARRIER_ID, 1, Reason("Ran out")), (END,), (END,), (END,)),
    "override-verdict": (
        OverrideVerdict(
            CARRIER_ID, "service", "2026-01-01", "2026-01-31", Reason("Agreed"), country="DE"
        ),
        (OTHER_OVERRIDE,),
        (OTHER_OVERRIDE,),
        FORBIDDEN,
    ),
    "withdraw-override": (
        WithdrawOverride(CARRIER_ID, 1, Reason("Not so")),
        (OVERRIDE_WITHDRAWN,),
        (OVERRIDE_WITHDRAWN,),
        (OVERRIDE_WITHDRAWN,),
    ),
    "approve": (
        ApproveCarrier(CARRIER_ID, Reason("Called them"), reviewer=SECOND),
        (APPROVAL,),
        (APPROVAL,),
        FORBIDDEN,
    ),
    "reject": (
        RejectCarrier(CARRIER_ID, Reason("No answer")),
        (REJECTION,),
        (REJECTION,),
        FORBIDDEN,
    ),
    "confirm-change": (
        ConfirmChange(CARRIER_ID, 1, Reason("Called them"), reviewer=SECOND),
        CONFIRMED,
        CONFIRMED,
        FORBIDDEN,
    ),
    "discard-change": (
        DiscardChange(CARRIER_ID, 1, Reason("Not theirs")),
        (DISCARDED,),
        (DISCARDED,),
        (DISCARDED,),
    ),
    "vet": (
        VetCarrier(CARRIER_ID, "DE", "express", finding=FINDING),
        (VETTED,),
        (VETTED,),
        (VETTED,),
    ),
    "annotate": (AnnotateCarrier(CARRIER_ID, "Ask for Ms Ito"), (NOTE,), (NOTE,), (NOTE,)),
    "not-a-duplicate": (
        DistinguishCarrier(CARRIER_ID, OTHER_ID, Reason("Two brothers")),
        (DISTINGUISHED,),
        (DISTINGUISHED,),
        FORBIDDEN,
    ),
    "merge": (
        MergeCarrier(CARRIER_ID, OTHER_ID, Reason("One company"), ("email",), survivor=OTHER),
        (MERGER,),
        (MERGER,),
        FORBIDDEN,
    ),
    "unmerge": (UnmergeCarrier(CARRIER_ID, Reason("Two")), NOTHING, FORBIDDEN, FORBIDDEN),
    "retire for the same": (
        RetireCarrier(CARRIER_ID, Reason("Bankrupt")),
        (RETIREMENT,),
        (RETIREMENT,),
        NOTHING,
    ),
}


@pytest.mark.parametrize("state", PASTS)
@pytest.mark.parametrize("asked", TABLE)
def test_every_command_in_every_state(asked: str, state: str) -> None:
    """An event that holds what changed, nothing where nothing changes, or a refusal."""
    command, *outcomes = TABLE[asked]
    expected = dict(zip(PASTS, outcomes, strict=True))[state]
    given(*PASTS[state]).when(command).then(*expected)


@pytest.mark.parametrize("state", PASTS)
def test_what_is_possible_is_what_changes_something(state: str) -> None:
    """Exactly the commands that record an event in this state are named as possible in it."""
    place = list(PASTS).index(state)
    idle = (NOTHING, FORBIDDEN, (AlreadyRegistered,))
    recording = {asked for asked, (_, *then) in TABLE.items() if then[place] not in idle}
    assert set(POSSIBLE[state]) == {asked for asked in recording if " " not in asked}


OF_MERGED: dict[str, Outcomes] = {
    "register": (AlreadyRegistered,),
    "merge": NOTHING,
    "unmerge": (CarrierUnmerged(1, "Two"),),
}


@pytest.mark.parametrize("asked", TABLE)
def test_a_merged_carrier_takes_no_command_but_unmerge(asked: str) -> None:
    """To be merged into the same one again changes nothing."""
    command = TABLE[asked][0]
    given(*PAST, MERGER).when(command).then(*OF_MERGED.get(asked, FORBIDDEN))
    assert POSSIBLE[MERGED] == ("unmerge",)


@pytest.mark.parametrize("state", [SUSPENDED, RETIRED])
def test_a_refusal_says_what_is_possible(state: str) -> None:
    """It names the state, and what the state allows."""
    carrier = Carrier.replay(CARRIER_ID, PASTS[state])
    with pytest.raises(ForbiddenByState) as refusal:
        carrier.carry_out(SuspendCarrier(CARRIER_ID, Reason("Fined")), MOMENT)
    assert (refusal.value.state, refusal.value.possible) == (state, POSSIBLE[state])


def test_suspension_and_retirement_keep_their_reason() -> None:
    """Until the carrier is reinstated; retirement has no category."""
    suspended = Carrier.replay(CARRIER_ID, [REGISTERED, SUSPENSION]).state
    assert suspended == CarrierState(
        "FedEx", "contact@fedex.com", SUSPENDED, "No cover", "insurance"
    )
    lifted = Carrier.replay(CARRIER_ID, [REGISTERED, SUSPENSION, LIFTED]).state
    assert lifted == CarrierState("FedEx", "contact@fedex.com")
    retired = Carrier.replay(CARRIER_ID, [REGISTERED, SUSPENSION, RETIREMENT]).state
    assert retired == CarrierState("FedEx", "contact@fedex.com", RETIRED, "Bankrupt", None)


def test_registration_with_a_profile_is_two_events() -> None:
    """The first stays as it always was; the second holds the parts that are set."""
    profile: dict[str, Any] = {
        "phone": PHONE,
        "website": None,
        "aliases": [],
        "metadata": {"tier": 1},
    }
    carrier = (
        given()
        .when(RegisterCarrier(NAME, EMAIL, profile))
        .then(REGISTERED, CarrierProfileUpdated({"phone": PHONE, "metadata": {"tier": 1}}))
    )
    assert carrier.state is not None
    assert carrier.state.profile == EMPTY.changed_by({"phone": PHONE, "metadata": {"tier": 1}})


@pytest.mark.parametrize("profile", [{}, {"phone": None, "aliases": [], "metadata": {}}])
def test_registration_with_an_empty_profile_is_one_event(profile: dict[str, Any]) -> None:
    """Parts that are unset change nothing."""
    given().when(RegisterCarrier(NAME, EMAIL, profile)).then(REGISTERED)


@pytest.mark.parametrize("state", [ACTIVE, SUSPENDED])
def test_an_address_is_taken_while_the_carrier_is_there(state: str) -> None:
    """In the spelling that all spellings have in common."""
    past = (CarrierRegistered("FedEx", "Contact@fedex.com"), *PASTS[state][1:])
    carrier = Carrier.replay(CARRIER_ID, past)
    assert carrier.state is not None
    assert carrier.state.unique_values == {("email", "contact@fedex.com")}


def test_an_address_is_free_once_the_carrier_is_retired() -> None:
    """Though it still says how the carrier was reached."""
    state = Carrier.replay(CARRIER_ID, PASTS[RETIRED]).state
    assert state is not None
    assert (state.unique_values, state.email) == (frozenset(), "contact@fedex.com")


def test_a_stream_that_begins_in_the_middle_is_shown() -> None:
    """What happened is never refused, even if no program of ours wrote it so."""
    state = Carrier.replay(CARRIER_ID, [CarrierRenamed("FedEx"), SUSPENSION]).state
    assert state == CarrierState("FedEx", "", SUSPENDED, "No cover", "insurance")


NAMES = st.sampled_from(["FedEx", "DHL", "UPS", "Ane"]).map(CarrierName)
EMAILS = st.sampled_from(["a@b.com", "A@b.com", "c@d.com"]).map(EmailAddress)
REASONS = st.sampled_from(["Fined", "No cover", "Merged"]).map(Reason)
CATEGORY = st.sampled_from(CATEGORIES).map(Category)
PROFILES = st.fixed_dictionaries(
    {},
    optional={
        "phone": st.sampled_from([None, PHONE]),
        "aliases": st.sampled_from([[], ["FDX"], ["FDX", "FedEx"]]),
        "metadata": st.sampled_from([{}, {"a": 1}, {"a": True}, {"a": 1.0}, {"a": 1, "b": None}]),
    },
)
ID = st.just(CARRIER_ID)
KINDS = st.sampled_from(["cargo-insurance", "contract"])
NUMBERS = st.sampled_from(["1", "2"])
DAYS = st.sampled_from(["2026-01-01", "2026-12-31", "2027-01-01"])
IDS = st.integers(1, 4)
SERVICES = st.sampled_from(["express", "air"])
COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.builds(RegisterCarrier, NAMES, EMAILS, PROFILES),
    st.builds(RenameCarrier, ID, NAMES),
    st.builds(ChangeEmail, ID, EMAILS),
    st.builds(UpdateProfile, ID, PROFILES),
    st.builds(ChangeEmail, ID, EMAILS, guarded=st.just(frozenset({"email"}))),
    st.builds(UpdateProfile, ID, PROFILES, guarded=st.just(frozenset({"phone"}))),
    st.builds(ConfirmChange, ID, IDS, REASONS, reviewer=st.just(SECOND)),
    st.builds(DiscardChange, ID, IDS, REASONS),
    st.builds(ApproveCarrier, ID, REASONS, reviewer=st.just(SECOND)),
    st.builds(RejectCarrier, ID, REASONS),
    st.builds(SuspendCarrier, ID, REASONS, CATEGORY),
    st.builds(ReinstateCarrier, ID, st.none() | REASONS),
    st.builds(RetireCarrier, ID, REASONS),
    st.builds(FileDocument, ID, KINDS, NUMBERS, st.just("Insurer"), DAYS, st.none() | DAYS),
    st.builds(ReplaceDocument, ID, IDS, NUMBERS, st.just("Insurer"), DAYS, st.none() | DAYS),
    st.builds(WithdrawDocument, ID, IDS, REASONS),
    st.builds(BlockCarrier, ID, DAYS, REASONS, st.none() | st.just("DE"), st.none() | SERVICES),
    st.builds(UnblockCarrier, ID, IDS, REASONS),
    st.builds(PreferCarrier, ID, DAYS, REASONS, customer=st.sampled_from(["ACME", "Other"])),
    st.builds(UnpreferCarrier, ID, IDS, REASONS),
    st.builds(OverrideVerdict, ID, st.just("recent"), DAYS, DAYS, REASONS),
    st.builds(WithdrawOverride, ID, IDS, REASONS),
    st.builds(DistinguishCarrier, ID, st.sampled_from([OTHER_ID, OTHER_ID[::-1]]), REASONS),
)


@settings(deadline=None, max_examples=150)
@for_all(NAMES, EMAILS, PROFILES, st.lists(COMMANDS, max_size=20))
def test_any_commands_replay_to_the_same_state(
    name: CarrierName, email: EmailAddress, profile: dict[str, Any], commands: list[Command]
) -> None:
    """From the start or from any point in between; every event changes something, a command that
    was refused nothing, and what was just done changes nothing if it is asked for again."""
    carrier = Carrier(CARRIER_ID)
    carrier.carry_out(RegisterCarrier(name, email, profile), MOMENT)
    for command in commands:
        before = (carrier.state, carrier.recorded)
        try:
            carrier.carry_out(command, MOMENT)
        except DomainError:
            assert (carrier.state, carrier.recorded) == before
            continue
        done = carrier.recorded
        carrier.carry_out(command, MOMENT)
        assert carrier.recorded == done
    states: list[CarrierState | None] = [None]
    for event in carrier.recorded:
        states.append(Carrier.evolve(states[-1], event))
        assert repr(states[-1]) != repr(states[-2])
    assert repr(states[-1]) == repr(carrier.state)
    for version, state in enumerate(states):
        rest = carrier.recorded[version:]
        resumed = Carrier.replay(CARRIER_ID, rest, version=version, state=state)
        assert (resumed.version, resumed.state) == (len(carrier.recorded), carrier.state)
        assert (resumed.stored_state, resumed.recorded) == (carrier.state, ())


def test_a_carrier_is_registered() -> None:
    """Registering a carrier that is not there yet records that it was registered."""
    given().when(RegisterCarrier(NAME, EMAIL)).then(REGISTERED)


def test_a_carrier_is_registered_once() -> None:
    """A carrier that is registered cannot be registered again, not even with the same data."""
    given(REGISTERED).when(RegisterCarrier(NAME, EMAIL)).then(AlreadyRegistered)


def test_what_was_recorded_counts_at_once() -> None:
    """A second decision of the same command sees what the first recorded."""
    carrier = given().when(RegisterCarrier(NAME, EMAIL)).then(REGISTERED)
    assert carrier.state == CarrierState("FedEx", "contact@fedex.com")
    assert carrier.version == 0, "nothing is stored yet"


def test_a_replayed_carrier_has_nothing_to_store() -> None:
    """Replaying counts the stored events and records none."""
    carrier = Carrier.replay(CARRIER_ID, [REGISTERED])
    assert (carrier.id, carrier.version, carrier.recorded) == (CARRIER_ID, 1, ())
    assert carrier.state == CarrierState("FedEx", "contact@fedex.com")


def test_a_carrier_without_events_does_not_exist() -> None:
    """No events, no state."""
    carrier = Carrier.replay(CARRIER_ID, [])
    assert carrier.state is None
    assert carrier.version == 0


def test_what_was_valid_once_stays_readable() -> None:
    """A stored name that today's rules refuse is still what happened."""
    state = Carrier.evolve(None, CarrierRegistered(name="\n", email="nobody"))
    assert state == CarrierState("\n", "nobody")
