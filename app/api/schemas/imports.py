"""The values of a row of CSV, by the very schema that the body of a registration has."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError

from app.api.http.validation import sentences
from app.api.schemas.commands import body_schema
from app.application.imports.rows import BadValues
from app.domain.commands.register import DECLARATION

_schema = body_schema(DECLARATION)(partial=True)


def read_values(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values of the fields that are there. Raises BadValues."""
    try:
        values: Mapping[str, Any] = _schema.load(body)
    except ValidationError as error:
        raise BadValues(sentences({"row": dict(error.messages_dict)})) from error
    return values
