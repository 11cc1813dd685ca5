"""Changes that are scheduled: what holds on which day, and that nobody can tell them from changes
that were made on their day."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from app.domain.carrier import Carrier
from app.domain.command import CarrierEvent, Command
from app.domain.commands.annotate import AnnotateCarrier, CarrierAnnotated
from app.domain.commands.approve import ApproveCarrier, CarrierApproved
from app.domain.commands.cancel_scheduled_change import (
    CancelScheduledChange,
    CarrierScheduledChangeCancelled,
)
from app.domain.commands.change_email import CarrierEmailChanged
from app.domain.commands.merge import CarrierMerged, MergeCarrier
from app.domain.commands.register import CarrierRegistered
from app.domain.commands.rename import CarrierRenamed, RenameCarrier
from app.domain.commands.retire import CarrierRetired
from app.domain.commands.schedule_change import CarrierChangeScheduled, ScheduleChange
from app.domain.commands.unmerge import CarrierUnmerged, UnmergeCarrier
from app.domain.commands.update_profile import CarrierProfileUpdated, UpdateProfile
from app.domain.eligibility import Facts, Work, facts_of, judge
from app.domain.errors import DomainError, InvalidInput, OtherForbids, SecondPersonNeeded
from app.domain.merging import AbsorbCarrier, CarrierAbsorbed, CarrierMergeRefused
from app.domain.policy.state import PolicyState
from app.domain.scheduled import SCHEDULED_MAX
from app.domain.second_person import Reviewer, authors_of_subject
from app.domain.state import CarrierState
from app.domain.taking_effect import CarrierScheduledChangeTookEffect
from app.domain.values import CarrierName, EmailAddress, Reason
from tests.support.scenario import CARRIER_ID

REGISTERED = CarrierRegistered("FedEx", "contact@fedex.com")
WHY = Reason("The contract begins")
OTHER_ID = "6fa459ea-ee8a-4ca4-894e-db77e160355e"
BEFORE, DAY, AFTER = "2026-06-14", "2026-06-15", "2026-06-16"
SCHEDULED = CarrierChangeScheduled(1, DAY, {"name": "DHL", "email": "new@fedex.com"}, WHY.text)
TOOK_EFFECT = CarrierScheduledChangeTookEffect(1, DAY, SCHEDULED.changes)
NOTE, NOTED = AnnotateCarrier(CARRIER_ID, "Asked"), CarrierAnnotated("Asked")
RECENT = PolicyState(recent_within_days=3, approval_required=True, adopted=True)


def noon(day: str) -> datetime:
    """A moment of that day, UTC."""
    return datetime.combine(date.fromisoformat(day), time(12), UTC)


def after(*events: CarrierEvent) -> CarrierState:
    """The state that they make."""
    state = Carrier.replay(CARRIER_ID, events).state
    assert state is not None
    return state


def recorded(day: str, command: Command, *events: CarrierEvent) -> tuple[CarrierEvent, ...]:
    """What comes of a command on that day, after these events."""
    carrier = Carrier.replay(CARRIER_ID, (REGISTERED, *events))
    carrier.carry_out(command, noon(day))
    return carrier.recorded


def refusal(day: str, command: Command, *events: CarrierEvent) -> tuple[str, str]:
    """The field and the sentence of the refusal."""
    with pytest.raises(InvalidInput) as refused:
        recorded(day, command, *events)
    return refused.value.field, refused.value.sentence


def schedule(**given: Any) -> ScheduleChange:  # noqa: ANN401
    """A change for DAY."""
    return ScheduleChange(CARRIER_ID, **{"effective_on": DAY, "reason": WHY, **given})


def cancel(number: int = 1, reason: Reason = WHY) -> CancelScheduledChange:
    """The command that cancels it."""
    return CancelScheduledChange(CARRIER_ID, number, reason)


def test_a_scheduled_change_holds_from_its_day_on() -> None:
    """On no day before; what it does not name stays."""
    state = after(REGISTERED, SCHEDULED)
    assert state.on(BEFORE) == state
    for day in (DAY, AFTER, "9999-12-31"):
        assert (state.on(day).name, state.on(day).email) == ("DHL", "new@fedex.com")
        assert state.on(day).profile == state.profile


def test_the_first_command_from_that_day_on_records_the_effect() -> None:
    """Before its own event, in the same commit; one that changes nothing records neither."""
    assert recorded(BEFORE, NOTE, SCHEDULED) == (NOTED,)
    assert recorded(DAY, NOTE, SCHEDULED) == (TOOK_EFFECT, NOTED)
    assert recorded(AFTER, NOTE, SCHEDULED, TOOK_EFFECT) == (NOTED,)
    assert recorded(DAY, RenameCarrier(CARRIER_ID, CarrierName("DHL")), SCHEDULED) == ()


def test_what_holds_on_a_day_is_the_same_once_the_effect_is_recorded() -> None:
    """Also on days before, and after another change: that counts from the day of the scheduled one
    on, as nobody can tell of which day it was meant."""
    waits, begun = after(REGISTERED, SCHEDULED), after(REGISTERED, SCHEDULED, TOOK_EFFECT)
    for day in (BEFORE, DAY, AFTER):
        assert waits.on(day).as_json() == begun.on(day).as_json()
    changed = after(REGISTERED, SCHEDULED, TOOK_EFFECT, CarrierRenamed("UPS"))
    assert [changed.on(day).name for day in (BEFORE, DAY, AFTER)] == ["FedEx", "UPS", "UPS"]


def test_the_scheduled_value_wins_on_its_day() -> None:
    """Over what was changed after it was scheduled; what is changed later counts again."""
    state = after(REGISTERED, SCHEDULED, CarrierRenamed("UPS"))
    assert [state.on(day).name for day in (BEFORE, DAY)] == ["UPS", "DHL"]
    rename = RenameCarrier(CARRIER_ID, CarrierName("UPS"))
    assert recorded(DAY, rename, SCHEDULED) == (TOOK_EFFECT, CarrierRenamed("UPS"))


def test_several_changes_take_effect_by_day_then_by_number() -> None:
    """Whichever was scheduled first."""
    later = CarrierChangeScheduled(1, AFTER, {"name": "C"}, "x")
    first = CarrierChangeScheduled(2, DAY, {"name": "A", "phone": "+498912345678"}, "x")
    second = CarrierChangeScheduled(3, DAY, {"name": "B"}, "x")
    state = after(REGISTERED, later, first, second)
    assert [state.on(day).name for day in (BEFORE, DAY, AFTER)] == ["FedEx", "B", "C"]
    assert state.on(AFTER).profile.phone == "+498912345678"
    begun = recorded(AFTER, NOTE, later, first, second)[:-1]
    assert [each.change_id for each in begun if hasattr(each, "change_id")] == [2, 3, 1]


def test_a_change_can_be_cancelled_until_its_day() -> None:
    """It counts on no day then; what is in effect is changed back instead."""
    gone = CarrierScheduledChangeCancelled(1, WHY.text)
    assert recorded(BEFORE, cancel(), SCHEDULED) == (gone,)
    assert after(REGISTERED, SCHEDULED, gone).on(DAY).name == "FedEx"
    assert recorded(BEFORE, cancel(), SCHEDULED, gone) == ()
    for day, events, why in (
        (BEFORE, (), "must be one of this carrier's scheduled changes"),
        (DAY, (SCHEDULED,), f"it took effect on {DAY}"),
        (DAY, (SCHEDULED, TOOK_EFFECT), f"it took effect on {DAY}"),
    ):
        field, sentence = refusal(day, cancel(), *events)
        assert (field, why in sentence) == ("change_id", True)
    other = cancel(reason=Reason("Another"))
    assert refusal(BEFORE, other, SCHEDULED, gone)[1].endswith("it was cancelled")


def test_what_is_scheduled_is_for_today_or_later() -> None:
    """Where the carrier is: it is tomorrow already in Auckland."""
    name = {"name": CarrierName("DHL")}
    sentence = "The effective_on must be today or later where the carrier is"
    assert refusal(AFTER, schedule(**name)) == ("effective_on", sentence)
    assert recorded(DAY, schedule(**name))
    auckland = CarrierProfileUpdated({"time_zone": "Pacific/Auckland"})
    assert refusal(DAY, schedule(**name), auckland) == ("effective_on", sentence)


def test_a_carrier_that_moves_to_another_time_zone_goes_on_from_its_day() -> None:
    """What took effect there stays, though it is the day before where the carrier is now."""
    honolulu = CarrierProfileUpdated({"time_zone": "Pacific/Honolulu"})
    state = after(REGISTERED, SCHEDULED, TOOK_EFFECT, honolulu)
    assert state.today(datetime(2026, 6, 15, 1, tzinfo=UTC)) == DAY
    assert after(REGISTERED, honolulu).today(datetime(2026, 6, 15, 1, tzinfo=UTC)) == BEFORE


def test_a_carrier_that_is_to_move_is_where_it_is_to_be_from_that_day_on() -> None:
    """Whether the effect is recorded or not: what else is due there by now has begun as well."""
    moves = CarrierChangeScheduled(1, DAY, {"time_zone": "Pacific/Auckland"}, "x")
    moved = CarrierScheduledChangeTookEffect(1, DAY, moves.changes)
    renamed = CarrierChangeScheduled(2, AFTER, {"name": "DHL"}, "x")
    begun = CarrierScheduledChangeTookEffect(2, AFTER, renamed.changes)
    for events in ((moves, renamed), (moves, moved, renamed), (moves, renamed, moved, begun)):
        state = after(REGISTERED, *events)
        assert state.today(datetime(2026, 6, 15, 13, tzinfo=UTC)) == AFTER
        assert state.on(AFTER).name == "DHL"
    unmoved = after(REGISTERED, moves, renamed)
    assert unmoved.today(datetime(2026, 6, 14, 13, tzinfo=UTC)) == BEFORE
    carrier = Carrier.replay(CARRIER_ID, (REGISTERED, moves, renamed))
    carrier.carry_out(NOTE, datetime(2026, 6, 15, 13, tzinfo=UTC))
    assert carrier.recorded == (moved, begun, NOTED)


def test_something_has_to_change() -> None:
    """A day alone is no change."""
    assert refusal(BEFORE, schedule())[0] == "name"


def test_the_same_change_is_scheduled_once() -> None:
    """With the same words; so many at most."""
    asked = schedule(name=CarrierName("DHL"), email=EmailAddress("new@fedex.com"))
    assert recorded(BEFORE, asked, SCHEDULED) == ()
    again = recorded(BEFORE, schedule(name=CarrierName("DHL")), SCHEDULED)
    assert again == (CarrierChangeScheduled(2, DAY, {"name": "DHL"}, WHY.text),)
    many = [
        CarrierChangeScheduled(number, DAY, {"name": str(number)}, WHY.text)
        for number in range(1, SCHEDULED_MAX + 1)
    ]
    assert refusal(BEFORE, asked, *many)[0] == "effective_on"
    assert recorded(BEFORE, asked, *many, CarrierScheduledChangeCancelled(7, "x"))


def test_a_field_that_a_second_person_looks_at_cannot_be_scheduled() -> None:
    """Nobody would have looked at it on its day; others can."""
    asked = schedule(profile={"phone": "+498912345678"}, guarded=frozenset({"phone"}))
    field, sentence = refusal(BEFORE, asked)
    assert (field, "second person" in sentence) == ("phone", True)
    assert recorded(BEFORE, schedule(name=CarrierName("DHL"), guarded=frozenset({"phone"})))


def test_an_address_is_taken_when_it_is_scheduled() -> None:
    """The former one is free with the first event from that day on; of a cancelled change, the new
    one is again."""
    former, new = ("email", "contact@fedex.com"), ("email", "new@fedex.com")
    assert after(REGISTERED, SCHEDULED).unique_values == {former, new}
    assert after(REGISTERED, SCHEDULED, TOOK_EFFECT).unique_values == {new}
    cancelled = CarrierScheduledChangeCancelled(1, "x")
    assert after(REGISTERED, SCHEDULED, cancelled).unique_values == {former}
    moved = CarrierEmailChanged("new@fedex.com")
    assert after(REGISTERED, SCHEDULED, moved).unique_values == {new}
    assert after(REGISTERED, SCHEDULED, CarrierRetired("x")).unique_values == set()


def test_nothing_takes_effect_on_a_carrier_that_has_retired() -> None:
    """It can be changed no more; what took effect before stays."""
    retired = CarrierRetired("Bankrupt")
    state = after(REGISTERED, SCHEDULED, retired)
    assert (state.on(DAY), state.to_come(BEFORE)) == (state, [])
    note = AnnotateCarrier(CARRIER_ID, "Asked")
    assert recorded(DAY, note, SCHEDULED, retired) == (NOTED,)
    begun = after(REGISTERED, SCHEDULED, TOOK_EFFECT, retired)
    assert [begun.on(day).name for day in (BEFORE, DAY)] == ["FedEx", "DHL"]


def test_a_merged_carrier_rests_until_it_is_unmerged() -> None:
    """Then what is scheduled of it holds from its day on, as if there had been no merge."""
    merged = CarrierMerged(1, OTHER_ID, {}, "One company")
    state = after(REGISTERED, SCHEDULED, merged)
    assert (state.on(DAY), state.to_come(BEFORE)) == (state, [])
    unmerge = UnmergeCarrier(CARRIER_ID, Reason("Two"))
    unmerged = CarrierUnmerged(1, "Two")
    assert recorded(AFTER, unmerge, SCHEDULED, merged) == (unmerged,)
    assert recorded(AFTER, NOTE, SCHEDULED, merged, unmerged) == (TOOK_EFFECT, NOTED)


def test_a_carrier_with_something_scheduled_takes_no_other_one_in() -> None:
    """On its day what it took could not be told from what was scheduled. What was to take effect by
    today stands in nobody's way."""
    survivor = after(REGISTERED, SCHEDULED)
    merge = MergeCarrier(OTHER_ID, CARRIER_ID, Reason("One"), (), survivor=survivor)
    other = Carrier.replay(OTHER_ID, (REGISTERED,))
    with pytest.raises(OtherForbids, match="has a change scheduled: cancel it"):
        other.carry_out(merge, noon(BEFORE))
    other.carry_out(merge, noon(DAY))
    absorb = AbsorbCarrier(CARRIER_ID, OTHER_ID, 1, {}, {})
    refused, absorbed = CarrierMergeRefused(OTHER_ID, 1), CarrierAbsorbed(OTHER_ID, 1, {}, {})
    assert recorded(BEFORE, absorb, SCHEDULED) == (refused,)
    assert recorded(DAY, absorb, SCHEDULED) == (TOOK_EFFECT, absorbed)


