"""The shape of what comes in. Rules of values are the value objects' own."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

from app.api.profile_schemas import ProfileFields
from app.domain.errors import InvalidValue
from app.domain.values import (
    CATEGORIES,
    EMAIL_MAX_CHARACTERS,
    NAME_MAX_CHARACTERS,
    REASON_MAX_CHARACTERS,
    CarrierName,
    Category,
    EmailAddress,
    Reason,
)

LAST_VERSION = 2**31 - 1


class ValueField(fields.String):
    """Text that becomes a value object, whose broken rule becomes the field's sentence."""

    default_error_messages: dict[str, str | list[Any] | dict[Any, Any]] = {
        "required": "The {{field}} field is required",
        "null": "The {{field}} field is required",
        "invalid": "The {{field}} must be text",
    }

    def __init__(self, value: Callable[[str], Any], **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)
        self._value = value

    def _deserialize(
        self,
        value: Any,  # noqa: ANN401 - whatever JSON holds
        attr: str | None,
        data: Mapping[str, Any] | None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401 - the value object
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return self._value(text)
        except InvalidValue as error:
            raise ValidationError(error.sentence) from error


class BodySchema(Schema):
    """A JSON object in a request's body. Fields that are not named are refused."""

    class Meta:
        """Marshmallow's options."""

        unknown = RAISE

    error_messages: dict[str, str] = {
        "unknown": "The {field} field is unknown",
        "type": "The body must be a JSON object",
    }


class QuerySchema(Schema):
    """The query of an address. Parameters that are not named are refused: one that is quietly
    ignored misleads."""

    class Meta:
        """Marshmallow's options."""

        unknown = RAISE

    error_messages: dict[str, str] = {"unknown": "The {field} parameter is unknown"}


class QueryBoolean(fields.Boolean):
    """`true` or `false`, and no other way to say it."""

    truthy = {"true"}
    falsy = {"false"}
    default_error_messages: dict[str, str | list[Any] | dict[Any, Any]] = {
        "invalid": "The {{field}} parameter must be true or false"
    }


class QueryInteger(fields.Integer):
    """A whole number in plain digits, from `least` to `most`."""

    _DIGITS = re.compile(r"0|[1-9][0-9]{0,15}")

    def __init__(self, least: int, most: int, **options: Any) -> None:  # noqa: ANN401
        sentence = f"The {{{{field}}}} parameter must be a whole number from {least} to {most}"
        within = validate.Range(least, most, error=sentence)
        super().__init__(validate=within, error_messages={"invalid": sentence}, **options)

    def _validated(self, value: Any) -> int:  # noqa: ANN401 - as Marshmallow has it
        if not self._DIGITS.fullmatch(value):
            raise self.make_error("invalid")
        return int(value)


def _name(**options: Any) -> ValueField:  # noqa: ANN401
    return ValueField(
        CarrierName,
        metadata={
            "description": "Trimmed and kept in NFC; no control characters.",
            "example": "FedEx",
            "minLength": 1,
            "maxLength": NAME_MAX_CHARACTERS,
        },
        **options,
    )


def _email(**options: Any) -> ValueField:  # noqa: ANN401
    return ValueField(
        EmailAddress,
        metadata={
            "description": "An e-mail address; international ones included.",
            "example": "contact@fedex.com",
            "format": "idn-email",
            "maxLength": EMAIL_MAX_CHARACTERS,
        },
        **options,
    )


def _reason(**options: Any) -> ValueField:  # noqa: ANN401
    return ValueField(
        Reason,
        metadata={
            "description": "Why, in one line; kept in the carrier's history for ever.",
            "example": "The insurance has expired",
            "minLength": 1,
            "maxLength": REASON_MAX_CHARACTERS,
        },
        **options,
    )


class RegisterCarrierSchema(BodySchema, ProfileFields):
    """Who is to be registered; beside name and e-mail everything is optional."""

    name = _name(required=True)
    email = _email(required=True)


class RenameSchema(BodySchema):
    """What it is called from now on."""

    name = _name(required=True)


class ChangeEmailSchema(BodySchema):
    """Where it is reached from now on."""

    email = _email(required=True)


class UpdateProfileSchema(BodySchema, ProfileFields):
    """The parts of the profile that change; null, [] or {} removes one."""


class SuspendSchema(BodySchema):
    """Why it is suspended."""

    reason = _reason(required=True)
    category = ValueField(
        Category,
        load_default=Category,
        metadata={
            "description": "What it is about.",
            "example": "insurance",
            "enum": list(CATEGORIES),
            "default": "other",
        },
    )


class ReinstateSchema(BodySchema):
    """Why it is reinstated, if that needs saying."""

    reason = _reason(load_default=None, allow_none=True)


class RetireSchema(BodySchema):
    """Why it is retired."""

    reason = _reason(required=True)


class DryRunSchema(QuerySchema):
    """The query of every command."""

    dry_run = QueryBoolean(
        load_default=False,
        metadata={"description": "Do everything but the append; say what it would write."},
    )


_MOMENT = (
    "The {{field}} parameter must be a moment with its offset from UTC,"
    " such as 2026-01-31T12:00:00Z; in an address, + is written %2B"
)


class ShowSchema(QuerySchema):
    """Which state is asked for; now, if neither is given."""

    version = QueryInteger(
        1, LAST_VERSION, metadata={"description": "As it was at this version.", "example": 3}
    )
    at = fields.AwareDateTime(
        format="iso",
        error_messages={"invalid": _MOMENT, "invalid_awareness": _MOMENT},
        metadata={
            "description": "As it was at this moment (ISO 8601, with an offset).",
            "example": "2026-01-31T12:00:00Z",
        },
    )

    @validates_schema
    def _one_of_them(self, data: Mapping[str, Any], **_: object) -> None:
        if len(data) > 1:
            raise ValidationError(
                "Give either the version or the at parameter, not both", "version"
            )


class HistoryQuerySchema(QuerySchema):
    """Which page of a history."""

    after = QueryInteger(
        0, LAST_VERSION, load_default=0, metadata={"description": "Begin after this version."}
    )
    limit = QueryInteger(
        1, 500, load_default=100, metadata={"description": "At most so many events."}
    )
