"""The shape of what is answered of a carrier's blocks, preferences and overrides."""

from marshmallow import Schema, fields

from app.api.schemas.answers import CARRIER_ID
from app.api.schemas.components import COMPONENT
from app.api.schemas.documents import calendar_day, text
from app.domain.blocks import OVERRIDABLE
from app.domain.profile.coverage import SERVICES


def _id() -> fields.Integer:
    return fields.Integer(
        required=True,
        metadata={"description": "Never given twice.", "example": 1, "minimum": 1},
    )


class _InstructionSchema(Schema):
    country = text("Only for work in this country; null: in any.", "DE")
    service = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "Only for work of this service; null: of any.",
            "example": "express",
            "enum": list(SERVICES),
            COMPONENT: "Service",
        },
    )
    customer = text("Only for work for this customer; null: for anybody.", None)
    valid_from = calendar_day("The first day it applies.", "2026-12-01")
    valid_to = calendar_day(
        "The last day it applies; null if it is open.", "2026-12-31", allow_none=True
    )
    reason = text("Why it was given.", "Two claims are open", allow_none=False)
    holds = fields.Boolean(
        required=True,
        metadata={
            "description": "Whether it counts on the day `on`, for work that matches.",
            "example": True,
        },
    )
    taken_back = text("Why it was taken back; null while it stands.", None)


class GivenBlockSchema(_InstructionSchema):
    """Work that the carrier is not to be given, and whether that counts on the day that was asked
    for."""

    block_id = _id()


class GivenPreferenceSchema(_InstructionSchema):
    """Work that the carrier is to be asked for first, and whether that counts on the day that was
    asked for."""

    preference_id = _id()


class OverrideSchema(_InstructionSchema):
    """A rule of eligibility that holds for the carrier against its verdict, and whether that counts
    on the day that was asked for."""

    override_id = _id()
    rule = fields.String(
        required=True,
        metadata={
            "example": OVERRIDABLE[0],
            "enum": list(OVERRIDABLE),
            COMPONENT: "OverridableRule",
        },
    )


class BlocksSchema(Schema):
    """A carrier's blocks, preferences and overrides, in the order in which they were given."""

    carrier_id = fields.UUID(required=True, metadata={"example": CARRIER_ID})
    version = fields.Integer(
        required=True,
        metadata={"description": "The carrier's version.", "example": 2, "minimum": 1},
    )
    on = calendar_day("The day for which `holds` is said.", "2026-12-01")
    blocks = fields.List(fields.Nested(GivenBlockSchema), required=True)
    preferences = fields.List(fields.Nested(GivenPreferenceSchema), required=True)
    overrides = fields.List(fields.Nested(OverrideSchema), required=True)
