"""The shape of the directory's queries and answers. Which values there are is the domain's to say,
and which carriers they mean the directory's (`application/directory/query.py`)."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from app.api.schemas.answers import CarrierSchema
from app.api.schemas.commands import QueryInteger, QuerySchema
from app.api.schemas.components import COMPONENT
from app.application.directory.query import BadCursor, Query
from app.application.filters import ALTERNATIVES_MAX
from app.application.ports.views import SORTS
from app.application.projections.carriers import FILTERS
from app.application.projections.days import LAST_DAY
from app.application.projections.statistics import GROUPS
from app.application.projections.text import words
from app.application.queries import CountCarriers
from app.domain.blocks import CUSTOMER_MAX_CHARACTERS
from app.domain.carrier import STATES
from app.domain.documents import KINDS
from app.domain.eligibility import Work
from app.domain.errors import InvalidValue
from app.domain.profile.coverage import SERVICES, country, known_service
from app.domain.profile.identifiers import SCHEMES, day, identifier_value
from app.domain.values import one_line, one_of

PAIRS_MAX = 50
Q_MAX_CHARACTERS = 100
DAYS_MAX = 366

_DAY = "The {field} parameter must be a day such as 2026-01-31"
_SEVERAL = f"or up to {ALTERNATIVES_MAX} of them separated by commas"
_SCHEME = f"(?:{'|'.join(SCHEMES)})"
_NEXT_IDENTIFIER = re.compile(rf",(?={_SCHEME}:)")
COUNTRY = "[A-Za-z]{2}"
_SERVICE = f"(?:{'|'.join(SERVICES)})"


class QueryText(fields.String):
    """A parameter in its normal form, which `read` gives, or raises InvalidValue; without a
    sentence of its own the parameter has the one of the broken rule."""

    default_error_messages: dict[str, str | list[Any] | dict[Any, Any]] = {  # noqa: RUF012 - as Marshmallow has it
        "required": "The {{field}} parameter is required"
    }

    def __init__(
        self,
        read: Callable[[str], Any],
        sentence: str | None = None,
        **options: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(**options)
        self._read = read
        self._sentence = sentence

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as Marshmallow has it
        try:
            return self._read(super()._deserialize(value, *args, **kwargs))
        except InvalidValue as error:
            raise ValidationError(self._sentence or error.sentence) from error


def _alternatives(
    read: Callable[[str], Any], split: Callable[[str], list[str]] = lambda text: text.split(",")
) -> Callable[[str], frozenset[Any]]:
    """Reads values of which any will do."""

    def read_all(text: str) -> frozenset[Any]:
        values = split(text)
        if len(values) > ALTERNATIVES_MAX:
            raise InvalidValue(f"The alternatives must be at most {ALTERNATIVES_MAX}")
        return frozenset(map(read, values))

    return read_all


def _state(text: str) -> str:
    if text not in STATES:
        raise InvalidValue(f"The state must be one of {', '.join(STATES)}")
    return text


def _identifier(text: str) -> tuple[str, str]:
    scheme, _, value = text.partition(":")
    return scheme, identifier_value(scheme, value)


def _beginnings(text: str) -> frozenset[str]:
    found = frozenset(words(text)) if len(text) <= Q_MAX_CHARACTERS else frozenset[str]()
    if not found:
        raise InvalidValue("The q must hold a letter or a digit")
    return found


def _work(text: str) -> tuple[str, str]:
    where, _, what = text.partition("/")
    return country(where), known_service(what)


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _yesterday() -> str:
    """Where the clocks are behind UTC's it may still be that day."""
    return (datetime.now(UTC) - timedelta(1)).date().isoformat()


def _listed(pattern: str) -> str:
    return f"^{pattern}(?:,{pattern}){{0,{ALTERNATIVES_MAX - 1}}}$"


_DeclaredSchema: Any = QuerySchema.from_dict(
    {
        each.name: QueryText(
            each.terms,
            each.sentence,
            metadata={
                "description": each.description,
                "example": each.example,
                **each.keywords,
            },
        )
        for each in FILTERS
    }
)


