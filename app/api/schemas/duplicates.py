"""The shape of the questions for duplicates and of their answers."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load

from app.api.schemas.answers import CARRIER_ID
from app.api.schemas.commands import QueryInteger, QuerySchema
from app.api.schemas.components import COMPONENT
from app.application.directory.comparison import DEFAULT_SCORE
from app.application.directory.duplicates import DuplicatesQuery
from app.application.directory.query import BadCursor
from app.domain.state import ACTIVE, STATES


class ScoreSchema(QuerySchema):
    """How alike two carriers must be."""

    min_score = QueryInteger(
        1,
        100,
        load_default=DEFAULT_SCORE,
        metadata={"description": "Only pairs that score so much or more."},
    )


class DuplicatesQuerySchema(ScoreSchema):
    """Which page of the pairs."""

    limit = QueryInteger(
        1,
        100,
        load_default=25,
        metadata={
            "description": "The page ends with the carrier by which so many pairs are reached; it"
            " has the others of that carrier too."
        },
    )
    cursor = fields.String(metadata={"description": "The `next` of the page before."})

    @post_load
    def _query(self, data: dict[str, Any], **_: object) -> DuplicatesQuery:
        query = DuplicatesQuery(**data)
        try:
            query.walk().after()
        except BadCursor as error:
            raise ValidationError(
                "The {field} parameter must be the next of a page of duplicates", "cursor"
            ) from error
        return query


_TWO = [
    {"carrier_id": CARRIER_ID, "name": "FedEx", "state": ACTIVE},
    {
        "carrier_id": "6fa459ea-ee8a-4ca4-894e-db77e160355e",
        "name": "Fed Ex Inc.",
        "state": ACTIVE,
    },
]


class LikeCarrierSchema(Schema):
    """A carrier that may be the same company as another."""

    carrier_id = fields.UUID(required=True, metadata={"example": CARRIER_ID})
    name = fields.String(required=True, metadata={"example": "FedEx"})
    state = fields.String(
        required=True,
        metadata={"example": ACTIVE, "enum": list(STATES), COMPONENT: "CarrierState"},
    )


class LikenessSchema(Schema):
    """One thing that two carriers have in common."""

    kind = fields.String(
        required=True,
        metadata={"example": "domain", "enum": ["identifier", "phone", "domain", "name"]},
    )
    explanation = fields.String(
        required=True, metadata={"example": "Both use the domain fedex.com"}
    )


class PairSchema(Schema):
    """Two carriers that may be one company, and why."""

    score = fields.Integer(
        required=True,
        metadata={
            "description": "The chance in percent, as if each reason were evidence of its own.",
            "example": 50,
            "minimum": 1,
            "maximum": 100,
        },
    )
    reasons = fields.List(fields.Nested(LikenessSchema), required=True)
    carriers = fields.List(
        fields.Nested(LikeCarrierSchema),
        required=True,
        metadata={
            "description": "The two, the one that was registered first before the other.",
            "example": _TWO,
            "minItems": 2,
            "maxItems": 2,
        },
    )


class DuplicatesSchema(Schema):
    """A page of pairs, in the order in which the later carrier of each was registered."""

    pairs = fields.List(fields.Nested(PairSchema), required=True)
    next = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "The `cursor` of the page that follows; null on the last. A page may"
            " have fewer pairs than `limit`, even none, and still not be the last: a page looks at"
            " so many carriers and no more.",
            "example": None,
        },
    )


class CarrierDuplicatesSchema(Schema):
    """The pairs of one carrier, the likeliest first."""

    carrier_id = fields.UUID(required=True, metadata={"example": CARRIER_ID})
    pairs = fields.List(fields.Nested(PairSchema), required=True)