def test_whoever_scheduled_what_holds_cannot_approve_it() -> None:
    """Whoever sent the command that recorded the effect can; before that day it is nobody's."""
    past = [(REGISTERED, "ann"), (SCHEDULED, "bob")]
    assert authors_of_subject(past, BEFORE) == {"ann"}
    assert authors_of_subject(past, DAY) == {"ann", "bob"}
    assert authors_of_subject([*past, (TOOK_EFFECT, "cid")], AFTER) == {"ann", "bob"}
    command = ApproveCarrier(CARRIER_ID, WHY, reviewer=Reviewer("bob", past))
    with pytest.raises(SecondPersonNeeded):
        recorded(DAY, command, SCHEDULED)
    assert recorded(BEFORE, command, SCHEDULED) == (CarrierApproved(WHY.text),)


def test_a_view_may_have_left_out_how_it_was_scheduled() -> None:
    """The effect is what happened all the same."""
    assert after(REGISTERED, TOOK_EFFECT).name == "DHL"
    cancelled = CarrierScheduledChangeCancelled(1, "x")
    assert after(REGISTERED, cancelled) == after(REGISTERED)


def test_the_event_that_scheduled_a_value_decides() -> None:
    """Whether its effect is recorded or not."""
    covers = {"coverage": [{"service": "express", "countries": ["DE"]}]}
    scheduled = CarrierChangeScheduled(1, DAY, covers, "x")
    begun = CarrierScheduledChangeTookEffect(1, DAY, covers)
    for events in ((scheduled, NOTED), (scheduled, begun, NOTED)):
        assert coverage_set_by(BEFORE, *events) == 0
        assert coverage_set_by(DAY, *events) == 1