class FilterSchema(_DeclaredSchema):
    """Which carriers, and in which order. All parameters must hold."""

    states = QueryText(
        _alternatives(_state),
        f"The {{field}} parameter must be one of {', '.join(STATES)}, {_SEVERAL}",
        data_key="state",
        metadata={
            "description": "In any of these states, separated by commas; in whichever, the"
            " retired ones too, if none is named.",
            "example": "active,suspended",
            "pattern": _listed(f"(?:{'|'.join(STATES)})"),
        },
    )
    formerly = QueryText(
        _alternatives(_state),
        f"The {{field}} parameter must be one of {', '.join(STATES)}, {_SEVERAL}",
        data_key="status",
        metadata={
            "description": "The former name of `state`; give one of the two.",
            "deprecated": True,
            "pattern": _listed(f"(?:{'|'.join(STATES)})"),
        },
    )
    countries = QueryText(
        _alternatives(country),
        "The {field} parameter must be one of the ISO 3166 alpha-2 codes, such as DE,"
        f" {_SEVERAL}",
        data_key="country",
        metadata={
            "description": "Works in any of these countries, or worldwide; with `service`, offers"
            f" one of the services in one of the countries ({PAIRS_MAX} pairs at most).",
            "example": "DE,AT",
            "pattern": _listed(COUNTRY),
        },
    )
    services = QueryText(
        _alternatives(known_service),
        f"The {{field}} parameter must be one of {', '.join(SERVICES)}, {_SEVERAL}",
        data_key="service",
        metadata={
            "description": "Offers any of these services.",
            "example": "express",
            "pattern": _listed(_SERVICE),
        },
    )
    identifiers = QueryText(
        _alternatives(_identifier, _NEXT_IDENTIFIER.split),
        data_key="identifier",
        metadata={
            "description": "Goes by any of these identifiers, separated by commas. A comma is part"
            " of the value unless a scheme and a colon follow it.",
            "example": "scac:FDXG,usdot:265752",
            "pattern": f"^{_SCHEME}:.+$",
        },
    )
    words = QueryText(
        _beginnings,
        f"The {{field}} parameter must be 1 to {Q_MAX_CHARACTERS} characters with a letter or a"
        " digit among them",
        data_key="q",
        metadata={
            "description": "Each word of it begins a word of the name, of an alias, of the e-mail"
            " address or of an identifier; case and accents do not matter.",
            "example": "fed ex",
            "minLength": 1,
            "maxLength": Q_MAX_CHARACTERS,
        },
    )
    missing = QueryText(
        partial(one_of, "missing", KINDS),
        f"The {{field}} parameter must be one of {', '.join(KINDS)}",
        metadata={
            "description": "Holds no document of this kind on the day `on`.",
            "example": KINDS[0],
            "enum": list(KINDS),
            COMPONENT: "DocumentKind",
        },
    )
    expiring_before = QueryText(
        partial(day, "expiring_before"),
        _DAY,
        metadata={
            "description": "A kind of its documents has its last day on the day `on` or later, and"
            " before this day.",
            "example": "2026-12-31",
            "format": "date",
        },
    )
    eligible_for = QueryText(
        _work,
        "The {field} parameter must be an ISO 3166 alpha-2 code and one of"
        f" {', '.join(SERVICES)}, such as DE/express",
        metadata={
            "description": "Can be given work of this service in this country on the day `on`, by"
            " the rules of `/carriers/{carrier_id}/eligibility` and the policy that holds.",
            "example": "DE/express",
            "pattern": f"^{COUNTRY}/{_SERVICE}$",
        },
    )
    customer = QueryText(
        partial(one_line, "customer", CUSTOMER_MAX_CHARACTERS),
        f"The {{field}} parameter must be 1 to {CUSTOMER_MAX_CHARACTERS} characters on one line",
        metadata={"description": "With `eligible_for`: for whom the work is.", "example": "ACME"},
    )
    on = QueryText(
        partial(day, "on"),
        _DAY,
        metadata={
            "description": "For which day it is asked: today, if none is named, or a later one."
            " Changes that are scheduled count from their day on, and `missing`,"
            " `expiring_before` and `eligible_for` are judged for it. As a list is for all time"
            " zones, today is UTC's. A list has no carriers as they were: of a day that is over ask"
            " `/carriers/{carrier_id}/eligibility`, which takes `on` and `at`.",
            "example": "2099-12-01",
            "format": "date",
        },
    )
    sort = fields.String(
        load_default=SORTS[0],
        validate=validate.OneOf(
            SORTS, error=f"The {{{{field}}}} parameter must be one of {', '.join(SORTS)}"
        ),
        metadata={
            "description": "The order. In that of `next_expiry`, the first of the last days of the"
            " kinds of documents that a carrier has, past ones too, only those who have such a day"
            " are listed.",
            "example": SORTS[0],
            COMPONENT: "CarrierOrder",
        },
    )

    @validates_schema
    def _few_pairs(self, data: Mapping[str, Any], **_: object) -> None:
        if len(data.get("countries", ())) * len(data.get("services", ())) > PAIRS_MAX:
            raise ValidationError(
                "The country and the service parameter must make at most"
                f" {PAIRS_MAX} pairs of a country and a service",
                "country",
            )

    @validates_schema
    def _customer_of_some_work(self, data: Mapping[str, Any], **_: object) -> None:
        if "customer" in data and "eligible_for" not in data:
            raise ValidationError(
                "The customer parameter needs an eligible_for parameter", "customer"
            )

    @validates_schema
    def _not_in_the_past(self, data: Mapping[str, Any], **_: object) -> None:
        if data.get("on", LAST_DAY) < _yesterday():
            raise ValidationError(
                "The on parameter must be today or later, as a list has no carriers as they were:"
                " ask of a single one, whose answers take any day (on) and what was known at a"
                " moment (at)",
                "on",
            )

    @validates_schema
    def _one_name_of_the_state(self, data: Mapping[str, Any], **_: object) -> None:
        if "states" in data and "formerly" in data:
            raise ValidationError(
                "Give either the state or the status parameter, not both", "status"
            )

    @post_load
    def _query(self, data: dict[str, Any], **_: object) -> Query:
        if "formerly" in data:
            data["states"] = data.pop("formerly")
        also = frozenset(data.pop(each.name) for each in FILTERS if each.name in data)
        data.setdefault("on", _today())
        if "eligible_for" in data:
            day, customer = date.fromisoformat(data["on"]), data.pop("customer", None)
            where, what = data.pop("eligible_for")
            data["work"] = Work(where, what, day, customer)
        query = Query(**data, also=also)
        try:
            query.after()
        except BadCursor as error:
            raise ValidationError(
                "The {field} parameter must be the next of a page of the same query", "cursor"
            ) from error
        return query


