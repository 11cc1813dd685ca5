"""What decisions of people make of a carrier's eligibility, and which event decided it."""

from datetime import UTC, date, datetime

import pytest

from app.domain.command import CarrierEvent
from app.domain.commands.approve import CarrierApproved
from app.domain.commands.block import CarrierBlocked
from app.domain.commands.confirm_change import CarrierChangeConfirmed
from app.domain.commands.discard_change import CarrierChangeDiscarded
from app.domain.commands.override_verdict import CarrierVerdictOverridden
from app.domain.commands.prefer import CarrierPreferred
from app.domain.commands.register import CarrierRegistered
from app.domain.commands.reject import CarrierRejected
from app.domain.commands.rename import CarrierRenamed
from app.domain.commands.retire import CarrierRetired
from app.domain.commands.unblock import CarrierUnblocked
from app.domain.commands.update_profile import CarrierProfileUpdated
from app.domain.commands.withdraw_override import CarrierOverrideWithdrawn
from app.domain.eligibility import Facts, Work, facts_of, judge
from app.domain.policy.state import DEFAULT, PolicyState
from app.domain.second_person import CarrierChangeProposed
from app.domain.verdict import Verdict

REGISTERED = CarrierRegistered("FedEx", "contact@fedex.com")
COVERAGE = CarrierProfileUpdated({"coverage": [{"service": "express", "countries": ["DE"]}]})
WORK = Work("DE", "express", date(2026, 6, 15))
APPROVAL = PolicyState(approval_required=True, adopted=True)
PROPOSED = CarrierChangeProposed(1, {"email": "new@fedex.com"})


def facts(*events: CarrierEvent) -> Facts:
    """Those of a carrier that offers the work, and of what happened to it since."""
    all_of_it = (REGISTERED, COVERAGE, *events)
    moments = [datetime(2026, 1, 1, tzinfo=UTC)] * len(all_of_it)
    return facts_of(all_of_it, moments, WORK.on.isoformat())


def judged(
    *events: CarrierEvent, work: Work = WORK, policy: PolicyState = DEFAULT
) -> dict[str, Verdict]:
    """The verdicts; an event that is given first has the index 2."""
    return {each.rule: each for each in judge(facts(*events), work, policy)}


def blocked(number: int = 1, customer: str | None = None) -> CarrierBlocked:
    """The event of a block for express work in June."""
    days = ("2026-06-01", "2026-06-30")
    return CarrierBlocked(number, None, "express", customer, *days, "Claims are open")


def overridden(rule: str, service: str | None = None) -> CarrierVerdictOverridden:
    """The event of an override in June."""
    days = ("2026-06-01", "2026-06-30")
    return CarrierVerdictOverridden(1, rule, None, service, None, *days, "Agreed")


def test_people_who_decided_nothing_add_no_rule() -> None:
    """The three that always count are there alone, also beside a preference."""
    preferred = CarrierPreferred(1, "DE", None, None, "2026-01-01", None, "Agreed")
    for events in ((), (preferred,)):
        assert list(judged(*events)) == ["active", "service", "country"]


def test_a_block_stands_in_the_way_of_the_work_that_matches() -> None:
    """On its days; the verdict names the work, the days and the reason."""
    events = (blocked(),)
    assert judged(*events)["not-blocked"] == Verdict(
        "not-blocked",
        False,
        "The carrier is blocked for express from 2026-06-01 to 2026-06-30: Claims are open",
        2,
        [1],
    )
    for other in (
        Work("DE", "air", WORK.on),
        Work("DE", "express", date(2026, 7, 1)),
        Work("DE", "express", date(2026, 5, 31)),
    ):
        verdict = judged(*events, work=other)["not-blocked"]
        assert (verdict.holds, verdict.decided_by, verdict.looked_at) == (True, 2, [])


def test_a_customers_block_is_of_that_customer() -> None:
    """Work for nobody in particular is not work for a customer."""
    events = (blocked(customer="ACME"),)
    for customer, holds in (("acme", False), ("Other", True), (None, True)):
        work = Work("DE", "express", WORK.on, customer)
        assert judged(*events, work=work)["not-blocked"].holds is holds


