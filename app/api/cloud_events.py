"""An event of the feed as a CloudEvent 1.0 in structured JSON, the form that subscribers are given.

https://github.com/cloudevents/spec: attributes are in `spec.md`, JSON in `formats/json-format.md`.
"""

from collections.abc import Mapping
from typing import Any, Final, get_args

from werkzeug.exceptions import BadRequest

from app.api.strict_json import loads
from app.application.feed import FeedEvent
from app.application.ports import RecordedEvent
from app.domain.events import CarrierEvent

SOURCE: Final = "/carriers"
"""The same wherever the service is reached: with `id` it is what tells two events apart, and an
event that was copied to another address is still the same one."""

TYPES: Final = tuple(event_class.__name__ for event_class in get_args(CarrierEvent))
"""Every type that an event can have."""

LARGEST_INTEGER: Final = 2**31 - 1
"""Attributes that are numbers end here; a larger one has to be text."""

# Extension attributes may only have lower-case letters and digits in their names.
_ORIGIN: Final = {
    "correlationid": "correlation_id",
    "causationid": "causation_id",
    "actor": "actor",
}


def type_of(event: RecordedEvent) -> str:
    """The event's type. Rows of the seed's original may have a PHP class path in its place, whose
    last part it is."""
    return event.data.event_type.rpartition("\\")[2]


def cloud_event(found: FeedEvent) -> dict[str, Any]:
    """See `feed_schemas.CloudEventSchema`."""
    event, position = found.event, found.position
    return {
        "specversion": "1.0",
        "id": str(event.data.event_id),
        "source": SOURCE,
        "type": type_of(event),
        "subject": event.stream,
        "time": event.data.created_at.isoformat(timespec="milliseconds"),
        "position": position if position <= LARGEST_INTEGER else str(position),
        "streamversion": event.version,
        **_origin(event.data.metadata),
        **_data(event.data.payload),
    }


def _data(payload: str) -> Mapping[str, Any]:
    """What cannot be read is shown as it is: a feed that stopped there would never go on."""
    try:
        return {"datacontenttype": "application/json", "data": loads(payload.encode())}
    except BadRequest:
        return {"datacontenttype": "text/plain", "data": payload}


def _origin(text: str) -> Mapping[str, Any]:
    """Who and what the event comes from, and its payload's schema version, as far as is known."""
    try:
        metadata = loads(text.encode())
    except BadRequest:
        return {}
    if not isinstance(metadata, Mapping):
        return {}
    known = {name: metadata.get(key) for name, key in _ORIGIN.items()}
    # An attribute may not hold control characters.
    origin: dict[str, Any] = {
        name: value
        for name, value in known.items()
        if isinstance(value, str) and value and value.isprintable()
    }
    version = metadata.get("schema_version")
    return origin | {"schemaversion": version} if type(version) is int else origin
