"""The shape of what goes in at the policy's addresses. Rules of values are the domain's."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate

from app.api.schemas.commands import (
    LAST_VERSION,
    BodySchema,
    NumberField,
    QueryInteger,
    ShowSchema,
    ValueField,
    object_schema,
)
from app.api.schemas.components import COMPONENT
from app.api.schemas.profile import EntrySchema
from app.domain.documents import KINDS
from app.domain.errors import InvalidValue
from app.domain.inputs import LIMIT
from app.domain.policy.terms import (
    GUARDED_FIELDS,
    MAX_DAYS,
    MAX_REQUIREMENTS,
    Terms,
)
from app.domain.profile.coverage import SERVICES, country, known_service
from app.domain.values import one_of

POLICY_RULE = "/policy"
"""The address of the policy, as a rule of Flask."""

_Messages = dict[str, str | list[Any] | dict[Any, Any]]


def _messages(what: str) -> _Messages:
    sentence = f"The {{{{field}}}} must be {what}"
    return {
        "required": "The {{field}} field is required",
        "null": sentence,
        "invalid": sentence,
        "too_large": sentence,
    }


class TruthValue(fields.Boolean):
    """`true` or `false`, and nothing that stands for one."""

    def _deserialize(
        self,
        value: Any,  # noqa: ANN401 - whatever JSON holds
        attr: str | None,
        data: Mapping[str, Any] | None,
        **kwargs: Any,  # noqa: ANN401
    ) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid")
        return value


class RequirementSchema(EntrySchema):
    """A kind of document that a carrier needs for a service in a country."""

    kind = ValueField(
        partial(one_of, "kind", KINDS),
        required=True,
        metadata={
            "description": "The kind of document.",
            "example": "cargo-insurance",
            "enum": list(KINDS),
            COMPONENT: "DocumentKind",
        },
    )
    service = ValueField(
        known_service,
        load_default=None,
        allow_none=True,
        metadata={
            "description": "The service that it is needed for; null for any.",
            "example": "express",
            "enum": list(SERVICES),
            COMPONENT: "Service",
        },
    )
    country = ValueField(
        country,
        load_default=None,
        allow_none=True,
        metadata={
            "description": "The country (ISO 3166 alpha-2) that it is needed in; null for any.",
            "example": "DE",
            "pattern": "^[A-Za-z]{2}$",
        },
    )
    minimum = fields.Nested(
        object_schema("limit", LIMIT),
        load_default=None,
        allow_none=True,
        error_messages=_messages("a JSON object"),
        metadata={
            "description": "The least limit that it must have; null for any, and for a kind"
            " that has none."
        },
    )


class PolicyBodySchema(BodySchema):
    """A whole policy: what is asked of a carrier that is to be given work. A member that asks for
    nothing is an empty list, null or false; none may be left out, as a policy is replaced as a
    whole."""

    requirements = fields.List(
        fields.Nested(RequirementSchema, error_messages=_messages("a JSON object")),
        required=True,
        error_messages=_messages("a list"),
        validate=validate.Length(
            max=MAX_REQUIREMENTS, error=f"There must be at most {MAX_REQUIREMENTS} requirements"
        ),
        metadata={
            "description": "The documents that are needed. Of one kind the most that any"
            " requirement asks for is needed; each names its service and country once.",
            "example": [
                {
                    "kind": "cargo-insurance",
                    "service": "express",
                    "country": None,
                    "minimum": {"amount": "100000", "currency": "EUR"},
                }
            ],
        },
    )
    recent_within_days = NumberField(
        MAX_DAYS,
        required=True,
        allow_none=True,
        metadata={
            "description": "How many days ago a carrier's name, address or profile may have been"
            " changed for the last time; null: however many.",
            "example": 365,
        },
    )
    approval_required = TruthValue(
        required=True,
        error_messages=_messages("true or false"),
        metadata={
            "description": "Whether a carrier is to be approved before it is given work.",
            "example": False,
        },
    )
    second_person_for = fields.List(
        ValueField(
            partial(one_of, "second_person_for", GUARDED_FIELDS),
            metadata={"enum": list(GUARDED_FIELDS), COMPONENT: "GuardedField"},
        ),
        required=True,
        error_messages=_messages("a list"),
        validate=validate.Length(
            max=len(GUARDED_FIELDS),
            error=f"The {{{{field}}}} must name at most {len(GUARDED_FIELDS)} fields",
        ),
        metadata={
            "description": "The fields of a carrier whose change is to be confirmed by a second"
            " person.",
            "example": ["email"],
        },
    )

    @post_load
    def _terms(self, data: dict[str, Any], **_: object) -> Terms:
        try:
            return Terms.from_json(data)
        except InvalidValue as error:
            raise ValidationError(error.sentence, "requirements") from error


class ShowPolicySchema(ShowSchema):
    """Which policy is asked for; the one that holds, if neither is given."""

    version = QueryInteger(
        0,
        LAST_VERSION,
        metadata={"description": "As it was at this version; 0 is the default.", "example": 1},
    )
