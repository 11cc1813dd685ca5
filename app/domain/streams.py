"""Which aggregate a stream is of. Imports only the domain."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from app.domain.aggregate import AggregateRoot
from app.domain.carrier import Carrier
from app.domain.column_mappings import COLUMN_MAPPINGS_ID, ColumnMappings
from app.domain.policy.adopt import POLICY_ID
from app.domain.policy.policy import Policy

_WELL_KNOWN: Mapping[str, type[AggregateRoot[Any, Any]]] = MappingProxyType(
    {POLICY_ID: Policy, COLUMN_MAPPINGS_ID: ColumnMappings}
)


def aggregate_of(stream: str) -> type[AggregateRoot[Any, Any]]:
    """The kind of aggregate that the stream is of: a carrier's, if it is none of those whose id is
    the same in every registry."""
    return _WELL_KNOWN.get(stream, Carrier)
