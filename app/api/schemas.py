"""The shape of what comes in and goes out. Rules of values are the value objects' own."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields

from app.domain.errors import InvalidValue
from app.domain.values import (
    EMAIL_MAX_CHARACTERS,
    NAME_MAX_CHARACTERS,
    CarrierName,
    EmailAddress,
)


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


class RegisterCarrierSchema(BodySchema):
    """Who is to be registered."""

    name = ValueField(
        CarrierName,
        required=True,
        metadata={
            "description": "Trimmed and kept in NFC; no control characters.",
            "example": "FedEx",
            "minLength": 1,
            "maxLength": NAME_MAX_CHARACTERS,
        },
    )
    email = ValueField(
        EmailAddress,
        required=True,
        metadata={
            "description": "An e-mail address; international ones included.",
            "example": "contact@fedex.com",
            "maxLength": EMAIL_MAX_CHARACTERS,
        },
    )


class RegisteredSchema(Schema):
    """The data of a successful registration."""

    message = fields.String(required=True, metadata={"example": "Carrier registered successfully"})
    carrier_id = fields.UUID(required=True)


class CarrierSchema(Schema):
    """A carrier as its events tell it."""

    carrier_id = fields.UUID(required=True)
    name = fields.String(required=True, metadata={"example": "FedEx"})
    email = fields.String(required=True, metadata={"example": "contact@fedex.com"})
    version = fields.Integer(required=True, metadata={"description": "How many events it has."})
    registered_at = fields.DateTime(required=True)


class StatusSchema(Schema):
    """The data of a health check that went well."""

    status = fields.String(required=True, metadata={"example": "alive"})


class ErrorSchema(Schema):
    """What went wrong. `details` maps a field to one sentence."""

    message = fields.String(required=True)
    code = fields.Integer(required=True, metadata={"description": "The HTTP status."})
    details = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class FailureSchema(Schema):
    """Every answer that is not a success."""

    success = fields.Constant(False, required=True)
    error = fields.Nested(ErrorSchema, required=True)


@cache  # one class a shape: OpenAPI names a second one of the same name differently
def success_of(data: type[Schema]) -> type[Schema]:
    """The envelope around `data`, as a schema."""
    return Schema.from_dict(
        {
            "success": fields.Constant(True, required=True),
            "data": fields.Nested(data, required=True),
        },
        name=data.__name__.removesuffix("Schema") + "Success",
    )
