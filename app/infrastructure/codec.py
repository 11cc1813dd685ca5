"""Events as JSON texts and back. Sits between the repository and every store.

An event is stored under an explicit name with its schema version, never under a class path.
When the class of an event changes, its `schema_version` goes up and an upcaster here says how the
older payloads are read; `tests/golden` holds one stored event of every type and version.
Rows that the original (PHP) registry wrote carry no metadata: they count as schema version 0.
"""

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, Union, get_args, get_origin, get_type_hints

from app.application.command_context import CommandContext
from app.application.ports.codec import Origin, UnreadableEvent
from app.application.ports.event_store import EventData, RecordedEvent
from app.application.recorded import Metadata, type_name
from app.application.strict_json import NotStrictJson, parse
from app.domain.aggregate import Event
from app.domain.declarations import EVENTS

VERSIONS: Mapping[type[Event[Any]], int] = {each: each.schema_version for each in EVENTS}
"""The schema version that each class is written with now. The class's name is the type's."""

Payload = dict[str, Any]
Upcaster = Callable[[Payload], Payload]


def _of_the_original(payload: Payload) -> Payload:
    """The original also wrote fields that an event here does not have."""
    return {name: payload[name] for name in ("name", "email")}


UPCASTERS: Mapping[tuple[str, int], Upcaster] = {("CarrierRegistered", 0): _of_the_original}
"""From a type and the schema version that it was written with to the payload of the next."""

_TYPES = {event_class.__name__: event_class for event_class in VERSIONS}
_FIELDS = {
    event_class: tuple(field.name for field in fields(event_class)) for event_class in VERSIONS
}

_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def _accepted(hint: Any) -> tuple[type, ...]:  # noqa: ANN401 - a type hint
    """The types that JSON has for a field of an event."""
    if isinstance(hint, types.UnionType) or get_origin(hint) is Union:
        return tuple(kind for each in get_args(hint) for kind in _accepted(each))
    if (generic := get_origin(hint)) is not None:
        return (dict,) if issubclass(generic, Mapping) else (list,)
    return (hint,)


_ACCEPTED: Mapping[type[Event[Any]], Mapping[str, tuple[type, ...]]] = {
    event_class: {name: _accepted(hint) for name, hint in get_type_hints(event_class).items()}
    for event_class in VERSIONS
}


class _NotUnderstood(ValueError):
    """The message is one sentence for people, without anything of the event's payload."""


class JsonCodec:
    """Implements `ports.codec.Codec`."""

    def encode(
        self, event: Event[Any], index: int, context: CommandContext, created_at: datetime
    ) -> EventData:
        """See `ports.codec.Codec`. The command's commit is what caused the event, unless another
        one is named."""
        event_class, commit_id, cause = type(event), str(context.commit_id), context.cause
        metadata = {
            "commit_id": commit_id,
            "correlation_id": context.correlation_id,
            "causation_id": str(cause.commit_id) if cause else commit_id,
            "actor": context.actor,
            "schema_version": VERSIONS[event_class],
        }
        fingerprint = cause.fingerprint if cause else context.fingerprint
        if fingerprint is not None:
            metadata["fingerprint"] = fingerprint
        if context.traceparent is not None:
            metadata["traceparent"] = context.traceparent
        return EventData(
            event_id=context.event_id(index),
            event_type=event_class.__name__,
            payload=_dumps({name: getattr(event, name) for name in _FIELDS[event_class]}),
            metadata=_dumps(metadata),
            created_at=created_at,
        )

    def decode(self, recorded: RecordedEvent) -> Any:  # noqa: ANN401 - see the port
        """See `ports.codec.Codec`."""
        try:
            payload = parse(recorded.data.payload)
            version = Metadata.of(recorded.data.metadata).schema_version or 0
            return _event(recorded.data.event_type, payload, version)
        except _NotUnderstood as error:
            raise UnreadableEvent(recorded, str(error)) from error
        except (NotStrictJson, KeyError, TypeError) as error:
            raise UnreadableEvent(recorded, "its JSON is damaged") from error

    def origin(self, recorded: RecordedEvent) -> Origin:
        """See `ports.codec.Codec`."""
        try:
            metadata = Metadata.of(recorded.data.metadata)
            return Origin(
                commit_id=metadata.commit_id,
                correlation_id=metadata.correlation_id,
                causation_id=metadata.causation_id,
                actor=metadata.actor,
                fingerprint=metadata.fingerprint,
            )
        except NotStrictJson as error:
            raise UnreadableEvent(recorded, "its metadata is damaged") from error


def _event(event_type: str, payload: Payload, schema_version: int) -> Event[Any]:
    if schema_version == 0:  # events of ours never have a class path
        event_type = type_name(event_type)
    event_class = _TYPES.get(event_type)
    if event_class is None:
        raise _NotUnderstood("this program knows no such event")
    current = VERSIONS[event_class]
    if schema_version > current:
        raise _NotUnderstood(f"schema version {schema_version} is newer than this program")
    for version in range(schema_version, current):
        if (event_type, version) not in UPCASTERS:
            raise _NotUnderstood(f"schema version {version} was never written")
        payload = UPCASTERS[event_type, version](payload)
    for name, accepted in _ACCEPTED[event_class].items():
        if name not in payload:
            raise _NotUnderstood(f"it has no {name}")
        if not isinstance(payload[name], accepted):
            raise _NotUnderstood(
                f"its {name} is not {' or '.join(kind.__name__ for kind in accepted)}"
            )
    return event_class(**{name: payload[name] for name in _FIELDS[event_class]})
