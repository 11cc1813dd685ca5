"""What an event changed of an aggregate, field by field. Imports only the domain and the differ of
histories.

A history names the fields that the aggregate's own page shows. An audit also names what a carrier
has several of, such as documents, each by its number: `documents.2.valid_to`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, Final

from app.application.history import Change, changes_between, differences
from app.domain.aggregate import AggregateState
from app.domain.state import BLANK, CarrierState

_NUMBERED: Final = ("documents", "blocks", "preferences", "overrides", "proposals", "scheduled")
_APPROVAL: Final = ("granted", "reason")


def audited_changes(before: AggregateState | None, after: AggregateState) -> tuple[Change, ...]:
    """All fields that differ between the two states; the set ones if `before` is None."""
    changes = changes_between(before, after)
    if not isinstance(after, CarrierState):
        return changes
    former = before if isinstance(before, CarrierState) else BLANK
    return (*changes, *_decided(former, after), *_entries(former, after))


def _entries(before: CarrierState, after: CarrierState) -> Iterator[Change]:
    """Of what has numbers. States share what an event leaves alone: identity spares comparing."""
    for name in _NUMBERED:
        was, became = getattr(before, name), getattr(after, name)
        if was is became:
            continue
        for number, entry in became.items():
            if was.get(number) is not entry:
                prefix = f"{name}.{number}."
                yield from differences(_members(prefix, was.get(number)), _members(prefix, entry))


def _decided(before: CarrierState, after: CarrierState) -> tuple[Change, ...]:
    return differences(_approval(before), _approval(after))


def _approval(state: CarrierState) -> Mapping[str, Any]:
    found = state.approval
    return {f"approval.{name}": getattr(found, name) for name in _APPROVAL} if found else {}


def _members(prefix: str, entry: Any) -> Mapping[str, Any]:  # noqa: ANN401 - of any of them
    """All but the number, which comes first and is in the prefix."""
    if entry is None:
        return {}
    return {prefix + each.name: getattr(entry, each.name) for each in fields(entry)[1:]}
