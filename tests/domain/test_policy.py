"""The policy: what it takes, what it decides, what it is after its events."""

from typing import Any

import pytest

from app.domain.documents import KINDS, LIMITED
from app.domain.errors import InvalidValue
from app.domain.policy.adopt import POLICY_ID, PolicyAdopted
from app.domain.policy.policy import Policy
from app.domain.policy.state import DEFAULT
from app.domain.policy.terms import MAX_REQUIREMENTS, Requirement, Terms
from app.domain.profile import PROFILE_PARTS
from app.domain.streams import aggregate_of
from tests.support.commits import MOMENT
from tests.support.policies import NOTHING, adopt, policy, requires


def test_the_stream_of_the_policy_is_the_same_for_ever() -> None:
    """Stored events are under this id: another one would lose the policy of every registry."""
    assert POLICY_ID == "fe67c80c-c6da-519e-ab43-c35c94786eb2"
    assert aggregate_of(POLICY_ID) is Policy


def test_without_an_event_the_default_holds() -> None:
    """Version 0 asks for nothing."""
    default = Policy(POLICY_ID)
    assert (default.version, default.state) == (0, DEFAULT)
    assert DEFAULT.as_json() == NOTHING
    assert DEFAULT.state == "default"


def test_a_policy_is_adopted_as_a_whole() -> None:
    """What the former one asked for is gone."""
    first, second = policy(requires(), approval_required=True), policy(requires("contract"))
    adopted = Policy.replay(POLICY_ID, [PolicyAdopted(first)])
    adopted.carry_out(adopt(second), MOMENT)
    assert adopted.recorded == (PolicyAdopted(second),)
    assert adopted.state is not None
    assert adopted.state.as_json() == second


def test_equal_content_records_nothing() -> None:
    """However it is written."""
    body = policy(requires(country="DE", minimum=(1, "EUR")), second_person_for=["name", "email"])
    written = policy(
        requires(country="de", minimum=(1, "eur")), second_person_for=["email", "name"]
    )
    adopted = Policy.replay(POLICY_ID, [PolicyAdopted(body)])
    adopted.carry_out(adopt(written), MOMENT)
    assert adopted.recorded == ()


def test_to_adopt_the_default_is_a_decision_too() -> None:
    """If none was made before: from then on somebody answers for it."""
    default = Policy(POLICY_ID)
    default.carry_out(adopt(NOTHING), MOMENT)
    assert default.recorded == (PolicyAdopted(dict(NOTHING)),)
    default.carry_out(adopt(NOTHING), MOMENT)
    assert len(default.recorded) == 1


def test_what_a_later_release_wrote_is_read() -> None:
    """A member that this one does not know is ignored, a missing one is as in the default."""
    adopted = Policy.replay(POLICY_ID, [PolicyAdopted({"recent_within_days": 7, "colour": "red"})])
    assert adopted.state is not None
    assert adopted.state.as_json() == {**NOTHING, "recent_within_days": 7}


def test_every_field_of_a_carrier_can_be_guarded() -> None:
    """Once each, in the order of the carrier's own fields."""
    names = ["metadata", "name", "email", "name", *PROFILE_PARTS]
    terms = Terms(second_person_for=names)
    assert terms.second_person_for == ("name", "email", *PROFILE_PARTS)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_document_can_be_required(kind: str) -> None:
    """For a service in a country, for one of the two, or for any work."""
    for service, country in (("air", "FR"), ("air", None), (None, "FR"), (None, None)):
        asked = requires(kind, service, country, (100, "USD") if kind in LIMITED else None)
        assert Requirement.from_json(asked).as_json() == asked


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"requirements": [requires("licence")]}, "The kind must be one of cargo-insurance, "),
        ({"requirements": [requires(service="AIR")]}, "The service must be one of parcel, "),
        ({"requirements": [requires(country="worldwide")]}, "The country must be an ISO 3166 "),
        ({"requirements": [requires(country="\u01311")]}, "The country must be an ISO 3166 "),
        ({"requirements": [requires(minimum=(0, "EUR"))]}, "The amount must be a number above 0"),
        ({"requirements": [requires(minimum=(1, "EUX"))]}, "The currency must be an ISO 4217 "),
        ({"requirements": [requires("other", minimum=(1, "EUR"))]}, "The minimum must be left out"),
        ({"requirements": [requires(country="de"), requires(country="DE")]}, "The requirements "),
        ({"recent_within_days": 0}, "The recent_within_days must be a whole number from 1 to "),
        ({"second_person_for": ["bank"]}, "The second_person_for must be of name, email, "),
    ],
)
def test_what_no_policy_can_say(changed: dict[str, Any], sentence: str) -> None:
    """One sentence says which rule is broken."""
    with pytest.raises(InvalidValue) as caught:
        Terms.from_json({**NOTHING, **changed})
    assert caught.value.sentence.startswith(sentence)


def test_a_policy_has_an_end() -> None:
    """So many requirements, and no more."""
    with pytest.raises(InvalidValue):
        Terms(requirements=[Requirement("other")] * (MAX_REQUIREMENTS + 1))
