"""Which rules stand in the way of a piece of work, and which event decided each rule."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.domain.command import CarrierEvent
from app.domain.commands.change_email import CarrierEmailChanged
from app.domain.commands.file_document import CarrierDocumentFiled
from app.domain.commands.merge import CarrierMerged
from app.domain.commands.register import CarrierRegistered
from app.domain.commands.reinstate import CarrierReinstated
from app.domain.commands.rename import CarrierRenamed
from app.domain.commands.replace_document import CarrierDocumentReplaced
from app.domain.commands.retire import CarrierRetired
from app.domain.commands.suspend import CarrierSuspended
from app.domain.commands.unmerge import CarrierUnmerged
from app.domain.commands.update_profile import CarrierProfileUpdated
from app.domain.commands.withdraw_document import CarrierDocumentWithdrawn
from app.domain.eligibility import Facts, Work, facts_of, judge
from app.domain.merging import CarrierAbsorbed, CarrierSeparated
from app.domain.policy.state import DEFAULT, PolicyState
from app.domain.state import CarrierState
from app.domain.verdict import Verdict
from tests.support.policies import policy, requires

REGISTERED = CarrierRegistered("FedEx", "contact@fedex.com")
RENAMED = CarrierRenamed("FedEx Express")
SUSPENDED = CarrierSuspended("The insurance has expired", "insurance")
REINSTATED = CarrierReinstated(None)
RETIRED = CarrierRetired("closed down")
DAY = datetime(2026, 1, 1, 23, 30, tzinfo=UTC)
WORK = Work("DE", "express", date(2026, 1, 31))


def covers(**services: list[str]) -> CarrierProfileUpdated:
    """The event that sets the coverage to these services in these countries."""
    coverage = [{"service": name, "countries": where} for name, where in services.items()]
    return CarrierProfileUpdated({"coverage": coverage})


def judged(*events: CarrierEvent) -> dict[str, Verdict]:
    """The verdicts on express work in Germany, one event a day, without a policy."""
    moments = [DAY + timedelta(days=day) for day in range(len(events))]
    facts = facts_of(events, moments, WORK.on.isoformat())
    return {each.rule: each for each in judge(facts, WORK, DEFAULT)}


def holding(*events: CarrierEvent) -> dict[str, bool]:
    """The rules that hold."""
    return {rule: verdict.holds for rule, verdict in judged(*events).items()}


def deciding(*events: CarrierEvent) -> dict[str, int | None]:
    """The event that decided each rule."""
    return {rule: verdict.decided_by for rule, verdict in judged(*events).items()}


def test_a_carrier_that_offers_it_there_is_eligible() -> None:
    """For an active carrier with the service in the country, every rule holds."""
    found = judged(REGISTERED, covers(express=["AT", "DE"], air=["US"]))
    assert found == {
        "active": Verdict("active", True, "The carrier is active", 0, "active"),
        "service": Verdict("service", True, "The carrier offers express", 1, ["air", "express"]),
        "country": Verdict("country", True, "The carrier offers express in DE", 1, ["AT", "DE"]),
    }


def test_worldwide_covers_every_country() -> None:
    """Worldwide coverage includes Germany."""
    found = judged(REGISTERED, covers(express=["worldwide"]))["country"]
    assert (found.holds, found.explanation) == (True, "The carrier offers express worldwide")


def test_country_and_service_have_to_be_of_one_pair() -> None:
    """Another service in the country, and the service in another country, do not make a carrier
    eligible."""
    events = (REGISTERED, covers(express=["AT"], parcel=["DE"], air=["worldwide"]))
    assert holding(*events) == {"active": True, "service": True, "country": False}
    assert judged(*events)["country"].explanation == "The carrier does not offer express in DE"


def test_a_carrier_without_coverage_offers_nothing() -> None:
    """A carrier without coverage offers nothing, as decided by its registration."""
    assert holding(REGISTERED) == {"active": True, "service": False, "country": False}
    assert deciding(REGISTERED) == {"active": 0, "service": 0, "country": 0}


def test_only_an_active_carrier_is_given_work() -> None:
    """The explanation says why a carrier is not active; the other rules are checked as well."""
    events = (REGISTERED, covers(express=["DE"]), SUSPENDED)
    found = judged(*events)
    assert holding(*events) == {"active": False, "service": True, "country": True}
    assert found["active"].explanation == "The carrier is suspended: The insurance has expired"
    assert not holding(*events, RETIRED)["active"]
    assert holding(*events, REINSTATED)["active"]


def test_the_last_event_that_set_what_a_rule_looks_at_decides() -> None:
    """Later events that do not set what a rule checks do not decide it."""
    other = CarrierProfileUpdated({"phone": "+4930123456"})
    events = (REGISTERED, covers(express=["DE"]), SUSPENDED, covers(), REINSTATED, RENAMED, other)
    assert deciding(*events) == {"active": 4, "service": 3, "country": 3}


def test_what_a_survivor_took_is_decided_by_its_merge() -> None:
    """And by the one that took the merge back; the merged carrier gets no work meanwhile."""
    offer = covers(express=["DE"]).changes
    absorbed = CarrierAbsorbed("other", 1, offer, {})
    separated = CarrierSeparated("other", 1, {"coverage": []}, "Two companies")
    assert deciding(REGISTERED, absorbed) == {"active": 0, "service": 1, "country": 1}
    assert deciding(REGISTERED, absorbed, separated)["service"] == 2
    assert deciding(REGISTERED, covers(), CarrierAbsorbed("other", 1, {}, {}))["service"] == 1
    merged = CarrierMerged(1, "other", {}, "One company")
    found = judged(REGISTERED, merged)["active"]
    assert (found.holds, found.explanation) == (False, "The carrier is merged: One company")
    assert deciding(REGISTERED, merged, CarrierUnmerged(1, "Two companies"))["active"] == 2


def test_a_stream_without_a_registration_is_judged_too() -> None:
    """In a stream without a registration no event decides what was never set."""
    assert deciding(RENAMED) == {"active": None, "service": None, "country": None}
    assert deciding(RENAMED, SUSPENDED)["active"] == 1


def by_policy(
    adopted: Mapping[str, Any], *events: CarrierEvent, work: Work = WORK
) -> list[Verdict]:
    """The verdicts that a policy adds."""
    moments = [DAY + timedelta(days=day) for day in range(len(events))]
    facts = facts_of(events, moments, work.on.isoformat())
    return judge(facts, work, PolicyState.of(adopted))[3:]


INSURED = requires(minimum=(100, "EUR"))


def test_a_policy_that_asks_for_nothing_adds_nothing() -> None:
    """The three rules are those that always count."""
    assert by_policy(policy(), REGISTERED) == []


def test_a_document_that_is_missing() -> None:
    """The carrier has none, as none is filed: the sentence says what is needed; there was none from
    the registration on."""
    assert by_policy(policy(INSURED), REGISTERED) == [
        Verdict(
            "cargo-insurance",
            False,
            "The carrier has no cargo-insurance that holds on 2026-01-31; 100 EUR or more is"
            " needed",
            0,
            {"minimum": {"amount": "100", "currency": "EUR"}, "limit": None},
        )
    ]
    (verdict,) = by_policy(policy(requires("contract")), REGISTERED)
    assert verdict.explanation == (
        "The carrier has no contract that holds on 2026-01-31; one is needed"
    )


@pytest.mark.parametrize(
    ("limit", "holds", "good_for"),
    [
        ({"amount": "100", "currency": "EUR"}, True, "100 EUR"),
        ({"amount": "99.999", "currency": "EUR"}, False, "99.999 EUR"),
        ({"amount": "1000", "currency": "USD"}, False, "1000 USD"),
        (None, False, "no stated amount"),
    ],
)
def test_a_document_has_to_be_good_for_enough(
    limit: dict[str, Any] | None, holds: bool, good_for: str
) -> None:
    """As much as the minimum, in its currency: no rate of exchange is guessed."""
    events = (REGISTERED, RENAMED, filed(limit), RENAMED)
    (verdict,) = by_policy(policy(INSURED), *events)
    assert (verdict.holds, verdict.decided_by) == (holds, 2)
    assert verdict.explanation == (
        f"The carrier's cargo-insurance on 2026-01-31 is good for {good_for}; 100 EUR or more is"
        " needed"
    )
    assert verdict.looked_at == {
        "document_id": 1,
        "minimum": {"amount": "100", "currency": "EUR"},
        "limit": limit,
    }
    (verdict,) = by_policy(policy(requires()), *events)
    assert verdict.holds
    assert verdict.explanation == "The carrier has a cargo-insurance that holds on 2026-01-31"


def test_of_several_documents_the_one_that_suffices_decides() -> None:
    """Whatever the others say; one that holds on other days, is withdrawn or replaced is none."""
    enough, little = {"amount": "100", "currency": "EUR"}, {"amount": "5", "currency": "EUR"}
    foreign = {"amount": "900", "currency": "USD"}
    events = [REGISTERED, filed(little), filed(enough, 2), filed(foreign, 3)]
    assert decided(events) == (True, 2)
    assert decided([*events, CarrierDocumentWithdrawn(2, "Forged")]) == (False, 3)
    assert decided(events, DAY.date() + timedelta(days=365)) == (False, 3)
    forged = [*events, *(CarrierDocumentWithdrawn(each, "Forged") for each in (1, 3, 2))]
    assert decided([*forged, RENAMED, CONTRACT]) == (False, 6)
    renewed = CarrierDocumentReplaced(
        4, 2, "cargo-insurance", "2", "Us", "2026-01-20", None, enough, None, None, None
    )
    assert decided([*events, renewed]) == (True, 4)


def decided(events: Sequence[CarrierEvent], on: date = WORK.on) -> tuple[bool, int | None]:
    """Whether the insurance suffices on that day, and by which event."""
    (verdict,) = by_policy(policy(INSURED), *events, work=replace(WORK, on=on))
    return verdict.holds, verdict.decided_by


CONTRACT = CarrierDocumentFiled(4, "contract", "1", "Us", "2026-01-01", None, None, None, None)


def filed(limit: Mapping[str, str] | None, document_id: int = 1) -> CarrierDocumentFiled:
    """A cargo insurance of the year of WORK."""
    days = "2026-01-01", "2026-12-31"
    return CarrierDocumentFiled(document_id, "cargo-insurance", "1", "Us", *days, limit, None, None)


@pytest.mark.parametrize(
    ("service", "country", "count"),
    [("express", "DE", 4), ("express", "FR", 2), ("air", "DE", 2), ("air", "FR", 1)],
)
def test_a_requirement_is_of_a_service_and_a_country(
    service: str, country: str, count: int
) -> None:
    """Or of any."""
    asked = policy(
        requires(),
        requires(service="express"),
        requires(country="DE"),
        requires(service="express", country="DE"),
    )
    assert len(by_policy(asked, REGISTERED, work=Work(country, service, WORK.on))) == count


@pytest.mark.parametrize(
    ("days", "holds", "since"), [(28, True, "within 28 days"), (27, False, "more than 27 days")]
)
def test_a_profile_is_recent(days: int, holds: bool, since: str) -> None:
    """By whole days: a registration, a rename, an address and a profile count, a state does not."""
    for changed in (RENAMED, CarrierEmailChanged("new@fedex.com"), covers(), REGISTERED):
        events = (REGISTERED, RENAMED, changed, SUSPENDED)
        (verdict,) = by_policy(policy(recent_within_days=days), *events)
        assert verdict == Verdict(
            "recent",
            holds,
            f"The carrier's profile was last changed on 2026-01-03, {since} before 2026-01-31",
            2,
            "2026-01-03",
        )


@pytest.mark.parametrize("on", [date(2026, 1, 1), date.min])
def test_a_profile_that_was_changed_after_the_day_is_recent(on: date) -> None:
    """However early that day is, and the sentence says so."""
    (verdict,) = by_policy(
        policy(recent_within_days=3650), REGISTERED, RENAMED, work=replace(WORK, on=on)
    )
    assert verdict.holds
    assert (
        verdict.explanation == f"The carrier's profile was last changed on 2026-01-02, after {on}"
    )


def test_a_profile_of_unknown_age_is_not_recent() -> None:
    """In a stream without a registration nothing may have set it."""
    (verdict,) = by_policy(policy(recent_within_days=1), SUSPENDED)
    assert (verdict.rule, verdict.holds, verdict.decided_by) == ("recent", False, None)


def test_facts_need_no_events() -> None:
    """Whoever has a carrier's state from elsewhere gets the same verdicts, but for the events."""
    facts = Facts(CarrierState("FedEx", "contact@fedex.com"), profile_of=WORK.on)
    found = judge(facts, WORK, PolicyState.of(policy(INSURED, recent_within_days=1)))
    assert [(each.rule, each.holds) for each in found] == [
        ("active", True),
        ("service", False),
        ("country", False),
        ("recent", True),
        ("cargo-insurance", False),
    ]
