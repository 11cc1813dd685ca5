"""The shape of a carrier's profile as it comes in. Rules of values are the domain's own."""

from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validates_schema

from app.api.schemas.components import COMPONENT
from app.domain.errors import InvalidValue
from app.domain.profile import PROFILE_PARTS
from app.domain.profile.bank import BANK_REFERENCE_MAX_CHARACTERS
from app.domain.profile.contact import (
    ALIASES_MAX,
    TRACKING_NUMBER,
    URL_MAX_CHARACTERS,
    PhoneNumber,
    alias,
    at_most,
)
from app.domain.profile.coverage import SERVICES, WORLDWIDE, countries, known_service
from app.domain.profile.identifiers import (
    IDENTIFIERS_MAX,
    SCHEMES,
    day,
    identifier_value,
    in_order,
    known_scheme,
)
from app.domain.profile.metadata import METADATA_MAX_KEYS
from app.domain.profile.people import (
    CONTACT_NAME_MAX_CHARACTERS,
    CONTACTS_MAX,
    ROLES,
    contact_name,
    reachable,
    role,
)
from app.domain.profile.tags import TAG_MAX_CHARACTERS, TAGS_MAX, tag
from app.domain.values import EMAIL_MAX_CHARACTERS, NAME_MAX_CHARACTERS, EmailAddress

COUNTRY_OR_WORLDWIDE = f"^([A-Za-z]{{2}}|{WORLDWIDE})$"

ABOUT_COVERAGE: Mapping[str, Any] = {
    "description": "What is offered where. None means unknown.",
    "example": [
        {"service": "parcel", "countries": ["DE", "FR"]},
        {"service": "air", "countries": [WORLDWIDE]},
    ],
    "maxItems": len(SERVICES),
}

_Messages = dict[str, str | list[Any] | dict[Any, Any]]

_TEXT: _Messages = {
    "required": "The {{field}} field is required",
    "null": "The {{field}} must be text",
    "invalid": "The {{field}} must be text",
}
_LIST: _Messages = {
    "required": "The {{field}} field is required",
    "null": "The {{field}} must be a list",
    "invalid": "The {{field}} must be a list",
}
_OBJECT: _Messages = {"null": "The {{field}} must be a JSON object"}


def _ruled(rule: Callable[..., object], *given: object, field: str = "_schema") -> None:
    """Let a broken rule of the domain be the sentence of the field."""
    try:
        rule(*given)
    except InvalidValue as error:
        raise ValidationError(error.sentence, field) from error


def _text(rule: Callable[[str], object], **options: Any) -> fields.String:  # noqa: ANN401
    """Text that keeps a rule of the domain."""
    return fields.String(error_messages=_TEXT, validate=lambda text: _ruled(rule, text), **options)


