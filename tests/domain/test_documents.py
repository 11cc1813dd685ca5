"""Documents: on which days they hold, what became of them, and which rules a filing keeps."""

from datetime import UTC, datetime

import pytest

from app.domain.carrier import Carrier, CarrierState
from app.domain.command import CarrierEvent, Command
from app.domain.commands.file_document import CarrierDocumentFiled, FileDocument
from app.domain.commands.register import CarrierRegistered
from app.domain.commands.replace_document import CarrierDocumentReplaced, ReplaceDocument
from app.domain.commands.withdraw_document import CarrierDocumentWithdrawn, WithdrawDocument
from app.domain.documents import IN_FORCE_MAX, Limit, held, today
from app.domain.errors import InvalidInput, InvalidValue
from app.domain.profile.time_zone import TimeZone
from app.domain.values import Reason
from tests.support.commits import MOMENT
from tests.support.scenario import CARRIER_ID, given

REGISTERED = CarrierRegistered("FedEx", "contact@fedex.com")
CARGO = "cargo-insurance"


def filed(
    document_id: int, valid_from: str = "2026-01-01", valid_to: str | None = "2026-12-31"
) -> CarrierDocumentFiled:
    """The event of a document with this id."""
    number = f"CI {document_id}"
    return CarrierDocumentFiled(
        document_id, CARGO, number, "Insurer", valid_from, valid_to, None, None, None
    )


def replaced(former: int, by: int, valid_from: str) -> CarrierDocumentReplaced:
    """The event of a document that takes another's place, without a last day."""
    return CarrierDocumentReplaced(
        by, former, CARGO, f"CI {by}", "Insurer", valid_from, None, None, None, None, "Renewed"
    )


def after(*events: CarrierEvent) -> CarrierState:
    """The state that they make."""
    state = Carrier.replay(CARRIER_ID, [REGISTERED, *events]).state
    assert state is not None
    return state


def ids_held(state: CarrierState, on: str) -> list[int]:
    """Which insurances hold on that day."""
    return [each.document_id for each in held(state.documents, CARGO, on)]


def refusal(command: Command, *events: CarrierEvent) -> tuple[str, str]:
    """The field and the sentence of the refusal after these events."""
    carrier = Carrier.replay(CARRIER_ID, [REGISTERED, *events])
    with pytest.raises(InvalidInput) as refused:
        carrier.carry_out(command, MOMENT)
    return refused.value.field, refused.value.sentence


@pytest.mark.parametrize(
    ("on", "holds"),
    [("2025-12-31", []), ("2026-01-01", [1]), ("2026-12-31", [1]), ("2027-01-01", [])],
)
def test_a_document_holds_from_its_first_day_to_its_last(on: str, holds: list[int]) -> None:
    """Both included."""
    assert ids_held(after(filed(1)), on) == holds


def test_an_open_document_holds_on_every_day_from_its_first() -> None:
    """However far away, and of its kind alone."""
    state = after(filed(1, valid_to=None))
    assert ids_held(state, "9999-12-31") == [1]
    assert held(state.documents, "contract", "2026-06-01") == []


def test_a_replaced_document_holds_until_the_other_begins() -> None:
    """A renewal that is filed early leaves no gap; one of the same days takes its place at once."""
    renewed = after(filed(1), replaced(1, 2, "2026-07-01"))
    assert [ids_held(renewed, on) for on in ("2026-06-30", "2026-07-01")] == [[1], [2]]
    corrected = after(filed(1), replaced(1, 2, "2026-01-01"))
    assert ids_held(corrected, "2026-01-01") == [2]
    document = renewed.documents[1]
    assert (document.standing, document.replaced_by, document.reason) == ("replaced", 2, "Renewed")


def test_a_withdrawn_document_holds_on_no_day() -> None:
    """What it stood for does not come back, nor does what it had replaced."""
    state = after(
        filed(1), replaced(1, 2, "2026-07-01"), CarrierDocumentWithdrawn(2, "Not paid for")
    )
    assert [ids_held(state, on) for on in ("2026-06-30", "2026-07-01")] == [[1], []]
    assert (state.documents[2].standing, state.documents[2].reason) == ("withdrawn", "Not paid for")


def test_an_id_is_never_given_again() -> None:
    """Also after the last document was withdrawn."""
    given(REGISTERED, filed(1), filed(2), CarrierDocumentWithdrawn(2, "Forged")).when(
        FileDocument(CARRIER_ID, CARGO, "CI 3", "Insurer", "2026-01-01", "2026-12-31")
    ).then(filed(3))


def test_a_document_that_was_withdrawn_can_be_filed_anew() -> None:
    """It is another one then."""
    given(REGISTERED, filed(1), CarrierDocumentWithdrawn(1, "Forged")).when(
        FileDocument(CARRIER_ID, CARGO, "CI 1", "Insurer", "2026-01-01", "2026-12-31")
    ).then(
        CarrierDocumentFiled(
            2, CARGO, "CI 1", "Insurer", "2026-01-01", "2026-12-31", None, None, None
        )
    )


