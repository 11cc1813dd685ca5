"""The shape of what goes in and out of the feed's addresses."""

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields

from app.api.answer_schemas import CARRIER_ID
from app.api.cloud_events import LARGEST_INTEGER, SOURCE, TYPES
from app.api.schemas import QueryInteger, QuerySchema

LAST_POSITION = 2**53 - 1
"""What every reader of JSON can count to (RFC 7493, 2.2)."""

LONGEST_WAIT = 30

EXAMPLE = {
    "specversion": "1.0",
    "id": "0b0a4f5e-8c9b-5f53-9d0e-2f4f3b8f6a11",
    "source": SOURCE,
    "type": "CarrierRenamed",
    "subject": CARRIER_ID,
    "time": "2026-01-31T12:00:00.000+00:00",
    "position": 8,
    "streamversion": 2,
    "correlationid": "my-request",
    "causationid": "5d3c2a1b-8c9b-4f53-9d0e-2f4f3b8f6a11",
    "actor": "anonymous",
    "schemaversion": 1,
    "datacontenttype": "application/json",
    "data": {"name": "FedEx Express"},
}


class EventTypes(fields.String):
    """One or several types, separated by commas, as a set."""

    _PATTERN = re.compile(rf"({'|'.join(TYPES)})(,({'|'.join(TYPES)}))*")

    def __init__(self) -> None:
        about = {
            "description": "Only events of these types, separated by commas.",
            "pattern": f"^{self._PATTERN.pattern}$",
            "example": "CarrierRegistered,CarrierRetired",
        }
        sentence = (
            f"The {{{{field}}}} parameter must be of {', '.join(TYPES)};"
            " several are separated by commas"
        )
        super().__init__(load_default=None, error_messages={"invalid": sentence}, metadata=about)

    def _deserialize(
        self,
        value: Any,  # noqa: ANN401 - as Marshmallow has it
        attr: str | None,
        data: Mapping[str, Any] | None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401 - the types
        if not self._PATTERN.fullmatch(value):
            raise self.make_error("invalid")
        return frozenset(value.split(","))


def _after() -> QueryInteger:
    return QueryInteger(
        0,
        LAST_POSITION,
        load_default=0,
        metadata={"description": "Begin after this position.", "example": 7},
    )


class StreamQuerySchema(QuerySchema):
    """Where a stream begins, and what it holds."""

    after = _after()
    type = EventTypes()


class EventsQuerySchema(QuerySchema):
    """Which page of the feed."""

    after = _after()
    limit = QueryInteger(
        1, 1000, load_default=100, metadata={"description": "At most so many events."}
    )
    type = EventTypes()
    wait = QueryInteger(
        0,
        LONGEST_WAIT,
        load_default=0,
        metadata={
            "description": "If there is nothing yet, wait so many seconds for the next event."
        },
    )


def _text(name: str, description: str | None = None, **options: Any) -> fields.String:  # noqa: ANN401
    about = {"description": description} if description else {}
    return fields.String(metadata={"example": EXAMPLE[name], **about}, **options)


def _constant(name: str) -> fields.String:
    return fields.String(
        required=True, metadata={"example": EXAMPLE[name], "enum": [EXAMPLE[name]]}
    )


def _number(name: str, least: int, **options: Any) -> fields.Integer:  # noqa: ANN401
    about = {"example": EXAMPLE[name], "minimum": least, "maximum": LARGEST_INTEGER}
    return fields.Integer(metadata=about, **options)


class CloudEventSchema(Schema):
    """An event as CloudEvents 1.0 has it."""

    specversion = _constant("specversion")
    id = fields.UUID(required=True, metadata={"example": EXAMPLE["id"]})
    source = _constant("source")
    type = _text("type", required=True)
    subject = _text("subject", "The carrier's id.", required=True)
    time = fields.DateTime(required=True, metadata={"example": EXAMPLE["time"]})
    position = fields.Raw(
        required=True,
        metadata={
            "description": "Its place in the feed: 1, 2, 3 … Integers of CloudEvents end at"
            f" {LARGEST_INTEGER}; beyond, it is a string of digits.",
            "example": EXAMPLE["position"],
            "oneOf": [
                {"type": "integer", "minimum": 1, "maximum": LARGEST_INTEGER},
                {"type": "string", "pattern": "^[1-9][0-9]*$"},
            ],
        },
    )
    streamversion = _number("streamversion", 1, required=True)
    correlationid = _text("correlationid", "The X-Request-ID of the request.")
    causationid = _text("causationid", "The command's commit.")
    actor = _text("actor", "The name of the API key.")
    schemaversion = _number("schemaversion", 0)
    datacontenttype = fields.String(
        required=True,
        metadata={
            "description": "text/plain if what is stored is not JSON.",
            "example": EXAMPLE["datacontenttype"],
            "enum": ["application/json", "text/plain"],
        },
    )
    data = fields.Raw(required=True, metadata={"example": EXAMPLE["data"]})


class EventsSchema(Schema):
    """A page of the feed."""

    events = fields.List(fields.Nested(CloudEventSchema), required=True)
    next = fields.Integer(
        required=True,
        metadata={
            "description": "The `after` of the next page: the last position that was looked at.",
            "example": EXAMPLE["position"],
            "minimum": 0,
        },
    )
