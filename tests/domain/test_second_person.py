"""What two people have to agree on: approvals, and changes that wait for a second person."""

from typing import Any

import pytest

from app.domain.carrier import Carrier
from app.domain.command import CarrierEvent, Command
from app.domain.commands.approve import ApproveCarrier, CarrierApproved
from app.domain.commands.change_email import CarrierEmailChanged, ChangeEmail
from app.domain.commands.confirm_change import CarrierChangeConfirmed, ConfirmChange
from app.domain.commands.discard_change import CarrierChangeDiscarded, DiscardChange
from app.domain.commands.register import CarrierRegistered
from app.domain.commands.reject import CarrierRejected, RejectCarrier
from app.domain.commands.rename import CarrierRenamed, RenameCarrier
from app.domain.commands.update_profile import CarrierProfileUpdated, UpdateProfile
from app.domain.errors import InvalidInput, SecondPersonNeeded
from app.domain.proposals import PENDING_MAX
from app.domain.second_person import CarrierChangeProposed, Past, Reviewer, authors_of_subject
from app.domain.state import CarrierState
from app.domain.values import CarrierName, EmailAddress, Reason
from tests.support.commits import MOMENT
from tests.support.scenario import CARRIER_ID, given

REGISTERED = CarrierRegistered("FedEx", "contact@fedex.com")
PROPOSED = CarrierChangeProposed(1, {"email": "new@fedex.com"})
CONFIRMED = CarrierChangeConfirmed(1, "Called them")
MOVED = CarrierEmailChanged("new@fedex.com")
PHONED = CarrierProfileUpdated({"phone": "+498912345678"})
TAGGED = CarrierProfileUpdated({"tags": ["reefer"]})
DAY = MOMENT.date().isoformat()
WHY = Reason("Called them")
EMAIL, PHONE = frozenset({"email"}), frozenset({"phone"})


def by(*events: tuple[str | None, CarrierEvent]) -> Past:
    """The events of a carrier, each with its actor."""
    return [(event, actor) for actor, event in events]


def after(*events: CarrierEvent) -> CarrierState:
    """The state that they make."""
    state = Carrier.replay(CARRIER_ID, events).state
    assert state is not None
    return state


def carried_out(command: Command, past: Past) -> tuple[CarrierEvent, ...]:
    """What the carrier with this past records."""
    carrier = Carrier.replay(CARRIER_ID, [event for event, _ in past])
    carrier.carry_out(command, MOMENT)
    return carrier.recorded


def approved_by(actor: str | None, past: Past) -> tuple[CarrierEvent, ...]:
    """What an approval of somebody records."""
    return carried_out(ApproveCarrier(CARRIER_ID, WHY, reviewer=Reviewer(actor, past)), past)


def confirmed_by(actor: str | None, past: Past) -> tuple[CarrierEvent, ...]:
    """What a confirmation of the first proposal by somebody records."""
    command = ConfirmChange(CARRIER_ID, 1, WHY, reviewer=Reviewer(actor, past))
    return carried_out(command, past)


def test_a_carrier_is_approved_by_somebody_else() -> None:
    """Not by whoever registered it."""
    past = by(("ann", REGISTERED))
    assert approved_by("bob", past) == (CarrierApproved(WHY.text),)
    with pytest.raises(SecondPersonNeeded, match="You cannot be the second person who approves it"):
        approved_by("ann", past)


def test_whoever_changed_what_is_approved_cannot_approve_it() -> None:
    """Nor can whoever registered the carrier, ever; a change of other fields does not count, and
    one that somebody else has overwritten does no longer."""
    past = by(("ann", REGISTERED), ("bob", PHONED), ("cid", TAGGED))
    for actor in ("ann", "bob"):
        with pytest.raises(SecondPersonNeeded):
            approved_by(actor, past)
    assert approved_by("cid", past)
    again = CarrierProfileUpdated({"phone": "+498999999999"})
    assert authors_of_subject([*past, (again, "dan")], DAY) == {"ann", "dan"}


def test_whoever_proposed_a_change_cannot_approve_it_either() -> None:
    """Nor can whoever confirmed it: both have decided what the carrier says now."""
    past = by(("ann", REGISTERED), ("bob", PROPOSED), ("cid", MOVED), ("cid", CONFIRMED))
    assert authors_of_subject(past, DAY) == {"ann", "bob", "cid"}
    back = CarrierEmailChanged("contact@fedex.com")
    assert authors_of_subject([*past, (back, "dan")], DAY) == {"ann", "dan"}


@pytest.mark.parametrize("actor", [None, "ann"])
def test_without_keys_nobody_is_a_second_person(actor: str | None) -> None:
    """Whoever asked for the first thing: the sentence says what to do. Whoever has a key may look
    at what was done before there were any."""
    past = by((actor, REGISTERED), (actor, PROPOSED))
    for decide in (approved_by, confirmed_by):
        with pytest.raises(SecondPersonNeeded, match="create API keys, one for each person"):
            decide(None, past)
        assert decide("bob", past)


def test_an_approval_is_of_what_the_carrier_says() -> None:
    """It counts as long as that is the same, and again if it is the same again."""
    approved = (REGISTERED, CarrierApproved("Called them"))
    for events, changed in (
        ((), []),
        ((TAGGED,), []),
        ((CarrierRenamed("DHL"), PHONED), ["name", "phone"]),
        ((CarrierRenamed("DHL"), CarrierRenamed("FedEx")), []),
    ):
        state = after(*approved, *events)
        assert state.approval is not None
        assert state.approval.changed(state.as_json()) == changed


