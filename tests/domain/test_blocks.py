"""Blocks and preferences: to which work they apply, on which days, and which rules they keep."""

import pytest

from app.domain.blocks import STANDING_MAX, Instruction, applying
from app.domain.carrier import Carrier
from app.domain.command import CarrierEvent, Command
from app.domain.commands.block import BlockCarrier, CarrierBlocked
from app.domain.commands.prefer import PreferCarrier
from app.domain.commands.register import CarrierRegistered
from app.domain.commands.unblock import CarrierUnblocked, UnblockCarrier
from app.domain.commands.unprefer import UnpreferCarrier
from app.domain.errors import InvalidInput
from app.domain.values import Reason
from tests.support.commits import MOMENT
from tests.support.scenario import CARRIER_ID, given

REGISTERED = CarrierRegistered("FedEx", "contact@fedex.com")
WHY = Reason("Claims are open")
DAY = "2026-06-15"


def block(number: int = 1, service: str | None = "express") -> CarrierBlocked:
    """The event of a block that is open."""
    return CarrierBlocked(number, None, service, None, "2026-01-01", None, WHY.text)


def instruction(
    country: str | None = None,
    service: str | None = None,
    customer: str | None = None,
    days: tuple[str, str | None] = ("2026-01-01", None),
) -> Instruction:
    """One that stands."""
    return Instruction(1, country, service, customer, *days, WHY.text)


def applies(one: Instruction, customer: str | None = None, on: str = DAY) -> bool:
    """Whether it applies to express work in Germany."""
    return applying({1: one}, "DE", "express", customer, on) == [one]


def refusal(command: Command, *events: CarrierEvent) -> tuple[str, str]:
    """The field and the sentence of the refusal after these events."""
    carrier = Carrier.replay(CARRIER_ID, [REGISTERED, *events])
    with pytest.raises(InvalidInput) as refused:
        carrier.carry_out(command, MOMENT)
    return refused.value.field, refused.value.sentence


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        (("DE", None, None), True), ((None, "express", None), True),
        (("DE", "express", None), True),
        (("AT", None, None), False), ((None, "air", None), False), (("DE", "air", None), False),
        (("AT", "express", None), False),
    ],
)  # fmt: skip
def test_all_that_is_given_has_to_match(
    about: tuple[str | None, str | None, str | None], expected: bool
) -> None:
    """What is not given matches any."""
    assert applies(instruction(*about)) is expected


@pytest.mark.parametrize(
    ("customer", "expected"), [("ACME", True), ("acme", True), ("Other", False), (None, False)]
)
def test_a_customer_is_that_customer(customer: str | None, expected: bool) -> None:
    """However it is written; work for nobody in particular is not work for that customer."""
    assert applies(instruction(customer="Acme"), customer) is expected
    assert applies(instruction(service="express"), customer)


@pytest.mark.parametrize(
    ("on", "expected"),
    [("2025-12-31", False), ("2026-01-01", True), ("2026-12-31", True), ("2027-01-01", False)],
)
def test_an_instruction_holds_from_its_first_day_to_its_last(on: str, expected: bool) -> None:
    """Both included; without a last day it holds on every later one."""
    bounded = instruction("DE", days=("2026-01-01", "2026-12-31"))
    assert applies(bounded, on=on) is expected
    assert applies(instruction("DE"), on=on) is (on >= "2026-01-01")


def test_a_block_that_was_lifted_applies_on_no_day() -> None:
    """Neither does it on days before it was lifted: what was known then is another question."""
    state = Carrier.replay(CARRIER_ID, [REGISTERED, block(), CarrierUnblocked(1, "Settled")]).state
    assert state is not None
    assert applying(state.blocks, "DE", "express", None, DAY) == []
    assert state.blocks[1].ended == "Settled"


def test_a_number_is_never_given_again() -> None:
    """Also after the last block was lifted; the same words make another block then."""
    past = (REGISTERED, block(), block(2, "air"), CarrierUnblocked(2, "Settled"))
    command = BlockCarrier(CARRIER_ID, "2026-01-01", WHY, service="air")
    given(*past).when(command).then(block(3, "air"))


def test_what_was_taken_back_is_not_taken_back_again() -> None:
    """For the same reason it is done already; another one would be a change."""
    past = (block(), CarrierUnblocked(1, "Settled"))
    given(REGISTERED, *past).when(UnblockCarrier(CARRIER_ID, 1, Reason("Settled"))).then()
    assert refusal(UnblockCarrier(CARRIER_ID, 1, Reason("Other")), *past) == (
        "block_id",
        "The block_id must be of one that stands: it was taken back",
    )


def test_only_what_the_carrier_has_is_taken_back() -> None:
    """A preference is no block."""
    for command, sentence in (
        (UnblockCarrier(CARRIER_ID, 2, WHY), "The block_id must be one of this carrier's blocks"),
        (
            UnpreferCarrier(CARRIER_ID, 1, WHY),
            "The preference_id must be one of this carrier's preferences",
        ),
    ):
        assert refusal(command, block())[1] == sentence


def test_an_instruction_is_about_some_work() -> None:
    """To give no work at all is a suspension."""
    assert refusal(BlockCarrier(CARRIER_ID, "2026-01-01", WHY)) == (
        "service",
        "The block must be for a service, a country or a customer",
    )
    assert refusal(PreferCarrier(CARRIER_ID, "2026-01-01", WHY))[1] == (
        "The preference must be for a service, a country or a customer"
    )


def test_the_last_day_is_not_before_the_first() -> None:
    """One day is enough."""
    about = {"country": "DE", "valid_to": "2026-01-01"}
    assert refusal(BlockCarrier(CARRIER_ID, "2026-01-02", WHY, **about))[0] == "valid_to"
    given(REGISTERED).when(BlockCarrier(CARRIER_ID, "2026-01-01", WHY, **about)).then(
        CarrierBlocked(1, "DE", None, None, "2026-01-01", "2026-01-01", WHY.text)
    )


def test_what_stands_is_bounded() -> None:
    """What was lifted does not count."""
    past = [
        CarrierBlocked(each, None, None, f"customer {each}", DAY, None, WHY.text)
        for each in range(1, STANDING_MAX + 1)
    ]
    command = BlockCarrier(CARRIER_ID, DAY, WHY, customer="one more")
    assert refusal(command, *past)[0] == "valid_from"
    given(REGISTERED, *past, CarrierUnblocked(1, "Settled")).when(command).then(
        CarrierBlocked(STANDING_MAX + 1, None, None, "one more", DAY, None, WHY.text)
    )


def test_what_a_view_left_out_is_missed_by_nothing() -> None:
    """An operator may discard the block's event: what happened to it later is not refused."""
    state = Carrier.replay(CARRIER_ID, [REGISTERED, CarrierUnblocked(9, "Settled")]).state
    assert state is not None
    assert state.blocks == {}
