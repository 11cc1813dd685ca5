"""The shape of what comes in. Rules of values are the value objects' own."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from marshmallow import (
    RAISE,
    Schema,
    ValidationError,
    fields,
    post_load,
    validate,
    validates_schema,
)

from app.api.schemas.components import COMPONENT, CONTENT_MEDIA_TYPE
from app.api.schemas.profile import EntrySchema, ProfileFields
from app.application.queries import ShowCarrier, ShowHistory
from app.application.strict_json import NotStrictJson, parse
from app.domain.command import Declaration, Given, Input, ListInput, NumberInput, ObjectInput
from app.domain.errors import InvalidValue

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


class NumberField(fields.Integer):
    """A whole number from 1 to `maximum`, as JSON has it; no text, fraction or truth value."""

    def __init__(self, maximum: int = LAST_VERSION, **options: Any) -> None:  # noqa: ANN401
        bound = "on" if maximum == LAST_VERSION else f"to {maximum}"
        sentence = f"The {{{{field}}}} must be a whole number from 1 {bound}"
        missing = "The {{field}} field is required"
        if options.get("allow_none"):
            sentence, missing = f"{sentence}, or null", f"{missing}; it can be null"
        super().__init__(
            validate=validate.Range(1, maximum, error=sentence),
            error_messages={
                "required": missing,
                "null": missing,
                "invalid": sentence,
                "too_large": sentence,
            },
            **options,
        )

    def _validated(self, value: Any) -> int:  # noqa: ANN401 - whatever JSON holds
        if type(value) is not int:
            raise self.make_error("invalid")
        return value


class ObjectField(fields.Nested):
    """An object of texts that becomes a value object."""

    default_error_messages: dict[str, str | list[Any] | dict[Any, Any]] = {
        "required": "The {{field}} field is required",
        "null": "The {{field}} field is required",
    }

    def __init__(self, declared: ObjectInput, shape: type[Schema], **options: Any) -> None:  # noqa: ANN401
        super().__init__(shape, **options)
        self._value = declared.read

    def _deserialize(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the value object
        return self._value(super()._deserialize(*args, **kwargs))


class ListField(fields.List[str]):
    """A list of texts that becomes a value."""

    default_error_messages: dict[str, str | list[Any] | dict[Any, Any]] = {
        "required": "The {{field}} field is required",
        "null": "The {{field}} field is required",
        "invalid": "The {{field}} must be a list",
    }

    def __init__(self, declared: ListInput, **options: Any) -> None:  # noqa: ANN401
        super().__init__(ValueField(str, metadata=dict(declared.keywords)), **options)
        self._value = declared.read

    def _deserialize(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the value
        texts = super()._deserialize(*args, **kwargs)
        try:
            return self._value(texts)
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


class ProfileBodySchema(BodySchema, ProfileFields):
    """A body that has the parts of a profile among its fields."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - Marshmallow's own
        # Said aloud, as Marshmallow then passes over those that are missing: most of them are.
        super().__init__(**{"partial": frozenset(ProfileFields().fields), **options})


class QuerySchema(Schema):
    """The query of an address. Parameters that are not named are refused: one that is quietly
    ignored misleads."""

    class Meta:
        """Marshmallow's options."""

        unknown = RAISE

    error_messages: dict[str, str] = {"unknown": "The {field} parameter is unknown"}

    is_lasting = False
    """Whether a query that means something now means the same for ever, and is sent often: then
    what it means is remembered."""


class QueryBoolean(fields.Boolean):
    """`true` or `false`, and no other way to say it."""

    truthy = {"true"}
    falsy = {"false"}
    default_error_messages: dict[str, str | list[Any] | dict[Any, Any]] = {
        "invalid": "The {{field}} parameter must be true or false"
    }


class QueryInteger(fields.Integer):
    """A whole number in plain digits, from `minimum` to `maximum`."""

    _DIGITS = re.compile(r"0|[1-9][0-9]{0,15}")

    def __init__(self, minimum: int, maximum: int, **options: Any) -> None:  # noqa: ANN401
        sentence = f"The {{{{field}}}} parameter must be a whole number from {minimum} to {maximum}"
        within = validate.Range(minimum, maximum, error=sentence)
        super().__init__(validate=within, error_messages={"invalid": sentence}, **options)

    def _validated(self, value: Any) -> int:  # noqa: ANN401 - as Marshmallow has it
        if not self._DIGITS.fullmatch(value):
            raise self.make_error("invalid")
        return int(value)


