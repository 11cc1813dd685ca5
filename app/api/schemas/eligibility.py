"""The shape of the question whether a carrier can be given a piece of work, and of its answer."""

from functools import partial
from typing import Any

from marshmallow import Schema, fields, post_load

from app.api.schemas.answers import CARRIER_ID
from app.api.schemas.commands import QuerySchema, query_moment
from app.api.schemas.components import COMPONENT
from app.api.schemas.directory import COUNTRY, QueryText
from app.api.schemas.documents import calendar_day, query_day
from app.api.schemas.feed import FEED_EXAMPLE
from app.application.queries import JudgeEligibility
from app.application.vetting import ID_PATTERN
from app.domain.blocks import CUSTOMER_MAX_CHARACTERS
from app.domain.profile.coverage import SERVICES, country, known_service
from app.domain.values import one_line

VETTING_ID = f"{CARRIER_ID}-3-0b0a4f5e"


class EligibilityQuerySchema(QuerySchema):
    """Which work."""

    is_lasting = True

    country = QueryText(
        country,
        "The {field} parameter must be an ISO 3166 alpha-2 code, such as DE",
        required=True,
        metadata={"description": "Where.", "example": "DE", "pattern": f"^{COUNTRY}$"},
    )
    service = QueryText(
        known_service,
        f"The {{field}} parameter must be one of {', '.join(SERVICES)}",
        required=True,
        metadata={
            "description": "What.",
            "example": "express",
            "enum": list(SERVICES),
            COMPONENT: "Service",
        },
    )
    customer = QueryText(
        partial(one_line, "customer", CUSTOMER_MAX_CHARACTERS),
        f"The {{field}} parameter must be 1 to {CUSTOMER_MAX_CHARACTERS} characters on one line",
        metadata={
            "description": "For whom: a customer's blocks, preferences and overrides count only if"
            " the customer is named.",
            "example": "ACME",
        },
    )
    on = query_day(
        "The day of the work; today in the carrier's time zone (UTC without one), if not given."
    )
    at = query_moment(
        "By what had been recorded until this moment, of the carrier and of the policy (ISO 8601,"
        " with an offset); until now, if not given."
    )

    @post_load
    def _query(self, data: dict[str, Any], **_: object) -> JudgeEligibility:
        return JudgeEligibility(**data)


class DecidingEventSchema(Schema):
    """The event that decided a rule."""

    version = fields.Integer(required=True, metadata={"example": 1, "minimum": 1})
    event_id = fields.UUID(
        required=True, metadata={"example": "0b0a4f5e-8c9b-5f53-9d0e-2f4f3b8f6a11"}
    )
    type = fields.String(required=True, metadata={"example": "CarrierRegistered"})
    at = fields.DateTime(required=True, metadata={"example": "2026-01-31T12:00:00.000+00:00"})


class RuleSchema(Schema):
    """A rule of eligibility that was looked at."""

    rule = fields.String(
        required=True,
        metadata={
            "description": "`active`, `service` and `country` always count; `recent`, and a kind of"
            " document, and `approved`, if the policy asks for it; `not-blocked` of a carrier that"
            " was ever blocked, `not-on-hold` of one of which a change ever waited for a second"
            " person. A rule that holds by an override has that override's event.",
            "example": "active",
        },
    )
    holds = fields.Boolean(required=True, metadata={"example": True})
    explanation = fields.String(required=True, metadata={"example": "The carrier is active"})
    looked_at = fields.Raw(
        required=True,
        allow_none=True,
        metadata={"description": "The value that the rule has checked.", "example": "active"},
    )
    event = fields.Nested(
        DecidingEventSchema,
        required=True,
        allow_none=True,
        metadata={"description": "The last event that set what the rule looks at."},
    )


class AppliedPreferenceSchema(Schema):
    """A preference that applies to the work."""

    preference_id = fields.Integer(required=True, metadata={"example": 1, "minimum": 1})
    reason = fields.String(required=True, metadata={"example": "Agreed for a year"})


class _JudgedSchema(Schema):
    """Whether a carrier can be given a piece of work, and why."""

    carrier_id = fields.UUID(required=True, metadata={"example": CARRIER_ID})
    policy_version = fields.Integer(
        required=True,
        metadata={
            "description": "The version of the policy that was applied; 0 is the default.",
            "example": 0,
            "minimum": 0,
        },
    )
    on = calendar_day("The day of the work that was judged.", "2026-11-26")
    eligible = fields.Boolean(
        required=True, metadata={"description": "Whether every rule holds.", "example": True}
    )
    rules = fields.List(fields.Nested(RuleSchema), required=True)


class EligibilitySchema(_JudgedSchema):
    """Whether a carrier can be given a piece of work, and why."""

    version = fields.Integer(
        required=True,
        metadata={"description": "The version that was judged.", "example": 1, "minimum": 1},
    )
    preferences = fields.List(
        fields.Nested(AppliedPreferenceSchema),
        metadata={
            "description": "The preferences that apply to the work, which decide nothing; left out"
            " if there is none."
        },
    )


class VettingSchema(_JudgedSchema):
    """A vetting: the answer that somebody got when they asked whether a carrier could be given a
    piece of work, as it was recorded then. It never changes."""

    judged_version = fields.Integer(
        required=True,
        metadata={"description": "The version that was judged.", "example": 1, "minimum": 1},
    )
    preferences = fields.List(
        fields.Nested(AppliedPreferenceSchema),
        required=True,
        metadata={"description": "The preferences that apply to the work, which decide nothing."},
    )
    vetting_id = fields.String(
        required=True, metadata={"example": VETTING_ID, "pattern": f"^{ID_PATTERN}$"}
    )
    at = fields.DateTime(
        required=True,
        metadata={
            "description": "When it was recorded.",
            "example": "2026-01-31T12:00:00.000+00:00",
        },
    )
    who = fields.String(
        required=True, metadata={"description": "Who asked.", "example": "tms-berlin"}
    )
    country = fields.String(required=True, metadata={"example": "DE", "pattern": "^[A-Z]{2}$"})
    service = fields.String(
        required=True, metadata={"example": "express", "enum": list(SERVICES), COMPONENT: "Service"}
    )
    customer = fields.String(required=True, allow_none=True, metadata={"example": None})
    feed = fields.String(
        required=True, metadata={"description": "The feed's id then.", "example": FEED_EXAMPLE}
    )
    position = fields.Integer(
        required=True,
        metadata={
            "description": "The last position that the feed had given then.",
            "example": 41,
            "minimum": 0,
        },
    )
