"""Fields that commands share, each a type with its Input, and Inputs of common kinds. Imports only
the domain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Annotated, Any

from app.domain import blocks, documents, values
from app.domain.command import Input, ListInput, NumberInput, ObjectInput, Profile
from app.domain.errors import InvalidInput
from app.domain.profile.contact import URL_MAX_CHARACTERS, https_url
from app.domain.profile.coverage import SERVICES, country, known_service
from app.domain.profile.identifiers import day

ALPHA_2: Mapping[str, Any] = MappingProxyType({"pattern": "^[A-Za-z]{2}$"})
"""What a country's code looks like, in the words of JSON Schema."""

FIRST_ZONE = timedelta(hours=14)
"""A day begins first where the clocks are so far ahead of UTC."""


def line(name: str, maximum: int, description: str, example: str) -> Input:
    """One line of text, of at most so many characters."""
    keywords = {"minLength": 1, "maxLength": maximum}
    read = partial(values.one_line, name, maximum)
    return Input(read, description, example, description, keywords=keywords)


def number(description: str) -> NumberInput:
    """A number that the registry has given."""
    return NumberInput(int, description, 1, description, "N")


def choice(
    name: str, choices: Sequence[str], description: str, type_name: str | None = None
) -> Input:
    """One of the choices."""
    read, keywords = partial(values.one_of, name, choices), {"enum": list(choices)}
    option = f"{description.removesuffix('.')}: {', '.join(choices)}."
    return Input(read, description, choices[0], option, keywords=keywords, type_name=type_name)


def choices(name: str, among: Sequence[str], description: str) -> ListInput:
    """Any of these, each once, in this order."""

    def read(given: Sequence[str]) -> tuple[str, ...]:
        chosen = {values.one_of(name, among, each) for each in given}
        return tuple(each for each in among if each in chosen)

    option = f"{description.removesuffix('.')}: {', '.join(among)}; repeatable."
    return ListInput(read, description, among[:2], option, keywords={"enum": list(among)})


def refuse_future(name: str, given: str, now: datetime) -> None:
    """Raises InvalidInput for a day that has not begun anywhere yet. `now` is UTC."""
    if given > (now + FIRST_ZONE).date().isoformat():
        raise InvalidInput(name, f"The {name} must not be in the future")


def calendar_day(name: str, description: str, example: str = "2025-01-31") -> Input:
    """A day as YYYY-MM-DD."""
    read, keywords = partial(day, name), {"format": "date"}
    return Input(read, description, example, description, "DATE", keywords)


def carrier_id(name: str, description: str) -> Input:
    """A carrier's id, as a UUID in any of its spellings."""
    read, keywords = partial(values.carrier_id, name), {"format": "uuid"}
    example = "6fa459ea-ee8a-4ca4-894e-db77e160355e"
    return Input(read, description, example, description, "CARRIER_ID", keywords)


LIMIT = ObjectInput(
    lambda parts: documents.Limit(**parts),
    f"Up to how much money it answers for; only {', '.join(documents.LIMITED)} have one.",
    {"amount": "1000000.00", "currency": "EUR"},
    "Up to how much it answers for, such as '1000000 EUR'.",
    "'AMOUNT CURRENCY'",
    parts={
        "amount": Input(
            documents.amount,
            "A decimal number above 0, of at most 15 digits before the point and 3 behind it.",
            "1000000.00",
            "How much.",
        ),
        "currency": Input(documents.currency, "An ISO 4217 code.", "EUR", "Which currency."),
    },
)
_SHA256 = Input(
    documents.sha256,
    "The SHA-256 of the document's file, in hexadecimal digits.",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "The SHA-256 of its file.",
    "HEX",
    {"pattern": "^[0-9A-Fa-f]{64}$"},
)
_URL = Input(
    partial(https_url, what="url"),
    "Where the document's file is: an https URL without user name and password.",
    "https://files.example.com/certificates/CI-2026-17.pdf",
    "Where its file is: an https URL.",
    "URL",
    {"format": "uri", "maxLength": URL_MAX_CHARACTERS},
)
_REASON = Input(
    values.Reason,
    "Why, in one line; kept in the carrier's history for ever.",
    "The insurance has expired",
    "Why; kept for ever.",
    keywords={"minLength": 1, "maxLength": values.REASON_MAX_CHARACTERS},
)