class QueryObject(fields.String):
    """A JSON object as text."""

    def __init__(self, metadata: Mapping[str, Any], **options: Any) -> None:  # noqa: ANN401
        about = {**metadata, CONTENT_MEDIA_TYPE: "application/json"}
        super().__init__(metadata=about, **options)

    def _deserialize(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - a dict
        text = super()._deserialize(*args, **kwargs)
        try:
            value = parse(text)
        except NotStrictJson as error:
            raise ValidationError(f"The {{field}} parameter {error.why}") from error
        if not isinstance(value, dict):
            raise ValidationError("The {field} parameter must be a JSON object")
        return value


@cache
def body_schema(declaration: Declaration) -> type[BodySchema]:
    """The request's body as the command is declared: a field for each of its inputs."""
    taken: type[BodySchema] = ProfileBodySchema if declaration.takes_profile else BodySchema
    name = "".join(map(str.capitalize, resource_of(declaration).split("-")))
    schema: Any = taken.from_dict(
        {each.name: _field(each) for each in declaration.inputs}, name=f"{name}Schema"
    )
    schema.__doc__ = declaration.command.__doc__
    schema.least = declaration.any_of[:1]  # what its smallest example has beside required fields
    found: type[BodySchema] = schema
    return found


def resource_of(declaration: Declaration) -> str:
    """The last part of the address that takes the command."""
    return f"{declaration.name}-carrier" if declaration.registers else declaration.name


def rule_of(declaration: Declaration) -> str:
    """The address that takes the command, as a rule of Flask."""
    above = "" if declaration.registers else "/carriers/<uuid:carrier_id>"
    return f"{above}/{resource_of(declaration)}"


def _field(given: Given) -> fields.Field[Any]:
    options: dict[str, Any] = {"metadata": _about(given.input)}
    if given.required:
        options["required"] = True
    elif given.default is None:
        options |= {"load_default": None, "allow_none": True}
    else:  # as a callable: apispec would describe the value object as the default
        options["load_default"] = lambda: given.default
    match given.input:
        case NumberInput():
            return NumberField(**options)
        case ListInput() as declared:
            about = {"description": declared.description, "example": list(declared.example)}
            return ListField(declared, **options | {"metadata": about})
        case ObjectInput() as declared:
            return ObjectField(declared, object_schema(given.name, declared), **options)
    return ValueField(given.input.read, **options)


def _about(described: Input) -> dict[str, Any]:
    about = {
        "description": described.description,
        "example": described.example,
        **described.keywords,
    }
    return about | {COMPONENT: described.type_name} if described.type_name else about


@cache  # one class a shape: OpenAPI names a second one of the same name differently
def object_schema(name: str, declared: ObjectInput) -> type[Schema]:
    """The shape of an object of texts."""
    texts = {
        part: ValueField(described.read, required=True, metadata=_about(described))
        for part, described in declared.parts.items()
    }
    schema: Any = EntrySchema.from_dict(dict(texts), name=f"{name.capitalize()}Schema")
    schema.__doc__ = declared.description
    found: type[Schema] = schema
    return found


@dataclass(frozen=True, slots=True)
class CommandQuery:
    """What the query of a command's address says."""

    dry_run: bool


class DryRunSchema(QuerySchema):
    """The query of every command."""

    dry_run = QueryBoolean(
        load_default=False,
        metadata={"description": "Do everything but the append; say what it would write."},
    )

    @post_load
    def _query(self, data: dict[str, Any], **_: object) -> CommandQuery:
        return CommandQuery(**data)


_MOMENT = (
    "The {{field}} parameter must be a moment with its offset from UTC,"
    " such as 2026-01-31T12:00:00Z; in an address, + is written %2B"
)


def query_moment(
    description: str,
    example: str = "2026-01-31T12:00:00Z",
    **options: Any,  # noqa: ANN401
) -> fields.AwareDateTime:
    """A moment, which a query asks for."""
    return fields.AwareDateTime(
        format="iso",
        error_messages={"invalid": _MOMENT, "invalid_awareness": _MOMENT},
        metadata={"description": description, "example": example},
        **options,
    )


class ShowSchema(QuerySchema):
    """Which state is asked for; now, if neither is given."""

    version = QueryInteger(
        1, LAST_VERSION, metadata={"description": "As it was at this version.", "example": 3}
    )
    at = query_moment("As it was at this moment (ISO 8601, with an offset).")

    @validates_schema
    def _one_of_them(self, data: Mapping[str, Any], **_: object) -> None:
        if {"version", "at"} <= data.keys():
            raise ValidationError(
                "Give either the version or the at parameter, not both", "version"
            )

    @post_load
    def _query(self, data: dict[str, Any], **_: object) -> ShowCarrier:
        return ShowCarrier(**data)


class HistoryQuerySchema(QuerySchema):
    """Which page of a history."""

    after = QueryInteger(
        0, LAST_VERSION, load_default=0, metadata={"description": "Begin after this version."}
    )
    limit = QueryInteger(
        1, 500, load_default=100, metadata={"description": "At most so many events."}
    )

    @post_load
    def _query(self, data: dict[str, Any], **_: object) -> ShowHistory:
        return ShowHistory(**data)
