"""The shape of what the audit is asked."""

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from app.api.schemas.answers import CARRIER_ID
from app.api.schemas.commands import QuerySchema, query_moment
from app.application.queries import AskAudit
from app.domain.column_mappings import COLUMN_MAPPINGS_ID, ColumnMappings
from app.domain.policy.adopt import POLICY_ID
from app.domain.policy.policy import Policy

SUBJECTS = {POLICY_ID: Policy.noun, COLUMN_MAPPINGS_ID: ColumnMappings.noun}
"""What stands in the place of a carrier's id for the streams of other aggregates."""

_STREAMS = {noun: stream for stream, noun in SUBJECTS.items()}

ACTOR_MAX_CHARACTERS = 128

_SUBJECT = rf"{'|'.join(_STREAMS)}|[0-9A-Fa-f]{{8}}(?:-[0-9A-Fa-f]{{4}}){{3}}-[0-9A-Fa-f]{{12}}"


class AuditQuerySchema(QuerySchema):
    """Which changes an audit lists; all that is given must hold."""

    since = query_moment(
        "Only what was recorded at this moment or later (ISO 8601, with an offset).",
        data_key="from",
    )
    until = query_moment(
        "Only what was recorded before this moment.", "2026-02-28T12:00:00Z", data_key="to"
    )
    actor = fields.String(
        validate=validate.Length(
            1,
            ACTOR_MAX_CHARACTERS,
            error=f"The {{{{field}}}} parameter must have 1 to {ACTOR_MAX_CHARACTERS} characters",
        ),
        metadata={
            "description": "Only what was done with the key of exactly this name, or by"
            " `cli:<login>`.",
            "example": "anonymous",
        },
    )
    carrier = fields.String(
        validate=validate.Regexp(
            re.compile(rf"\A(?:{_SUBJECT})\Z"),
            error=f"The {{{{field}}}} parameter must be the id of a carrier, or"
            f" {' or '.join(_STREAMS)}",
        ),
        metadata={
            "description": "Only what happened to this carrier; or"
            f" {' or '.join(f'`{noun}`' for noun in _STREAMS)}.",
            "pattern": f"^(?:{_SUBJECT})$",
            "example": CARRIER_ID,
        },
    )

    @validates_schema
    def _in_order(self, data: Mapping[str, Any], **_: object) -> None:
        if {"since", "until"} <= data.keys() and data["since"] >= data["until"]:
            raise ValidationError("The to parameter must be a later moment than from", "to")

    @post_load
    def _query(self, data: dict[str, Any], **_: object) -> AskAudit:
        carrier = data.pop("carrier", None)
        stream = _STREAMS.get(carrier, carrier and carrier.lower())
        return AskAudit(**data, stream=stream)
