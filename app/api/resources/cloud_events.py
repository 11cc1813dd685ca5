"""An event of the feed as a CloudEvent 1.0 in structured JSON, the form that subscribers are given.

https://github.com/cloudevents/spec: attributes are in `spec.md`, JSON in `formats/json-format.md`.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from app.application.ports.feed import FeedEvent
from app.application.recorded import Metadata, type_name
from app.application.strict_json import NotStrictJson, parse
from app.domain.carrier import Carrier
from app.domain.column_mappings import ColumnMappings
from app.domain.declarations import EVENTS
from app.domain.policy.policy import Policy
from app.domain.streams import aggregate_of

SOURCES: Final = {
    Carrier.noun: "/carriers",
    Policy.noun: "/policy",
    ColumnMappings.noun: "/imports/mappings",
}
"""By what the event is of. The same wherever the service is reached, and after a restore: with
`id` it is what tells two events apart, and an event that was copied to another address, or came
back out of a backup, is still the same one. What a restore changes is which positions events have:
so `feed` says which feed's `position` that is."""

TYPES: Final = tuple(event_class.__name__ for event_class in EVENTS)
"""Every type that an event can have."""

LARGEST_INTEGER: Final = 2**31 - 1
"""Attributes that are numbers end here; a larger one has to be text."""


def cloud_event(found: FeedEvent, feed: str) -> dict[str, Any]:
    """See `schemas.feed.CloudEventSchema`."""
    event, position = found.event, found.position
    return {
        "specversion": "1.0",
        "id": str(event.data.event_id),
        "source": SOURCES[aggregate_of(event.stream).noun],
        "type": type_name(event.data.event_type),
        "subject": event.stream,
        "time": event.data.created_at.isoformat(timespec="milliseconds"),
        "feed": feed,
        "position": position if position <= LARGEST_INTEGER else str(position),
        "streamversion": event.version,
        **_origin(event.data.metadata),
        **_data(event.data.payload),
    }


def _data(payload: str) -> Mapping[str, Any]:
    """What cannot be read is shown as it is: a feed that stopped there would never go on."""
    try:
        return {"datacontenttype": "application/json", "data": parse(payload)}
    except NotStrictJson:
        return {"datacontenttype": "text/plain", "data": payload}


def _origin(text: str) -> Mapping[str, Any]:
    """Who and what the event comes from, and its payload's schema version, as far as is known.

    Extension attributes may only have lower-case letters and digits in their names, and no control
    characters in their values.
    """
    try:
        metadata = Metadata.of(text)
    except NotStrictJson:
        return {}
    known = {
        "correlationid": metadata.correlation_id,
        "causationid": metadata.causation_id,
        "actor": metadata.actor,
        "traceparent": metadata.traceparent,
    }
    origin: dict[str, Any] = {
        name: value for name, value in known.items() if value and value.isprintable()
    }
    with suppress(NotStrictJson):
        if metadata.schema_version is not None:
            origin["schemaversion"] = metadata.schema_version
    return origin
