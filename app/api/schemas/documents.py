"""The shape of what is asked of a carrier's documents, and of the answer."""

from typing import Any

from marshmallow import Schema, fields, post_load

from app.api.schemas.answers import CARRIER_ID
from app.api.schemas.commands import ShowSchema, object_schema
from app.api.schemas.components import COMPONENT
from app.api.schemas.directory import QueryText
from app.application.queries import ShowOnDay
from app.domain.documents import IN_FORCE, KINDS, STANDINGS
from app.domain.inputs import LIMIT
from app.domain.profile.identifiers import day


def query_day(description: str) -> QueryText:
    """A day, which a query asks for."""
    return QueryText(
        lambda text: day("on", text),
        "The {field} parameter must be a day such as 2026-01-31",
        metadata={"description": description, "example": "2026-12-31", "format": "date"},
    )


class ShowOnDaySchema(ShowSchema):
    """Which state is asked for, as of which day. `at` and `version` say what had been recorded
    then, `on` is the day for which it is judged; neither stands for the other."""

    on = query_day(
        "Whether each holds on this day; today in the carrier's time zone (UTC without one), if not"
        " given."
    )

    @post_load
    def _query(self, data: dict[str, Any], **_: object) -> ShowOnDay:
        return ShowOnDay(**data)


class ShowCarrierSchema(ShowOnDaySchema):
    """Which state is asked for, and on which day."""

    on = query_day(
        "On this day, by what is scheduled; if not given, today in the carrier's time zone (UTC"
        " without one), or with `version` or `at` the day of that."
    )


def calendar_day(description: str, example: str | None, **options: Any) -> fields.Date:  # noqa: ANN401
    """A day of an answer."""
    about = {"description": description, "example": example}
    return fields.Date(required=True, metadata=about, **options)


def text(description: str, example: str | None, *, allow_none: bool = True) -> fields.String:
    """A text of an answer."""
    about = {"description": description, "example": example}
    return fields.String(required=True, allow_none=allow_none, metadata=about)


class DocumentSchema(Schema):
    """A document of a carrier, and whether it holds on the day that was asked for."""

    document_id = fields.Integer(
        required=True,
        metadata={"description": "Never given twice.", "example": 1, "minimum": 1},
    )
    kind = fields.String(
        required=True,
        metadata={"example": KINDS[0], "enum": list(KINDS), COMPONENT: "DocumentKind"},
    )
    number = text("What its issuer numbers it with.", "CI-2026-17", allow_none=False)
    issuer = text("Who has issued it.", "Example Insurance plc", allow_none=False)
    valid_from = calendar_day("The first day it is valid.", "2026-01-01")
    valid_to = calendar_day(
        "The last day it is valid; null if it is open.", "2026-12-31", allow_none=True
    )
    limit = fields.Nested(
        object_schema("limit", LIMIT),
        required=True,
        allow_none=True,
        metadata={"description": LIMIT.description, "example": LIMIT.example},
    )
    sha256 = text("The SHA-256 of its file.", None)
    url = text("Where its file is.", None)
    holds = fields.Boolean(
        required=True,
        metadata={"description": "Whether it counts on the day `on`.", "example": True},
    )
    standing = fields.String(
        required=True,
        metadata={
            "description": "What became of it. One that was withdrawn holds on no day, one that"
            " was replaced on its days before the other one begins.",
            "example": IN_FORCE,
            "enum": list(STANDINGS),
            COMPONENT: "DocumentStanding",
        },
    )
    reason = text("Why it was replaced or withdrawn.", None)
    replaced_by = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "The document that took its place.", "example": None},
    )


class DocumentsSchema(Schema):
    """A carrier's documents, in the order in which they were filed."""

    carrier_id = fields.UUID(required=True, metadata={"example": CARRIER_ID})
    version = fields.Integer(
        required=True,
        metadata={"description": "The carrier's version.", "example": 2, "minimum": 1},
    )
    on = calendar_day("The day for which `holds` is said.", "2026-11-26")
    documents = fields.List(fields.Nested(DocumentSchema), required=True)