class DirectoryQuerySchema(FilterSchema):
    """Which page of which carriers."""

    limit = QueryInteger(
        1, 100, load_default=25, metadata={"description": "At most so many carriers."}
    )
    cursor = fields.String(
        metadata={
            "description": "The `next` of the page before, with the same filters and the same"
            " order."
        }
    )


class StatisticsQuerySchema(QuerySchema):
    """How much of it."""

    days = QueryInteger(
        1,
        DAYS_MAX,
        load_default=30,
        metadata={"description": "How many days, the last ones on which somebody registered."},
    )

    @post_load
    def _query(self, data: dict[str, Any], **_: object) -> CountCarriers:
        return CountCarriers(**data)


class DirectorySchema(Schema):
    """A page of carriers."""

    carriers = fields.List(fields.Nested(CarrierSchema), required=True)
    next = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "The `cursor` of the page that follows; null on the last. Every"
            " page before the last has `limit` carriers, however rare they are among all. A search"
            " that cannot fill a page within the time of a request is answered 503.",
            "example": None,
        },
    )


def _count(description: str | None = None) -> fields.Integer:
    said = {"description": description} if description else {}
    return fields.Integer(required=True, metadata={"example": 1, "minimum": 0, **said})


def _counts(description: str, example: str) -> fields.Dict:
    return fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata={"description": description, "example": {example: 1}, COMPONENT: "Counts"},
    )


class DaySchema(Schema):
    """How many carriers were registered on a day."""

    day = fields.Date(required=True, metadata={"example": "2026-01-31"})
    count = _count()


_CountsSchema: Any = Schema.from_dict(
    {
        "total": _count("All carriers, the retired ones too."),
        **{group.name: _counts(group.description, group.example) for group in GROUPS},
    }
)


class StatisticsSchema(_CountsSchema):
    """How many carriers there are."""

    registrations = fields.List(
        fields.Nested(DaySchema), required=True, metadata={"description": "The last day last."}
    )
    position = _count("How far in the order of all events this counts.")