_NAME = Input(
    values.CarrierName,
    "Trimmed and kept in NFC; no control characters.",
    "FedEx",
    "What it is called.",
    keywords={"minLength": 1, "maxLength": values.NAME_MAX_CHARACTERS},
)
_EMAIL = Input(
    values.EmailAddress,
    "An e-mail address; international ones included.",
    "contact@fedex.com",
    "Where it is reached; no other has it.",
    "ADDRESS",
    {"format": "idn-email", "maxLength": values.EMAIL_MAX_CHARACTERS},
)

CarrierName = Annotated[values.CarrierName, _NAME]
NewName = Annotated[values.CarrierName | None, replace(_NAME, example="FedEx Express")]
EmailAddress = Annotated[values.EmailAddress, _EMAIL]
NewEmail = Annotated[values.EmailAddress | None, replace(_EMAIL, example="office@fedex.com")]
Reason = Annotated[values.Reason, _REASON]
OptionalReason = Annotated[values.Reason | None, _REASON]
DocumentId = Annotated[int, number("Which document of the carrier.")]
BlockId = Annotated[int, number("Which block of the carrier.")]
PreferenceId = Annotated[int, number("Which preference of the carrier.")]
OverrideId = Annotated[int, number("Which override of the carrier.")]
ProposalId = Annotated[int, number("Which change that waits.")]
ChangeId = Annotated[int, number("Which scheduled change of the carrier.")]
DocumentNumber = Annotated[
    str, line("number", 100, "What its issuer numbers it with.", "CI-2026-17")
]
Issuer = Annotated[str, line("issuer", 255, "Who has issued it.", "Example Insurance plc")]
ValidFrom = Annotated[str, calendar_day("valid_from", "The first day it is valid.", "2026-01-01")]
ValidTo = Annotated[
    str | None,
    calendar_day("valid_to", "The last day it is valid; open if not given.", "2026-12-31"),
]
EffectiveDay = Annotated[
    str, calendar_day("effective_on", "The first day it counts; today or later.", "2099-01-01")
]
FromDay = Annotated[str, calendar_day("valid_from", "The first day it applies.", "2026-12-01")]
ToDay = Annotated[
    str | None,
    calendar_day("valid_to", "The last day it applies; open if not given.", "2026-12-31"),
]
LastDay = Annotated[str, calendar_day("valid_to", "The last day it applies.", "2026-12-31")]
OverridableRule = Annotated[
    str, choice("rule", blocks.OVERRIDABLE, "The rule that is to hold.", "OverridableRule")
]
WorkCountry = Annotated[
    str | None,
    Input(
        country,
        "Only for work in this country (ISO 3166 alpha-2).",
        "DE",
        "Only for work there, such as DE.",
        "CODE",
        ALPHA_2,
    ),
]
WorkService = Annotated[
    str | None,
    Input(
        known_service,
        "Only for work of this service.",
        "express",
        f"Only for this service: {', '.join(SERVICES)}.",
        keywords={"enum": list(SERVICES)},
        type_name="Service",
    ),
]
WorkCustomer = Annotated[
    str | None,
    line(
        "customer",
        blocks.CUSTOMER_MAX_CHARACTERS,
        "Only for work for this customer, by your own name for it.",
        "ACME",
    ),
]
OptionalLimit = Annotated[documents.Limit | None, LIMIT]
FileSha256 = Annotated[str | None, _SHA256]
FileUrl = Annotated[str | None, _URL]
ProfileParts = Annotated[Mapping[str, Any], Profile]
"""JSON in normal form by the name of a profile's part."""