class PartField(fields.Field[Any]):
    """A part of the profile, loaded into its normal form. Comes before the field that knows the
    part's shape."""

    def _deserialize(
        self,
        value: Any,  # noqa: ANN401 - whatever JSON holds
        attr: str | None,
        data: Mapping[str, Any] | None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401 - JSON in the part's shape
        shaped = super()._deserialize(value, attr, data, **kwargs)
        try:
            return PROFILE_PARTS[str(self.name)].normal(shaped)
        except InvalidValue as error:
            raise ValidationError(error.sentence) from error


class TextPart(PartField, fields.String):
    """A part that is text, or null when unset."""


class ListPart(PartField, fields.List[Any]):
    """A part that is a list, counted before any of it is looked at."""

    def __init__(self, inner: fields.Field[Any], *, maximum: int, **options: Any) -> None:  # noqa: ANN401
        super().__init__(inner, **options)
        self._maximum = maximum

    def _deserialize(
        self,
        value: Any,  # noqa: ANN401 - whatever JSON holds
        attr: str | None,
        data: Mapping[str, Any] | None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401 - JSON in the part's shape
        if not isinstance(value, list):
            raise self.make_error("invalid")
        _ruled(at_most, self.name, len(value), self._maximum)
        return super()._deserialize(value, attr, data, **kwargs)


class ObjectPart(PartField, fields.Raw):
    """A part that is any JSON object."""


class CountriesField(fields.List[Any]):
    """Codes; or the one word, as a list or by itself."""

    def _deserialize(
        self,
        value: Any,  # noqa: ANN401 - whatever JSON holds
        attr: str | None,
        data: Mapping[str, Any] | None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401 - a list of text
        if value == WORLDWIDE:
            return [WORLDWIDE]
        if not isinstance(value, list):
            raise self.make_error("invalid")
        return super()._deserialize(value, attr, data, **kwargs)


class EntrySchema(Schema):
    """An object in a list. Fields that are not named are refused."""

    class Meta:
        """Marshmallow's options."""

        unknown = RAISE

    error_messages: dict[str, str] = {  # noqa: RUF012 - Marshmallow's own way
        "unknown": "The {field} field is unknown",
        "type": "The {field} must be a JSON object",
    }


class IdentifierSchema(EntrySchema):
    """A number or code under which others know the carrier."""

    scheme = _text(
        known_scheme,
        required=True,
        metadata={
            "description": "Who gives the identifier; `own` is the caller's.",
            "example": "scac",
            "enum": list(SCHEMES),
            COMPONENT: "IdentifierScheme",
        },
    )
    value = fields.String(
        required=True,
        error_messages=_TEXT,
        metadata={
            "description": "In the format of its scheme; kept in upper case.",
            "example": "FDEG",
            "minLength": 1,
        },
    )
    valid_from = _text(
        lambda text: day("valid_from", text),
        allow_none=True,
        metadata={
            "description": "The first day it is valid.",
            "example": "2026-01-01",
            "format": "date",
        },
    )
    valid_to = _text(
        lambda text: day("valid_to", text),
        allow_none=True,
        metadata={
            "description": "The last day it is valid.",
            "example": "2026-12-31",
            "format": "date",
        },
    )

    # Both look at what is sound even if another field is not: every failing field is named.
    @validates_schema(skip_on_field_errors=False)
    def value_fits_scheme(self, data: Mapping[str, Any], **_: object) -> None:
        """The scheme says what a value looks like."""
        if "scheme" in data and "value" in data:
            _ruled(identifier_value, data["scheme"], data["value"], field="value")

    @validates_schema(skip_on_field_errors=False)
    def days_are_in_order(self, data: Mapping[str, Any], **_: object) -> None:
        """A validity ends after it begins."""
        _ruled(in_order, data.get("valid_from"), data.get("valid_to"), field="valid_to")


class CoverageSchema(EntrySchema):
    """A service, and where it is offered."""

    service = _text(
        known_service,
        required=True,
        metadata={
            "description": "What is offered; each service at most once.",
            "example": "parcel",
            "enum": list(SERVICES),
            COMPONENT: "Service",
        },
    )
    countries = CountriesField(
        fields.String(error_messages=_TEXT, metadata={"pattern": COUNTRY_OR_WORLDWIDE}),
        required=True,
        error_messages=_LIST,
        validate=lambda codes: _ruled(countries, codes),
        metadata={
            "description": f'ISO 3166 alpha-2 codes, kept sorted; or "{WORLDWIDE}" alone.',
            "example": ["DE", "FR"],
            "anyOf": [
                {
                    "type": "array",
                    "items": {"type": "string", "pattern": COUNTRY_OR_WORLDWIDE},
                    "minItems": 1,
                },
                {"type": "string", "const": WORLDWIDE},
            ],
        },
    )


class ContactSchema(EntrySchema):
    """Whom to ask about what. A phone number or an e-mail address is required, or both."""

    role = _text(
        role,
        required=True,
        metadata={
            "description": "What they are to be asked about.",
            "example": ROLES[0],
            "enum": list(ROLES),
            COMPONENT: "ContactRole",
        },
    )
    name = _text(
        contact_name,
        required=True,
        metadata={
            "description": "A person or a desk.",
            "example": "Night desk",
            "minLength": 1,
            "maxLength": CONTACT_NAME_MAX_CHARACTERS,
        },
    )
    phone = _text(
        PhoneNumber,
        allow_none=True,
        metadata={"description": "A phone number, kept in E.164.", "example": "+498912345678"},
    )
    email = _text(
        EmailAddress,
        allow_none=True,
        metadata={
            "description": "An e-mail address; others may have it as well.",
            "example": "dispatch@fedex.com",
            "format": "idn-email",
            "maxLength": EMAIL_MAX_CHARACTERS,
        },
    )

    @validates_schema
    def can_be_reached(self, data: Mapping[str, Any], **_: object) -> None:
        """By one way or the other."""
        _ruled(reachable, data.get("phone"), data.get("email"), field="phone")


class ProfileFields(Schema):
    """The parts of a profile, for schemas to inherit: all optional. Null, an empty list or an
    empty object removes a part; one that is not named stays as it is."""

    phone = TextPart(
        allow_none=True,
        error_messages=_TEXT,
        metadata={
            "description": "A phone number, kept in E.164.",
            "example": "+498912345678",
        },
    )
    website = TextPart(
        allow_none=True,
        error_messages=_TEXT,
        metadata={
            "description": "An https URL without user name and password.",
            "example": "https://www.fedex.com",
            "format": "uri",
            "maxLength": URL_MAX_CHARACTERS,
        },
    )
    aliases = ListPart(
        _text(alias, metadata={"minLength": 1, "maxLength": NAME_MAX_CHARACTERS}),
        maximum=ALIASES_MAX,
        error_messages=_LIST,
        metadata={
            "description": "Trade names; none twice, upper and lower case being the same.",
            "example": ["FedEx Ground"],
            "maxItems": ALIASES_MAX,
        },
    )
    identifiers = ListPart(
        fields.Nested(IdentifierSchema, error_messages=_OBJECT),
        maximum=IDENTIFIERS_MAX,
        error_messages=_LIST,
        metadata={
            "description": "Numbers and codes under which others know the carrier.",
            "example": [{"scheme": "scac", "value": "FDEG", "valid_from": "2026-01-01"}],
            "maxItems": IDENTIFIERS_MAX,
        },
    )
    coverage = ListPart(
        fields.Nested(CoverageSchema, error_messages=_OBJECT),
        maximum=len(SERVICES),
        error_messages=_LIST,
        metadata=ABOUT_COVERAGE,
    )
    tracking_url = TextPart(
        allow_none=True,
        error_messages=_TEXT,
        metadata={
            "description": f"An https URL with one `{TRACKING_NUMBER}` behind its host.",
            "example": f"https://www.fedex.com/fedextrack/?trknbr={TRACKING_NUMBER}",
            "maxLength": URL_MAX_CHARACTERS,
        },
    )
    metadata = ObjectPart(
        error_messages=_OBJECT,
        metadata={
            "description": "JSON of the caller's own: 4 KiB, four levels, finite numbers.",
            "example": {"contract": "2026-17", "tier": 1},
            "type": "object",
            "additionalProperties": True,
            "maxProperties": METADATA_MAX_KEYS,
            COMPONENT: "CarrierMetadata",
        },
    )
    contacts = ListPart(
        fields.Nested(ContactSchema, error_messages=_OBJECT),
        maximum=CONTACTS_MAX,
        error_messages=_LIST,
        metadata={
            "description": "Whom to ask about what; several can have one role.",
            "example": [
                {"role": "after-hours", "name": "Night desk", "phone": "+498912345678"},
            ],
            "maxItems": CONTACTS_MAX,
        },
    )
    tags = ListPart(
        _text(tag, metadata={"minLength": 1, "maxLength": TAG_MAX_CHARACTERS}),
        maximum=TAGS_MAX,
        error_messages=_LIST,
        metadata={
            "description": "Short words of the caller's own, to find carriers by: a to z, digits"
            " and single hyphens; kept in lower case and in the order of the alphabet.",
            "example": ["preferred", "reefer"],
            "maxItems": TAGS_MAX,
        },
    )
    time_zone = TextPart(
        allow_none=True,
        error_messages=_TEXT,
        metadata={
            "description": "An IANA time zone: what day it is for the carrier's documents.",
            "example": "Europe/Berlin",
        },
    )
    bank_reference = TextPart(
        allow_none=True,
        error_messages=_TEXT,
        metadata={
            "description": "An IBAN, or the account's number in the books of whoever pays.",
            "example": "DE89370400440532013000",
            "maxLength": BANK_REFERENCE_MAX_CHARACTERS,
        },
    )