def test_a_later_change_decides_nothing_of_the_days_before() -> None:
    """It counts from the day on which the scheduled one took effect."""
    covers = {"coverage": [{"service": "express", "countries": ["DE"]}]}
    scheduled = CarrierChangeScheduled(1, DAY, covers, "x")
    begun = CarrierScheduledChangeTookEffect(1, DAY, covers)
    changed = CarrierProfileUpdated({"coverage": [{"service": "air", "countries": ["FR"]}]})
    assert coverage_set_by(BEFORE, scheduled, begun, changed) == 0
    assert coverage_set_by(DAY, scheduled, begun, changed) == 3


def test_what_is_not_approved_is_decided_by_the_event_that_set_it_on_that_day() -> None:
    """Field by field: what was made of one after a scheduled change of it took effect is nothing on
    the days before; what was made of another is."""
    renamed, moved = CarrierRenamed("UPS"), CarrierEmailChanged("new@ups.com")
    named = CarrierChangeScheduled(1, DAY, {"name": "DHL"}, WHY.text)
    begun = CarrierScheduledChangeTookEffect(1, DAY, named.changes)
    approved = CarrierApproved(WHY.text)
    assert approval_decided_by(BEFORE, named, begun, approved, renamed) == 0
    assert approval_decided_by(DAY, named, begun, approved, renamed) == 4
    assert approval_decided_by(BEFORE, named, begun, approved, moved, renamed) == 4
    taken = CarrierAbsorbed(OTHER_ID, 1, {"name": "UPS"}, {})
    assert approval_decided_by(BEFORE, approved, named, begun, taken) == 1
    assert approval_decided_by(DAY, named, begun, approved, taken) == 4


