"""The shape of what goes in and out of the feed's addresses."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import Schema, fields, post_load, validate

from app.api.resources.cloud_events import LARGEST_INTEGER, SOURCES, TYPES
from app.api.schemas.answers import CARRIER_ID
from app.api.schemas.commands import QueryInteger, QuerySchema
from app.application.access.tickets import TICKET_SECONDS
from app.application.queries import FollowFeed, ReadFeed
from app.domain.carrier import Carrier

LAST_POSITION = 2**53 - 1
"""What every reader of JSON can count to (RFC 7493, 2.2)."""

LONGEST_WAIT = 30

FEED_ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
"""What the id of a feed looks like, as a regular expression."""

FEED_EXAMPLE = "7c9e6679-7425-40de-944b-e07fc1f90ae7"

EXAMPLE = {
    "specversion": "1.0",
    "id": "0b0a4f5e-8c9b-5f53-9d0e-2f4f3b8f6a11",
    "source": SOURCES[Carrier.noun],
    "type": "CarrierRenamed",
    "subject": CARRIER_ID,
    "time": "2026-01-31T12:00:00.000+00:00",
    "feed": FEED_EXAMPLE,
    "position": 8,
    "streamversion": 2,
    "correlationid": "my-request",
    "causationid": "5d3c2a1b-8c9b-4f53-9d0e-2f4f3b8f6a11",
    "actor": "anonymous",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
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
        metadata={
            "description": "Begin after this position; one that the feed has not given yet is"
            " refused.",
            "example": 0,
        },
    )


def _feed() -> fields.String:
    return fields.String(
        load_default=None,
        validate=validate.Regexp(
            re.compile(rf"\A{FEED_ID}\Z"), error="The {{field}} parameter must be the id of a feed"
        ),
        metadata={
            "description": "The feed that `after` is a position of, as its pages and events say: if"
            " it is another one by now, 410. Without it a position of before a restore cannot be"
            " told from one of after it.",
            "pattern": f"^{FEED_ID}$",
        },
    )


def _ticket() -> fields.String:
    return fields.String(
        load_default=None,
        metadata={
            "description": "A ticket of `POST /events/ticket`, for browsers, whose EventSource"
            " sends no Authorization header; beside that header it does not count."
        },
    )


class TicketQuerySchema(QuerySchema):
    """Nothing can be said of a ticket that is wanted."""


class TicketSchema(Schema):
    """What a page shows instead of an API key."""

    ticket = fields.String(
        required=True,
        metadata={
            "description": "For `?ticket=`. Who needs no key gets one that is good for as long as"
            " none is needed.",
            "example": "abcdefghijkl.1769860860.0m3pQ8vY5v9c2wXz7mJ1k4nT6rB0sD8fG2hL5qW9eRt",
        },
    )
    expires_in = fields.Integer(
        required=True,
        metadata={
            "description": "For so many seconds a stream can be begun with it; one that has begun"
            " goes on.",
            "example": TICKET_SECONDS,
            "minimum": 1,
        },
    )


class StreamQuerySchema(QuerySchema):
    """Where a stream begins, and what it holds."""

    ticket = _ticket()
    feed = _feed()
    after = _after()
    type = EventTypes()

    @post_load
    def _query(self, data: dict[str, Any], **_: object) -> FollowFeed:
        return FollowFeed(data["feed"], data["after"], data["type"])


class EventsQuerySchema(QuerySchema):
    """Which page of the feed."""

    ticket = _ticket()
    feed = _feed()
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

    @post_load
    def _query(self, data: dict[str, Any], **_: object) -> ReadFeed:
        return ReadFeed(data["feed"], data["after"], data["type"], data["limit"], data["wait"])


def _text(
    name: str,
    description: str | None = None,
    enum: Sequence[str] = (),
    **options: Any,  # noqa: ANN401
) -> fields.String:
    about: dict[str, Any] = {"description": description} if description else {}
    about |= {"enum": list(enum)} if enum else {}
    return fields.String(metadata={"example": EXAMPLE[name], **about}, **options)


def _constant(name: str) -> fields.String:
    return fields.String(
        required=True, metadata={"example": EXAMPLE[name], "enum": [EXAMPLE[name]]}
    )


def _feed_id(description: str) -> fields.String:
    about = {"description": description, "example": FEED_EXAMPLE, "pattern": f"^{FEED_ID}$"}
    return fields.String(required=True, metadata=about)


def _number(name: str, minimum: int, **options: Any) -> fields.Integer:  # noqa: ANN401
    about = {"example": EXAMPLE[name], "minimum": minimum, "maximum": LARGEST_INTEGER}
    return fields.Integer(metadata=about, **options)


class CloudEventSchema(Schema):
    """An event as CloudEvents 1.0 has it."""

    specversion = _constant("specversion")
    id = fields.UUID(required=True, metadata={"example": EXAMPLE["id"]})
    source = _text(
        "source",
        "What the event is of: a carrier, the policy, or the column mappings of imports.",
        required=True,
        enum=list(SOURCES.values()),
    )
    type = _text("type", required=True)
    subject = _text(
        "subject", "The id of the carrier, of the policy, or of the column mappings.", required=True
    )
    time = fields.DateTime(required=True, metadata={"example": EXAMPLE["time"]})
    feed = _feed_id("The feed that `position` is a position of; `id` outlives it.")
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
    traceparent = _text(
        "traceparent",
        "If the command was traced: its span (CloudEvents' extension for distributed tracing).",
    )
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
    feed = _feed_id("The feed's id, another one after a restore: keep it with `next`.")
    head = fields.Integer(
        required=True,
        metadata={
            "description": "The last position that the feed has given.",
            "example": EXAMPLE["position"],
            "minimum": 0,
        },
    )
