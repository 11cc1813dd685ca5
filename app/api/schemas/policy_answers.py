"""The shape of what goes out at the policy's addresses."""

from marshmallow import Schema, fields

from app.api.schemas.answers import ChangeSchema, HistoryEntrySchema, PlannedEventSchema
from app.api.schemas.policy import PolicyBodySchema

_EXAMPLE_MOMENT = "2026-01-31T12:00:00.000+00:00"


def version_field(description: str, example: int = 1) -> fields.Integer:
    """A version of the policy; 0 as long as none was adopted."""
    about = {"description": description, "example": example, "minimum": 0}
    return fields.Integer(required=True, metadata=about)


class PolicySchema(Schema):
    """The policy as its events tell it."""

    version = version_field("How many policies were adopted; 0 for the default.")
    adopted_at = fields.DateTime(
        required=True,
        allow_none=True,
        metadata={
            "description": "When this one was; null for the default.",
            "example": _EXAMPLE_MOMENT,
        },
    )
    policy = fields.Nested(PolicyBodySchema, required=True)


class AdoptedSchema(Schema):
    """The data of a policy that was adopted."""

    version = version_field("The version that the policy is at.")


class EffectGroupSchema(Schema):
    """Carriers whose eligibility would change, with the reasons."""

    carriers = fields.Integer(required=True, metadata={"example": 3, "minimum": 0})
    by_reason = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata={
            "description": "For how many of them a rule is a reason; a carrier may have several.",
            "example": {"cargo-insurance": 3},
        },
    )


class EffectSchema(Schema):
    """What another policy would do to the active carriers, each judged for all work that it
    offers."""

    position = fields.Integer(
        required=True,
        metadata={
            "description": "The position of the feed up to which the view holds them.",
            "example": 1204,
            "minimum": 0,
        },
    )
    looked_at = fields.Integer(
        required=True,
        metadata={"description": "How many were judged.", "example": 250, "minimum": 0},
    )
    complete = fields.Boolean(
        required=True,
        metadata={
            "description": "False if there was no time for all of them: what is said is of those"
            " that were judged.",
            "example": True,
        },
    )
    become = fields.Nested(
        EffectGroupSchema,
        required=True,
        metadata={"description": "Would be eligible for some work that they are not eligible for."},
    )
    cease = fields.Nested(
        EffectGroupSchema,
        required=True,
        metadata={"description": "Would no longer be eligible for some work that they are now."},
    )


class PolicyPlanSchema(Schema):
    """The data of a dry run."""

    dry_run = fields.Constant(True, required=True, metadata={"type": "boolean", "enum": [True]})
    version = version_field("The version that the policy would be at.")
    events = fields.List(fields.Nested(PlannedEventSchema), required=True)
    changes = fields.List(fields.Nested(ChangeSchema), required=True)
    effect = fields.Nested(
        EffectSchema,
        required=True,
        allow_none=True,
        metadata={"description": "Null while the view that says so is being made."},
    )


class PolicyHistorySchema(Schema):
    """A page of the policy's history."""

    events = fields.List(fields.Nested(HistoryEntrySchema), required=True)
    next = fields.Integer(
        required=True,
        allow_none=True,
        metadata={
            "description": "The `after` of the page that follows; null on the last.",
            "example": None,
        },
    )
