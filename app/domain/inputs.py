"""Fields that commands share, each a type with its Input, and Inputs of common kinds. Imports only
the domain.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any

from app.domain import values
from app.domain.command import Input, Profile
from app.domain.errors import InvalidInput
from app.domain.profile.identifiers import day

FIRST_ZONE = timedelta(hours=14)
"""A day begins first where the clocks are so far ahead of UTC."""


def line(name: str, maximum: int, description: str, example: str) -> Input:
    """One line of text, of at most so many characters."""
    keywords = {"minLength": 1, "maxLength": maximum}
    read = partial(values.one_line, name, maximum)
    return Input(read, description, example, description, keywords=keywords)


def choice(name: str, choices: Sequence[str], description: str) -> Input:
    """One of the choices."""
    read, keywords = partial(values.one_of, name, choices), {"enum": list(choices)}
    option = f"{description.removesuffix('.')}: {', '.join(choices)}."
    return Input(read, description, choices[0], option, keywords=keywords)


def refuse_future(name: str, given: str, now: datetime) -> None:
    """Raises InvalidInput for a day that has not begun anywhere yet. `now` is UTC."""
    if given > (now + FIRST_ZONE).date().isoformat():
        raise InvalidInput(name, f"The {name} must not be in the future")


def calendar_day(name: str, description: str) -> Input:
    """A day as YYYY-MM-DD."""
    read, keywords = partial(day, name), {"format": "date"}
    return Input(read, description, "2025-01-31", description, "DATE", keywords)


def carrier_id(name: str, description: str) -> Input:
    """A carrier's id, as a UUID in any of its spellings."""
    read, keywords = partial(values.carrier_id, name), {"format": "uuid"}
    example = "6fa459ea-ee8a-4ca4-894e-db77e160355e"
    return Input(read, description, example, description, "CARRIER_ID", keywords)


_REASON = Input(
    values.Reason,
    "Why, in one line; kept in the carrier's history for ever.",
    "The insurance has expired",
    "Why; kept for ever.",
    keywords={"minLength": 1, "maxLength": values.REASON_MAX_CHARACTERS},
)

CarrierName = Annotated[
    values.CarrierName,
    Input(
        values.CarrierName,
        "Trimmed and kept in NFC; no control characters.",
        "FedEx",
        "What it is called.",
        keywords={"minLength": 1, "maxLength": values.NAME_MAX_CHARACTERS},
    ),
]
EmailAddress = Annotated[
    values.EmailAddress,
    Input(
        values.EmailAddress,
        "An e-mail address; international ones included.",
        "contact@fedex.com",
        "Where it is reached; no other has it.",
        "ADDRESS",
        {"format": "idn-email", "maxLength": values.EMAIL_MAX_CHARACTERS},
    ),
]
Reason = Annotated[values.Reason, _REASON]
OptionalReason = Annotated[values.Reason | None, _REASON]
ProfileParts = Annotated[Mapping[str, Any], Profile]
"""JSON in normal form by the name of a profile's part."""
