"""Two changes of one carrier: what somebody typed beside what others have done meanwhile."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.profile import compared

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that the two have left different. It is `contested` if both have changed it; else
    the one change counts, as the other has not touched the field."""

    field: str
    mine: Any
    theirs: Any
    contested: bool


def differences(before: Body, mine: Body, theirs: Body) -> list[Difference]:
    """The fields of `mine` in which the two differ. `before` is what both began with; each is
    JSON in normal form. A field that carriers do not have, such as a note, is never one."""
    by_them = {field for field in theirs if _differ(before.get(field), theirs[field])}
    return [
        Difference(field, value, theirs[field], contested=_differ(value, before.get(field)))
        for field, value in mine.items()
        if field in by_them and _differ(value, theirs[field])
    ]


def merged(typed: Body, found: Iterable[Difference], kept: frozenset[str]) -> dict[str, Any]:
    """What was typed, with their value in each field but for the contested ones that are `kept`."""
    theirs = {
        each.field: each.theirs for each in found if not (each.contested and each.field in kept)
    }
    return {**typed, **theirs}


def _differ(one: Any, other: Any) -> bool:  # noqa: ANN401 - JSON
    return compared(one) != compared(other)