def test_a_decision_is_taken_again_for_another_reason() -> None:
    """Or after what was approved has changed; the same decision changes nothing."""
    past = (REGISTERED, CarrierApproved(WHY.text))
    reviewer = Reviewer("bob", [(event, "ann") for event in past])
    given(*past).when(ApproveCarrier(CARRIER_ID, WHY, reviewer=reviewer)).then()
    given(*past, PHONED).when(ApproveCarrier(CARRIER_ID, WHY, reviewer=reviewer)).then(
        CarrierApproved(WHY.text)
    )
    given(*past).when(RejectCarrier(CARRIER_ID, Reason("No answer"))).then(
        CarrierRejected("No answer")
    )


def test_a_guarded_change_waits() -> None:
    """The old value holds, and the address that is proposed is nobody's yet."""
    state = (
        given(REGISTERED)
        .when(ChangeEmail(CARRIER_ID, EmailAddress("new@fedex.com"), guarded=EMAIL))
        .then(PROPOSED)
        .state
    )
    assert state is not None
    assert state.email == "contact@fedex.com"
    assert state.unique_values == {("email", "contact@fedex.com")}
    name = RenameCarrier(CARRIER_ID, CarrierName("DHL"), guarded=frozenset({"name"}))
    given(REGISTERED).when(name).then(CarrierChangeProposed(1, {"name": "DHL"}))


def test_what_is_not_guarded_does_not_wait() -> None:
    """Parts of one command go their own ways."""
    profile: dict[str, Any] = {"phone": "+498912345678", "tags": ["reefer"]}
    given(REGISTERED).when(UpdateProfile(CARRIER_ID, profile, guarded=PHONE)).then(
        TAGGED, CarrierChangeProposed(1, {"phone": "+498912345678"})
    )


def test_what_waits_is_not_proposed_again() -> None:
    """Another value is; and what the carrier has already is no change."""
    for email, expected in (
        ("new@fedex.com", ()),
        ("contact@fedex.com", ()),
        ("other@fedex.com", (CarrierChangeProposed(2, {"email": "other@fedex.com"}),)),
    ):
        command = ChangeEmail(CARRIER_ID, EmailAddress(email), guarded=EMAIL)
        given(REGISTERED, PROPOSED).when(command).then(*expected)


def test_a_change_is_confirmed_by_somebody_else() -> None:
    """The change happens, by events of its own kind."""
    past = by(("ann", REGISTERED), ("bob", PROPOSED))
    assert confirmed_by("ann", past) == (MOVED, CONFIRMED)
    with pytest.raises(SecondPersonNeeded, match="You cannot be the second person who confirms it"):
        confirmed_by("bob", past)


def test_several_fields_are_confirmed_at_once() -> None:
    """What is the case already is not changed again."""
    changes = {"name": "DHL", "email": "contact@fedex.com", "phone": "+498912345678"}
    past = by(("ann", REGISTERED), ("bob", CarrierChangeProposed(1, changes)))
    assert confirmed_by("ann", past) == (CarrierRenamed("DHL"), PHONED, CONFIRMED)


def test_a_change_is_discarded_by_anybody() -> None:
    """Nothing happens to the carrier; it can be proposed anew, under another number."""
    discarded = CarrierChangeDiscarded(1, "Not theirs")
    command = DiscardChange(CARRIER_ID, 1, Reason("Not theirs"))
    given(REGISTERED, PROPOSED).when(command).then(discarded)
    given(REGISTERED, PROPOSED, discarded).when(command).then()
    anew = ChangeEmail(CARRIER_ID, EmailAddress("new@fedex.com"), guarded=EMAIL)
    given(REGISTERED, PROPOSED, discarded).when(anew).then(
        CarrierChangeProposed(2, {"email": "new@fedex.com"})
    )


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (1, "The proposal_id must be of one that is pending: it was confirmed"),
        (2, "The proposal_id must be one of this carrier's proposals"),
    ],
)
def test_only_what_waits_is_decided(number: int, sentence: str) -> None:
    """The refusal says what became of it; the same confirmation again is done already."""
    past = (REGISTERED, PROPOSED, MOVED, CONFIRMED)
    carrier = Carrier.replay(CARRIER_ID, past)
    with pytest.raises(InvalidInput) as refused:
        carrier.carry_out(DiscardChange(CARRIER_ID, number, WHY), MOMENT)
    assert refused.value.sentence == sentence
    assert confirmed_by("ann", [(event, "bob") for event in past]) == ()


def test_what_waits_is_bounded() -> None:
    """What was decided does not count."""
    past = [
        CarrierChangeProposed(each, {"email": f"{each}@fedex.com"})
        for each in range(1, PENDING_MAX + 1)
    ]
    command = ChangeEmail(CARRIER_ID, EmailAddress("more@fedex.com"), guarded=EMAIL)
    given(REGISTERED, *past).when(command).then(InvalidInput)
    given(REGISTERED, *past, CarrierChangeDiscarded(1, "No")).when(command).then(
        CarrierChangeProposed(PENDING_MAX + 1, {"email": "more@fedex.com"})
    )


def test_what_a_view_left_out_is_missed_by_nothing() -> None:
    """An operator may discard the proposal's event."""
    assert after(REGISTERED, CONFIRMED, CarrierChangeDiscarded(2, "No")).proposals == {}
