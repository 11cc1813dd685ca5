"""The shape of what goes out: what `representations.py` and `problem.py` write, for OpenAPI."""

from functools import cache
from typing import Any

from marshmallow import Schema, fields

from app.api.schemas.components import COMPONENT
from app.api.schemas.profile import (
    ABOUT_COVERAGE,
    COUNTRY_OR_WORLDWIDE,
    ListPart,
    ProfileFields,
)
from app.application.projections import PROJECTIONS
from app.domain.carrier import STATES
from app.domain.profile.coverage import SERVICES, WORLDWIDE

CARRIER_ID = "550e8400-e29b-41d4-a716-446655440000"
_MOMENT_SHOWN = "2026-01-31T12:00:00.000+00:00"


def _constant(value: bool) -> fields.Constant[bool]:
    return fields.Constant(value, required=True, metadata={"type": "boolean", "enum": [value]})


def _state() -> fields.String:
    return fields.String(
        required=True,
        metadata={
            "example": "active",
            "enum": list(STATES),
            COMPONENT: "CarrierState",
        },
    )


def _carrier_id() -> fields.UUID:
    return fields.UUID(required=True, metadata={"example": CARRIER_ID})


def _version(description: str, example: int = 2) -> fields.Integer:
    return fields.Integer(
        required=True,
        metadata={"description": description, "example": example, "minimum": 1},
    )


class RegisteredSchema(Schema):
    """The data of a successful registration."""

    message = fields.String(required=True, metadata={"example": "Carrier registered successfully"})
    carrier_id = _carrier_id()


class ChangedSchema(Schema):
    """The data of a change that was carried out."""

    carrier_id = _carrier_id()
    version = _version("The version that the change left the carrier in.")
    state = _state()


class ChangeSchema(Schema):
    """One field of a carrier, before and after."""

    field = fields.String(required=True, metadata={"example": "name"})
    was = fields.Raw(data_key="from", required=True, allow_none=True, metadata={"example": "FedEx"})
    became = fields.Raw(
        data_key="to", required=True, allow_none=True, metadata={"example": "FedEx Express"}
    )


class PlannedEventSchema(Schema):
    """An event that a dry run would append."""

    type = fields.String(required=True, metadata={"example": "CarrierRenamed"})
    data = fields.Dict(required=True, metadata={"example": {"name": "FedEx Express"}})


class PlanSchema(Schema):
    """The data of a dry run."""

    dry_run = _constant(True)
    version = _version("The version that the carrier would be at.")
    state = _state()
    events = fields.List(fields.Nested(PlannedEventSchema), required=True)
    changes = fields.List(fields.Nested(ChangeSchema), required=True)


class HistoryEntrySchema(Schema):
    """One event of a carrier, and what it changed."""

    version = _version("The version that the event made.")
    event_id = fields.UUID(
        required=True, metadata={"example": "0b0a4f5e-8c9b-5f53-9d0e-2f4f3b8f6a11"}
    )
    type = fields.String(required=True, metadata={"example": "CarrierRenamed"})
    at = fields.DateTime(required=True, metadata={"example": _MOMENT_SHOWN})
    who = fields.String(
        required=True,
        metadata={"description": "The name of the API key.", "example": "anonymous"},
    )
    correlation_id = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The X-Request-ID of the request.", "example": "my-request"},
    )
    causation_id = fields.String(required=True, allow_none=True, metadata={"example": None})
    data = fields.Dict(
        required=True,
        metadata={"description": "What the event says.", "example": {"name": "FedEx Express"}},
    )
    changes = fields.List(fields.Nested(ChangeSchema), required=True)


class HistorySchema(Schema):
    """A page of a history."""

    carrier_id = _carrier_id()
    events = fields.List(fields.Nested(HistoryEntrySchema), required=True)
    next = fields.Integer(
        required=True,
        allow_none=True,
        metadata={
            "description": "The `after` of the page that follows; null on the last.",
            "example": None,
        },
    )


class CarrierCoverageSchema(Schema):
    """A service that a carrier offers, and where. Unlike a request, an answer always has a list."""

    service = fields.String(
        required=True,
        metadata={
            "description": "What is offered.",
            "example": "parcel",
            "enum": list(SERVICES),
            COMPONENT: "Service",
        },
    )
    countries = fields.List(
        fields.String(metadata={"pattern": COUNTRY_OR_WORLDWIDE}),
        required=True,
        metadata={
            "description": f'ISO 3166 alpha-2 codes, sorted; or "{WORLDWIDE}" alone.',
            "example": ["DE", "FR"],
            "minItems": 1,
        },
    )