def approval_decided_by(day: str, *events: CarrierEvent) -> int | None:
    """The event that decided whether the carrier is approved on that day."""
    found = judge(facts(day, *events), Work("DE", "express", date.fromisoformat(day)), RECENT)
    return next(each.decided_by for each in found if each.rule == "approved")


def coverage_set_by(day: str, *events: CarrierEvent) -> int | None:
    """The event that decided what the carrier offers on that day."""
    return facts(day, *events).provenance.last_to_set(["coverage"])


def facts(day: str, *events: CarrierEvent) -> Facts:
    """What a registration (index 0) and these events say of that day."""
    all_of_it = [REGISTERED, *events]
    return facts_of(all_of_it, [noon(BEFORE)] * len(all_of_it), day)


CHANGES = st.dictionaries(
    st.sampled_from(["name", "phone", "coverage"]), st.integers(0, 2), min_size=1
).map(lambda chosen: {name: VALUES[name][number] for name, number in chosen.items()})
VALUES: dict[str, Sequence[Any]] = {
    "name": ("A", "B", "C"),
    "phone": (None, "+498912345678", "+498999999999"),
    "coverage": (
        [],
        [{"service": "express", "countries": ["DE"]}],
        [{"service": "express", "countries": ["worldwide"]}],
    ),
}
STEP = st.one_of(
    st.tuples(st.just("change"), CHANGES),
    st.tuples(st.just("schedule"), st.tuples(st.integers(0, 4), CHANGES)),
    st.tuples(st.just("cancel"), st.integers(1, 4)),
    st.tuples(st.just("note"), st.none()),
    st.tuples(st.just("approve"), st.none()),
    st.tuples(st.just("wait"), st.integers(1, 3)),
)


