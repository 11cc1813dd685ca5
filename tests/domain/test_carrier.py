"""What a carrier decides."""

from app.domain.carrier import Carrier, CarrierState
from app.domain.errors import AlreadyRegistered
from app.domain.events import CarrierRegistered
from app.domain.values import CarrierName, EmailAddress
from tests.support.scenario import CARRIER_ID, given

NAME, EMAIL = CarrierName("FedEx"), EmailAddress("contact@fedex.com")
REGISTERED = CarrierRegistered(name="FedEx", email="contact@fedex.com")


def test_a_carrier_is_registered() -> None:
    """Registering a carrier that is not there yet records that it was registered."""
    given().when(Carrier.register, NAME, EMAIL).then(REGISTERED)


def test_a_carrier_is_registered_once() -> None:
    """A carrier that is registered cannot be registered again, not even with the same data."""
    given(REGISTERED).when(Carrier.register, NAME, EMAIL).then(AlreadyRegistered)


def test_what_was_recorded_counts_at_once() -> None:
    """A second decision of the same command sees what the first recorded."""
    carrier = given().when(Carrier.register, NAME, EMAIL).then(REGISTERED)
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
