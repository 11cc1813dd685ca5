"""Events as JSON texts and back. Sits between the repository and every store.

An event is stored under an explicit name with its schema version, never under a class path.
Rows that the seed's original wrote carry no metadata: they count as schema version 0.
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from app.application.commands import CommandContext
from app.application.ports import EventData, RecordedEvent
from app.application.repository import UnreadableEvent
from app.domain.events import CarrierEvent, CarrierRegistered

SCHEMA_VERSION = 1
_TYPES: Mapping[str, type[CarrierEvent]] = {"CarrierRegistered": CarrierRegistered}
_NAMES = {event_class: name for name, event_class in _TYPES.items()}
_FIELDS = {
    event_class: tuple(field.name for field in fields(event_class)) for event_class in _NAMES
}

_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


class JsonCodec:
    """Implements `repository.Codec`."""

    def encode(
        self, event: CarrierEvent, index: int, context: CommandContext, created_at: datetime
    ) -> EventData:
        """See `repository.Codec`. The command's commit is what caused the event."""
        event_class = type(event)
        metadata = {
            "commit_id": str(context.commit_id),
            "correlation_id": context.correlation_id,
            "causation_id": str(context.commit_id),
            "actor": context.actor,
            "schema_version": SCHEMA_VERSION,
        }
        return EventData(
            event_id=context.event_id(index),
            event_type=_NAMES[event_class],
            payload=_dumps({name: getattr(event, name) for name in _FIELDS[event_class]}),
            metadata=_dumps(metadata),
            created_at=created_at,
        )

    def decode(self, recorded: RecordedEvent) -> CarrierEvent:
        """See `repository.Codec`."""
        try:
            payload = json.loads(recorded.data.payload)
            metadata = json.loads(recorded.data.metadata)
            return _event(recorded.data.event_type, payload, metadata.get("schema_version", 0))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise UnreadableEvent(recorded, f"{type(error).__name__}: {error}") from error


def _event(event_type: str, payload: Mapping[str, Any], schema_version: int) -> CarrierEvent:
    if schema_version == 0:
        # The original may have stored a PHP class path; the class name is its last part.
        event_type = event_type.rpartition("\\")[2]
    elif schema_version > SCHEMA_VERSION:
        raise ValueError(f"schema version {schema_version} is newer than this program")
    event_class = _TYPES[event_type]
    values = {name: payload[name] for name in _FIELDS[event_class]}
    if not all(isinstance(value, str) for value in values.values()):
        raise TypeError("a field is not text")
    return event_class(**values)
