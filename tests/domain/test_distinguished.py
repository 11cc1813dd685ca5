"""`not-a-duplicate`: a pair of carriers that look alike is set aside, once and for good."""

import pytest

from app.domain.carrier import Carrier
from app.domain.commands.not_a_duplicate import CarrierDistinguished, DistinguishCarrier
from app.domain.commands.register import CarrierRegistered
from app.domain.declarations import BY_COMMAND
from app.domain.errors import InvalidInput, InvalidValue
from app.domain.values import Reason
from tests.support.commits import MOMENT
from tests.support.scenario import CARRIER_ID, given

OTHER = "6fa459ea-ee8a-4ca4-894e-db77e160355e"
REGISTERED = CarrierRegistered(name="FedEx", email="contact@fedex.com")
BROTHERS = CarrierDistinguished(OTHER, "Two brothers")
ASKED = DistinguishCarrier(CARRIER_ID, OTHER, Reason("They share an office"))


def test_the_same_pair_is_set_aside_once() -> None:
    """Whatever the second reason is: the first one stands."""
    given(REGISTERED, BROTHERS).when(ASKED).then()


def test_another_carrier_is_another_pair() -> None:
    """Each is an event of its own."""
    given(REGISTERED, CarrierDistinguished(OTHER[::-1], "No")).when(ASKED).then(
        CarrierDistinguished(OTHER, "They share an office")
    )


def test_a_carrier_is_no_other_than_itself() -> None:
    """The field is named."""
    carrier = Carrier.replay(CARRIER_ID, [REGISTERED])
    with pytest.raises(InvalidInput) as refusal:
        carrier.carry_out(DistinguishCarrier(CARRIER_ID, CARRIER_ID, Reason("It is")), MOMENT)
    assert refusal.value.field == "other"


def test_it_changes_no_field_that_is_shown() -> None:
    """The history has it, and the list of duplicates lacks the pair."""
    before = Carrier.replay(CARRIER_ID, [REGISTERED]).state
    after = Carrier.replay(CARRIER_ID, [REGISTERED, BROTHERS]).state
    assert before is not None
    assert after is not None
    assert after.as_json() == before.as_json()
    assert after.distinct_from == {OTHER}


@pytest.mark.parametrize("text", ["", "6fa459ea", "not-an-id", f"{OTHER}0", "x" * 9999])
def test_the_other_one_is_named_by_an_id(text: str) -> None:
    """Nothing else is taken, be it very long."""
    with pytest.raises(InvalidValue):
        _read(text)


@pytest.mark.parametrize(
    "text", [OTHER, OTHER.upper(), OTHER.replace("-", ""), f"urn:uuid:{OTHER}"]
)
def test_spellings_of_an_id_are_one(text: str) -> None:
    """So that one pair is not set aside twice."""
    assert _read(text) == OTHER


def _read(text: str) -> object:
    return BY_COMMAND[DistinguishCarrier].inputs[0].input.read(text)