def test_what_was_done_is_not_done_again() -> None:
    """The same replacement and the same withdrawal change nothing."""
    past = (REGISTERED, filed(1), replaced(1, 2, "2026-07-01"))
    again = ReplaceDocument(
        CARRIER_ID, 1, "CI 2", "Insurer", "2026-07-01", reason=Reason("Renewed")
    )
    given(*past).when(again).then()
    withdrawn = CarrierDocumentWithdrawn(1, "Forged")
    given(*past, withdrawn).when(WithdrawDocument(CARRIER_ID, 1, Reason("Forged"))).then()


def test_the_last_day_is_not_before_the_first() -> None:
    """Of a filing and of a replacement; one day is enough."""
    for command in (
        FileDocument(CARRIER_ID, CARGO, "1", "Insurer", "2026-01-02", "2026-01-01"),
        ReplaceDocument(CARRIER_ID, 1, "1", "Insurer", "2026-01-02", "2026-01-01"),
    ):
        assert refusal(command, filed(1)) == (
            "valid_to",
            "The valid_to must not be before the valid_from",
        )
    given(REGISTERED).when(
        FileDocument(CARRIER_ID, CARGO, "CI 1", "Insurer", "2026-01-01", "2026-01-01")
    ).then(filed(1, valid_to="2026-01-01"))


def test_only_some_kinds_have_a_limit() -> None:
    """The sentence names them."""
    limit = Limit("1000000.00", "eur")
    field, sentence = refusal(
        FileDocument(CARRIER_ID, "food-safety", "1", "Agency", "2026-01-01", limit=limit)
    )
    assert field == "limit"
    assert "only cargo-insurance, " in sentence


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (3, "The document_id must be one of this carrier's documents"),
        (1, "The document_id must be of one in force: document 2 replaced it"),
        (2, "The document_id must be of one in force: it was withdrawn"),
    ],
)
def test_only_a_document_in_force_is_replaced(number: int, sentence: str) -> None:
    """The refusal says what became of it."""
    past = (filed(1), replaced(1, 2, "2026-07-01"), CarrierDocumentWithdrawn(2, "Forged"))
    command = ReplaceDocument(CARRIER_ID, number, "CI 9", "Insurer", "2026-01-01")
    assert refusal(command, *past) == ("document_id", sentence)


def test_a_document_is_withdrawn_for_one_reason() -> None:
    """Another reason than that of the withdrawal would be a change; an unknown one is refused."""
    past = (filed(1), CarrierDocumentWithdrawn(1, "Forged"))
    for number in (1, 2):
        field, _ = refusal(WithdrawDocument(CARRIER_ID, number, Reason("Lost")), *past)
        assert field == "document_id"


def test_documents_in_force_are_bounded() -> None:
    """What was withdrawn or replaced does not count."""
    past = [filed(each + 1) for each in range(IN_FORCE_MAX)]
    command = FileDocument(CARRIER_ID, CARGO, "one more", "Insurer", "2026-01-01")
    assert refusal(command, *past)[0] == "number"
    carrier = given(REGISTERED, *past, CarrierDocumentWithdrawn(1, "Forged")).when(command)
    carrier.then(
        CarrierDocumentFiled(
            IN_FORCE_MAX + 1, CARGO, "one more", "Insurer", "2026-01-01", None, None, None, None
        )
    )


def test_what_a_view_left_out_is_missed_by_nothing() -> None:
    """An operator may discard the filing: what happened to the document later is not refused."""
    state = after(replaced(7, 8, "2026-07-01"), CarrierDocumentWithdrawn(9, "Forged"))
    assert list(state.documents) == [8]


@pytest.mark.parametrize(
    ("amount", "normal"),
    [("1000000.00", "1000000"), ("0.50", "0.5"), ("007", "7"), ("0.001", "0.001"), ("100", "100")],
)
def test_an_amount_has_one_form(amount: str, normal: str) -> None:
    """Without needless zeros, and never with an exponent."""
    assert Limit(amount, "eur").as_json() == {"amount": normal, "currency": "EUR"}


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("0", "EUR"), ("-1", "EUR"), ("1e6", "EUR"), ("1,000", "EUR"), ("", "EUR"), ("٣", "EUR"),
        ("1.0000", "EUR"), ("1" * 16, "EUR"), ("NaN", "EUR"), ("1", "EURO"), ("1", ""),
        ("1", "\u017fEK"),
    ],
)  # fmt: skip
def test_what_is_no_limit_is_refused(amount: str, currency: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(InvalidValue):
        Limit(amount, currency)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        (None, "2026-11-26"),
        ("Pacific/Auckland", "2026-11-27"),
        ("America/Los_Angeles", "2026-11-26"),
        ("Europe/Atlantis", "2026-11-26"),
        ("../etc/passwd", "2026-11-26"),
    ],
)
def test_today_is_the_carriers(zone: str | None, day: str) -> None:
    """In its time zone; UTC without one, or where the machine does not know it any more."""
    assert today(datetime(2026, 11, 26, 12, tzinfo=UTC), zone) == day


@pytest.mark.parametrize("name", ["Factory", "localtime", "", "Europe", "../UTC", "Europe/Berlin "])
def test_a_time_zone_is_a_place_of_the_database(name: str) -> None:
    """Neither a file beside it nor where this machine stands."""
    with pytest.raises(InvalidValue):
        TimeZone(name)
    assert TimeZone("utc").as_json() == "UTC"
