"""Two states of one carrier, or two carriers, beside each other field by field."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.domain.profile import compared

_NOT_COMPARED: Final = frozenset({"carrier_id", "version", "registered_at"})


@dataclass(frozen=True, slots=True)
class Compared:
    """A field of the two."""

    field: str
    one: Any
    other: Any

    @property
    def differs(self) -> bool:
        """Whether the two have different values."""
        return compared(self.one) != compared(self.other)


def beside(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[Compared]:
    """The fields of the two, as the API shows both. What only one of them has, such as an approval,
    is not compared."""
    return [
        Compared(field, one[field], other[field])
        for field in other
        if field in one and field not in _NOT_COMPARED
    ]
