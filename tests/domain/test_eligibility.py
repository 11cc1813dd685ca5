"""Which rules stand in the way of a piece of work, and which event decided each rule."""

from app.domain.command import CarrierEvent
from app.domain.commands.register import CarrierRegistered
from app.domain.commands.reinstate import CarrierReinstated
from app.domain.commands.rename import CarrierRenamed
from app.domain.commands.retire import CarrierRetired
from app.domain.commands.suspend import CarrierSuspended
from app.domain.commands.update_profile import CarrierProfileUpdated
from app.domain.eligibility import Verdict, verdicts

REGISTERED = CarrierRegistered("FedEx", "contact@fedex.com")
RENAMED = CarrierRenamed("FedEx Express")
SUSPENDED = CarrierSuspended("The insurance has expired", "insurance")
REINSTATED = CarrierReinstated(None)
RETIRED = CarrierRetired("closed down")


def covers(**services: list[str]) -> CarrierProfileUpdated:
    """The event that sets the coverage to these services in these countries."""
    coverage = [{"service": name, "countries": where} for name, where in services.items()]
    return CarrierProfileUpdated({"coverage": coverage})


def judged(*events: CarrierEvent) -> dict[str, Verdict]:
    """The verdicts on express work in Germany."""
    return {each.rule: each for each in verdicts(events, "DE", "express")}


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
        "active": Verdict("active", True, "The carrier is active", 0),
        "service": Verdict("service", True, "The carrier offers express", 1),
        "country": Verdict("country", True, "The carrier offers express in DE", 1),
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


def test_a_stream_without_a_registration_is_judged_too() -> None:
    """In a stream without a registration no event decides what was never set."""
    assert deciding(RENAMED) == {"active": None, "service": None, "country": None}
    assert deciding(RENAMED, SUSPENDED)["active"] == 1