class CarrierSchema(ProfileFields):
    """A carrier as its events tell it."""

    coverage = ListPart(
        fields.Nested(CarrierCoverageSchema), maximum=len(SERVICES), metadata=ABOUT_COVERAGE
    )
    carrier_id = _carrier_id()
    name = fields.String(required=True, metadata={"example": "FedEx"})
    email = fields.String(required=True, metadata={"example": "contact@fedex.com"})
    version = _version("How many events it has.", 1)
    registered_at = fields.DateTime(required=True, metadata={"example": _MOMENT_SHOWN})
    state = _state()
    reason = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Why it is suspended, retired or merged.", "example": None},
    )
    category = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "What a suspension is about.", "example": None},
    )

    merged_into = fields.UUID(
        required=True,
        allow_none=True,
        metadata={
            "description": "The carrier that speaks for it, if it is merged.",
            "example": None,
        },
    )

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Every part is shown, also where a request may leave it out."""
        field_obj.required = True


class PendingSchema(Schema):
    """A change that waits for a second person; the carrier is as it was until then."""

    proposal_id = fields.Integer(
        required=True,
        metadata={"description": "Never given twice.", "example": 1, "minimum": 1},
    )
    changes = fields.Dict(
        keys=fields.String(),
        required=True,
        metadata={
            "description": "Fields, and what they are to be.",
            "example": {"email": "new@fedex.com"},
        },
    )


class ApprovalSchema(Schema):
    """What a second person decided on what the carrier says of itself."""

    granted = fields.Boolean(
        required=True, metadata={"description": "Or else rejected.", "example": True}
    )
    reason = fields.String(required=True, metadata={"example": "Called them"})
    changed = fields.List(
        fields.String(),
        required=True,
        metadata={
            "description": "Fields that are others by now, so that the decision counts no more.",
            "example": [],
        },
    )


class ScheduledSchema(Schema):
    """A change of fields that counts from a day on."""

    change_id = fields.Integer(
        required=True, metadata={"description": "By which it is cancelled.", "example": 1}
    )
    effective_on = fields.Date(required=True, metadata={"example": "2099-01-01"})
    changes = fields.Dict(
        keys=fields.String(),
        required=True,
        metadata={
            "description": "The fields, and what they are to be.",
            "example": {"name": "FedEx Express"},
        },
    )
    reason = fields.String(required=True, metadata={"example": "The contract begins"})


class ShownCarrierSchema(CarrierSchema):
    """A carrier as its events tell it, with what people have to decide on it, or have decided."""

    pending = fields.List(
        fields.Nested(PendingSchema),
        metadata={"description": "What waits for a second person; left out if nothing does."},
    )
    approval = fields.Nested(
        ApprovalSchema,
        metadata={"description": "Left out if nobody has decided."},
    )
    scheduled = fields.List(
        fields.Nested(ScheduledSchema),
        metadata={
            "description": "What is scheduled for later than the day that is shown, in order; left"
            " out if nothing is."
        },
    )

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """See `CarrierSchema`."""
        field_obj.required = field_name not in {"pending", "approval", "scheduled"}


class StatusSchema(Schema):
    """The data of a health check that went well."""

    status = fields.String(required=True, metadata={"example": "alive"})


class ViewStatusSchema(Schema):
    """How far a view is that queries are answered from."""

    view = fields.String(
        required=True,
        metadata={
            "description": "Its name, and the version of the code that makes it.",
            "example": PROJECTIONS["carriers"].key,
        },
    )
    made = fields.Boolean(
        required=True,
        metadata={
            "description": "False while this release makes it: queries get 503 until then.",
            "example": True,
        },
    )
    position = fields.Integer(
        required=True,
        metadata={"description": "The last event of the feed that it holds.", "example": 1204},
    )
    behind = fields.Integer(
        required=True,
        metadata={"description": "How many events of the feed it does not hold.", "example": 0},
    )


class ReadySchema(Schema):
    """The data of an answer that says that the service can take requests."""

    status = fields.String(required=True, metadata={"example": "ready"})
    views = fields.Dict(
        keys=fields.String(),
        values=fields.Nested(ViewStatusSchema),
        required=True,
        metadata={
            "description": "By projection; empty while the views cannot be asked.",
            "example": {
                "carriers": {
                    "view": PROJECTIONS["carriers"].key,
                    "made": True,
                    "position": 1204,
                    "behind": 0,
                }
            },
        },
    )


def _details() -> fields.Dict:
    return fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata={
            "description": "One sentence for each field that is at fault.",
            COMPONENT: "ErrorDetails",
        },
    )


class ErrorSchema(Schema):
    """What went wrong."""

    message = fields.String(required=True)
    code = fields.Integer(required=True, metadata={"description": "The HTTP status."})
    details = _details()


class FailureSchema(Schema):
    """An error, in the envelope of all answers."""

    success = _constant(False)
    error = fields.Nested(ErrorSchema, required=True)


class ProblemSchema(Schema):
    """An error as RFC 9457 has it, for who asks for application/problem+json."""

    type = fields.String(required=True, metadata={"format": "uri-reference"})
    title = fields.String(required=True)
    status = fields.Integer(required=True, metadata={"description": "The HTTP status."})
    detail = fields.String(required=True)
    request_id = fields.String(
        required=True, metadata={"description": "As in the X-Request-ID header and in the log."}
    )
    details = _details()


class StaleFields(Schema):
    """What errors say beside the rest when what is asked for was changed meanwhile."""

    current_version = fields.Integer(
        required=True,
        metadata={
            "description": "The version that it is at; 0 is that of a policy never adopted.",
            "example": 2,
            "minimum": 0,
        },
    )
    since = fields.List(
        fields.Nested(HistoryEntrySchema),
        required=True,
        metadata={"description": "What has happened since the version that If-Match names."},
    )


class StaleErrorSchema(ErrorSchema, StaleFields):
    """It was changed meanwhile."""


class StaleFailureSchema(FailureSchema):
    """It was changed meanwhile, in the envelope of all answers."""

    error = fields.Nested(StaleErrorSchema, required=True)


class StaleProblemSchema(ProblemSchema, StaleFields):
    """It was changed meanwhile, as RFC 9457 has it."""


@cache  # one class a shape: OpenAPI names a second one of the same name differently
def success_of(data: type[Schema]) -> type[Schema]:
    """The envelope around `data`, as a schema."""
    envelope = Schema.from_dict(
        {
            "success": _constant(True),
            "data": fields.Nested(data, required=True),
        },
        name=data.__name__.removesuffix("Schema") + "Success",
    )
    envelope.__doc__ = f"The envelope of a success. {data.__doc__}"
    return envelope