def test_a_lifted_block_is_decided_by_its_end() -> None:
    """And the first of several that apply decides until then."""
    lifted = CarrierUnblocked(1, "Settled")
    verdict = judged(blocked(), lifted)["not-blocked"]
    assert (verdict.holds, verdict.decided_by) == (True, 3)
    verdict = judged(blocked(), blocked(2), lifted)["not-blocked"]
    assert (verdict.holds, verdict.decided_by, verdict.looked_at) == (False, 3, [2])


def test_a_change_that_waits_puts_the_carrier_on_hold() -> None:
    """Until it is confirmed or discarded."""
    assert judged(PROPOSED)["not-on-hold"] == Verdict(
        "not-on-hold", False, "On hold: a change of email waits for a second person", 2, ["email"]
    )
    for end in (CarrierChangeConfirmed(1, "Called"), CarrierChangeDiscarded(1, "Not theirs")):
        verdict = judged(PROPOSED, end)["not-on-hold"]
        assert (verdict.holds, verdict.decided_by, verdict.looked_at) == (True, 3, [])


@pytest.mark.parametrize(
    ("events", "holds", "explanation", "decided_by"),
    [
        ((), False, "The carrier has not been approved", 0),
        ((CarrierApproved("Called"),), True, "The carrier is approved: Called", 2),
        ((CarrierRejected("No answer"),), False, "The carrier is rejected: No answer", 2),
        (
            (CarrierApproved("Called"), CarrierRenamed("DHL"), PROPOSED),
            False,
            "The carrier's name changed after somebody decided on it",
            3,
        ),
        (
            (CarrierApproved("Called"), CarrierRenamed("DHL"), CarrierApproved("Again")),
            True,
            "The carrier is approved: Again",
            4,
        ),
    ],
)
def test_an_approval_counts_where_the_policy_asks_for_it(
    events: tuple[CarrierEvent, ...], holds: bool, explanation: str, decided_by: int
) -> None:
    """It is of what the carrier said then."""
    assert "approved" not in judged(*events)
    found = judged(*events, policy=APPROVAL)["approved"]
    assert (found.holds, found.explanation, found.decided_by) == (holds, explanation, decided_by)


def test_a_verdict_holds_by_an_override() -> None:
    """It still says what it would have been, and the override's event decided it."""
    found = judged(blocked(), overridden("not-blocked"))["not-blocked"]
    assert (found.holds, found.decided_by, found.looked_at) == (True, 3, [1])
    assert found.explanation == (
        "The carrier is blocked for express from 2026-06-01 to 2026-06-30: Claims are open; it"
        " holds by override 1, to 2026-06-30: Agreed"
    )
    withdrawn = judged(blocked(), overridden("not-blocked"), CarrierOverrideWithdrawn(1, "No"))
    assert not withdrawn["not-blocked"].holds


def test_an_override_is_of_its_rule_work_and_days() -> None:
    """And a verdict that holds by itself does."""
    abroad = Work("FR", "express", WORK.on)
    assert judged(overridden("country"), work=abroad)["country"].holds
    assert not judged(overridden("service"), work=abroad)["country"].holds
    assert not judged(overridden("country", "air"), work=abroad)["country"].holds
    later = Work("FR", "express", date(2026, 7, 1))
    assert not judged(overridden("country"), work=later)["country"].holds
    assert judged(overridden("country"))["country"].decided_by == 1


@pytest.mark.parametrize("rule", ["active", "not-on-hold", "approved"])
def test_what_people_decide_by_other_commands_is_not_overridden(rule: str) -> None:
    """Not even by an event that another program has written: it would be a way round the second
    person."""
    found = judged(PROPOSED, CarrierRetired("Merged"), overridden(rule), policy=APPROVAL)
    assert not found[rule].holds


def test_whoever_has_only_the_state_gets_the_same_verdicts() -> None:
    """But for the events."""
    known = facts(blocked(), PROPOSED, CarrierApproved("Called"))
    found = judge(Facts(known.state, known.profile_of), WORK, APPROVAL)
    assert {each.decided_by for each in found} == {None}
    with_events = judge(known, WORK, APPROVAL)
    assert [(each.rule, each.holds, each.explanation) for each in found] == [
        (each.rule, each.holds, each.explanation) for each in with_events
    ]