@dataclass
class Said:
    """A change as it counts: from a day on, those scheduled for later before those made then."""

    day: str
    made_then: bool
    order: int
    event: CarrierEvent

    def place(self) -> tuple[str, bool, int]:
        """In the order in which changes count."""
        return self.day, self.made_then, self.order


@dataclass
class Two:
    """A carrier with scheduled changes, and all that was said of it, each on its day."""

    day: str = DAY
    events: list[CarrierEvent] = field(default_factory=lambda: [REGISTERED])
    moments: list[datetime] = field(default_factory=lambda: [noon(DAY)])
    said: list[Said] = field(default_factory=list)
    scheduled: dict[int, Said] = field(default_factory=dict)

    def take(self, step: str, given: Any) -> None:  # noqa: ANN401
        """Do it to both."""
        match step:
            case "wait":
                self.day = shifted(self.day, given)
            case "change":
                self._change(given)
            case "schedule":
                self._schedule(*given)
            case "cancel":
                self._cancel(given)
            case "note":
                self._send(NOTE)
            case "approve":
                reviewer = Reviewer("bob", [(each, "ann") for each in self.events])
                if self._send(ApproveCarrier(CARRIER_ID, WHY, reviewer=reviewer)):
                    self._say(CarrierApproved(WHY.text))

    def plain(self, day: str) -> tuple[list[CarrierEvent], list[datetime]]:
        """The events of a carrier to which each change was made on its day, by that day."""
        then = sorted((each for each in self.said if each.day <= day), key=Said.place)
        return [REGISTERED, *(each.event for each in then)], [
            noon(DAY),
            *(noon(each.day) for each in then),
        ]

    def _send(self, command: Command) -> bool:
        carrier = Carrier.replay(CARRIER_ID, self.events)
        carrier.carry_out(command, noon(self.day))
        self.events += carrier.recorded
        self.moments += [noon(self.day)] * len(carrier.recorded)
        return bool(carrier.recorded)

    def _say(self, event: CarrierEvent) -> None:
        self.said.append(Said(self.day, True, len(self.events), event))

    def _change(self, changes: dict[str, Any]) -> None:
        parts = {part: value for part, value in changes.items() if part != "name"}
        if "name" in changes and self._send(
            RenameCarrier(CARRIER_ID, CarrierName(changes["name"]))
        ):
            self._say(CarrierRenamed(changes["name"]))
        if parts and self._send(UpdateProfile(CARRIER_ID, parts)):
            self._say(CarrierProfileUpdated(parts))

    def _schedule(self, days: int, changes: dict[str, Any]) -> None:
        effective_on, parts = shifted(self.day, days), dict(changes)
        name = CarrierName(parts.pop("name")) if "name" in parts else None
        command = ScheduleChange(CARRIER_ID, effective_on, WHY, name=name, profile=parts)
        if self._send(command):
            number = len([e for e in self.events if isinstance(e, CarrierChangeScheduled)])
            effect = CarrierScheduledChangeTookEffect(number, effective_on, changes)
            order = len(self.events) if days == 0 else number
            self.scheduled[number] = Said(effective_on, days == 0, order, effect)
            self.said.append(self.scheduled[number])

    def _cancel(self, number: int) -> None:
        said = self.scheduled.get(number)
        if said in self.said and said is not None and said.day > self.day:
            assert self._send(cancel(number))
            self.said.remove(said)
            return
        with pytest.raises(DomainError):
            self._send(cancel(number, Reason("Another")))


def shifted(day: str, days: int) -> str:
    """So many days later."""
    return (date.fromisoformat(day) + timedelta(days)).isoformat()


@settings(max_examples=150, deadline=None)
@for_all(st.lists(STEP, max_size=12))
def test_nobody_can_tell_it_from_a_change_that_was_made_on_its_day(
    steps: list[tuple[str, Any]],
) -> None:
    """For every day from today on: what the carrier is, and each verdict on its work."""
    both = Two()
    for step, given in steps:
        both.take(step, given)
    for days in range(6):
        day = shifted(both.day, days)
        events, moments = both.plain(day)
        ours, plain = after(*both.events).on(day), after(*events)
        assert ours.as_json() == plain.as_json()
        assert verdicts(both.events, both.moments, day) == verdicts(events, moments, day)


def verdicts(
    events: Sequence[CarrierEvent], moments: Sequence[datetime], day: str
) -> list[tuple[Any, ...]]:
    """What is said of work on that day, but for the event that decided it."""
    work = Work("DE", "express", date.fromisoformat(day))
    found = judge(facts_of(events, moments, day), work, RECENT)
    return [(each.rule, each.holds, each.explanation, each.looked_at) for each in found]
