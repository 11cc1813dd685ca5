"""Imports of CSV: the values of a row, by the very schema that a registration's body has; the
query; and the answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import (
    Schema,
    ValidationError,
    fields,
    post_load,
    validate,
    validates_schema,
)

from app.api.http.validation import sentences
from app.api.schemas.answers import CARRIER_ID, ChangeSchema
from app.api.schemas.commands import QueryBoolean, QueryObject, QuerySchema, body_schema
from app.application.imports.plan import KINDS
from app.application.imports.rows import BadValues
from app.domain.column_mappings import MAX_NAME_CHARACTERS
from app.domain.commands.register import DECLARATION

NAME_MAX_CHARACTERS = 100

_schema = body_schema(DECLARATION)(partial=True)
_SAYS_SOMETHING = validate.Length(
    1, error="The {{field}} parameter must not be empty; leave it out"
)


def read_values(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values of the fields that are there. Raises BadValues."""
    try:
        values: Mapping[str, Any] = _schema.load(body)
    except ValidationError as error:
        raise BadValues(sentences({"row": dict(error.messages_dict)})) from error
    return values


@dataclass(frozen=True, slots=True)
class ImportQuery:
    """What the query of an import says."""

    dry_run: bool
    name: str
    columns: Mapping[str, Any] | None
    mapping: str | None
    keep_mapping: str | None


class ImportQuerySchema(QuerySchema):
    """Whether rows are applied, and which import of a file it is."""

    dry_run = QueryBoolean(
        load_default=False,
        metadata={"description": "Only the plan: say what each row would do."},
    )
    name = fields.String(
        load_default="",
        validate=validate.Length(
            max=NAME_MAX_CHARACTERS,
            error=f"The {{{{field}}}} parameter must be at most {NAME_MAX_CHARACTERS} characters",
        ),
        metadata={
            "description": "Makes it another import than one of the same file before: each row of"
            " an import is done once.",
            "example": "second",
            "maxLength": NAME_MAX_CHARACTERS,
        },
    )
    columns = QueryObject(
        load_default=None,
        metadata={
            "description": "Read the columns by this JSON object: the field by the column's name,"
            " as `columns` of an answer has it. A column that it does not name, or that is null, is"
            " left alone. Without it they are guessed.",
            "example": '{"Company": "name", "E-Mail": "email"}',
        },
    )
    mapping = fields.String(
        load_default=None,
        validate=_SAYS_SOMETHING,
        metadata={
            "description": "Read the columns by the mapping that is kept under this name, of"
            " `GET /imports/mappings`; without one they are guessed.",
            "example": "monthly",
            "minLength": 1,
            "maxLength": MAX_NAME_CHARACTERS,
        },
    )
    keep_mapping = fields.String(
        load_default=None,
        validate=_SAYS_SOMETHING,
        metadata={
            "description": "Keep, for all who import, which column was taken for which field,"
            " under this name and in the place of a former mapping. Not with `dry_run`.",
            "example": "monthly",
            "minLength": 1,
            "maxLength": MAX_NAME_CHARACTERS,
        },
    )

    @validates_schema(skip_on_field_errors=True)
    def _keeps_nothing_in_a_dry_run(self, data: Mapping[str, Any], **_: object) -> None:
        if data["dry_run"] and data["keep_mapping"]:
            raise ValidationError(
                "The {field} parameter cannot be given with dry_run, which keeps nothing",
                "keep_mapping",
            )

    @validates_schema(skip_on_field_errors=True)
    def _reads_columns_in_one_way(self, data: Mapping[str, Any], **_: object) -> None:
        if data["columns"] is not None and data["mapping"]:
            raise ValidationError(
                "The {field} parameter cannot be given with mapping, which says the same",
                "columns",
            )

    @post_load
    def _query(self, data: dict[str, Any], **_: object) -> ImportQuery:
        return ImportQuery(**data)


class ImportRowSchema(Schema):
    """A row of a file."""

    row = fields.Integer(
        required=True,
        metadata={
            "description": "As a spreadsheet counts: the header is row 1.",
            "example": 2,
            "minimum": 2,
        },
    )
    action = fields.String(
        required=True,
        metadata={"description": "What it does.", "example": "create", "enum": list(KINDS)},
    )
    done = fields.Boolean(
        required=True,
        metadata={"description": "Whether it was done, now or before.", "example": True},
    )
    carrier_id = fields.UUID(
        required=True,
        allow_none=True,
        metadata={
            "description": "Its carrier, also one that it would register.",
            "example": CARRIER_ID,
        },
    )
    version = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "That of the carrier, if there is one.", "example": 1},
    )
    changes = fields.List(
        fields.Nested(ChangeSchema),
        required=True,
        metadata={"description": "Empty for a row that was done before."},
    )
    column = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Of a refused row: the column at fault.", "example": None},
    )
    sentence = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Of a refused row: why.", "example": None},
    )


class ImportSchema(Schema):
    """What the rows of a file do, or did."""

    import_id = fields.UUID(
        required=True,
        metadata={
            "description": "The same for the same file and name; the `correlation_id` of its"
            " events, without hyphens.",
            "example": "0d9f6a52-c1f0-5f1f-8a4b-e8f2b8f3c9d1",
        },
    )
    columns = fields.Dict(
        required=True,
        metadata={
            "description": "The field that each column was taken for; null: left alone.",
            "example": {"Company": "name", "E-Mail": "email"},
        },
    )
    rows = fields.List(fields.Nested(ImportRowSchema), required=True)
    refused_file = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "A CSV of the refused rows among them, with the reason in a last column"
            " that an import leaves alone; null if there is none.",
            "example": None,
        },
    )
    next_row = fields.Integer(
        required=True,
        allow_none=True,
        metadata={
            "description": "The first row that there was no time for: send the same again. Null:"
            " all rows were looked at.",
            "example": None,
        },
    )


class MappingForgottenSchema(Schema):
    """The data of a column mapping that is kept no longer."""

    version = fields.Integer(
        required=True,
        metadata={
            "description": "The version that all mappings together are at; with `dry_run`, would"
            " be at.",
            "example": 2,
            "minimum": 1,
        },
    )


class ColumnMappingsSchema(Schema):
    """The column mappings that are kept for imports."""

    version = fields.Integer(
        required=True,
        metadata={
            "description": "That of all mappings together; 0 as long as none was kept.",
            "example": 1,
            "minimum": 0,
        },
    )
    mappings = fields.Dict(
        keys=fields.String(),
        values=fields.Dict(),
        required=True,
        metadata={
            "description": "By name: the field that each column is taken for; null: left alone.",
            "example": {"monthly": {"Company": "name", "E-Mail": "email"}},
        },
    )
