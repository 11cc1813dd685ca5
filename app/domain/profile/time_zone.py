"""A carrier's time zone, which says what day it is there."""

from dataclasses import dataclass
from functools import cache
from zoneinfo import available_timezones

from app.domain.errors import InvalidValue

_NO_PLACES = frozenset({"Factory", "localtime"})
"""What the database has beside zones: where a machine stands by itself, and nowhere."""


@dataclass(frozen=True, slots=True)
class TimeZone:
    """A time zone by its name in the IANA's database, in any case."""

    name: str

    def __post_init__(self) -> None:
        name = _names().get(self.name.lower())
        if name is None:
            raise InvalidValue("The time zone must be an IANA name, such as Europe/Berlin")
        object.__setattr__(self, "name", name)

    def as_json(self) -> str:
        """The name, such as Europe/Berlin."""
        return self.name


@cache  # reads a folder at first use, not at import
def _names() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones() - _NO_PLACES}
