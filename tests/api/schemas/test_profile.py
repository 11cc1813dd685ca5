"""A profile as it comes in: what is loaded, and the sentence of every failing field."""

from typing import Any

import pytest
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import RAISE, ValidationError

from app.api.http.validation import sentences
from app.api.schemas.profile import ProfileFields
from app.domain.profile import EMPTY, PROFILE_PARTS
from tests.support.work import at_most

WHOLE: dict[str, Any] = {
    "phone": "+49 89 12345678",
    "website": "https://WWW.fedex.com",
    "aliases": [" FedEx Ground "],
    "identifiers": [
        {"scheme": "scac", "value": "fdeg", "valid_from": "2026-01-01", "valid_to": None},
        {"scheme": "mc", "value": "MC-0123"},
    ],
    "coverage": [
        {"service": "parcel", "countries": ["fr", "DE"]},
        {"service": "air", "countries": "worldwide"},
        {"service": "rail", "countries": ["worldwide"]},
    ],
    "tracking_url": "https://fedex.com/?n={tracking_number}",
    "metadata": {"tier": 1},
    "contacts": [
        {"role": "dispatch", "name": " Night desk ", "phone": "+49 89 12345678", "email": None},
        {"role": "claims", "name": "Ms Ito", "email": "claims@FEDEX.com"},
    ],
    "tags": ["reefer", "Preferred", "reefer"],
    "time_zone": "europe/BERLIN",
    "bank_reference": "de89 3704 0044 0532 0130 00",
}
NORMAL: dict[str, Any] = {
    "phone": "+498912345678",
    "website": "https://www.fedex.com",
    "aliases": ["FedEx Ground"],
    "identifiers": [
        {"scheme": "scac", "value": "FDEG", "valid_from": "2026-01-01"},
        {"scheme": "mc", "value": "123"},
    ],
    "coverage": [
        {"service": "parcel", "countries": ["DE", "FR"]},
        {"service": "air", "countries": ["worldwide"]},
        {"service": "rail", "countries": ["worldwide"]},
    ],
    "tracking_url": "https://fedex.com/?n={tracking_number}",
    "metadata": {"tier": 1},
    "contacts": [
        {"role": "dispatch", "name": "Night desk", "phone": "+498912345678"},
        {"role": "claims", "name": "Ms Ito", "email": "claims@fedex.com"},
    ],
    "tags": ["preferred", "reefer"],
    "time_zone": "Europe/Berlin",
    "bank_reference": "DE89370400440532013000",
}


def load(body: dict[str, Any]) -> Any:  # noqa: ANN401
    """What a command would be made of."""
    return ProfileFields(unknown=RAISE).load(body)


def failing(body: dict[str, Any]) -> dict[str, str]:
    """The details of the refusal."""
    with pytest.raises(ValidationError) as refusal:
        load(body)
    assert isinstance(refusal.value.messages, dict)
    return sentences({"json": refusal.value.messages})


def test_a_profile_is_loaded_in_its_normal_form() -> None:
    """As JSON, for an event to hold; what is loaded can be loaded again, and dumped."""
    assert load(WHOLE) == NORMAL
    assert load(NORMAL) == NORMAL
    assert ProfileFields().dump(NORMAL) == NORMAL


def test_every_part_is_optional() -> None:
    """A part that is not named is not among the changes."""
    assert load({}) == {}
    assert set(ProfileFields().fields) == set(PROFILE_PARTS)
    for part, value in WHOLE.items():
        assert load({part: value}) == {part: NORMAL[part]}


def test_a_part_is_removed_by_what_it_is_when_unset() -> None:
    """Null for text, an empty list, an empty object."""
    assert load(EMPTY.as_json()) == EMPTY.as_json()


@pytest.mark.parametrize("part", ["aliases", "identifiers", "coverage", "contacts", "tags"])
@pytest.mark.parametrize("value", [None, "x", 1, True, {}, {"0": "x"}, "worldwide"])
def test_a_list_is_a_list(part: str, value: Any) -> None:  # noqa: ANN401
    """Null is none."""
    assert failing({part: value}) == {part: f"The {part} must be a list"}


@pytest.mark.parametrize(
    "part", ["phone", "website", "tracking_url", "time_zone", "bank_reference"]
)
@pytest.mark.parametrize("value", [1, 10**400, 1.5, True, [], {}, ["+498912345678"]])
def test_text_is_text(part: str, value: Any) -> None:  # noqa: ANN401
    """Nothing is turned into text."""
    assert failing({part: value}) == {part: f"The {part} must be text"}


@pytest.mark.parametrize("value", [None, [], "x", 1, False])
def test_metadata_is_an_object(value: Any) -> None:  # noqa: ANN401
    """Null is none."""
    assert failing({"metadata": value}) == {"metadata": "The metadata must be a JSON object"}


@pytest.mark.parametrize(
    ("body", "details"),
    [
        ({"phone": "089"}, {"phone": "The phone must start with + and the country code"}),
        ({"aliases": ["UPS", " "]}, {"aliases.1": "The alias must not be blank"}),
        ({"aliases": ["UPS", None]}, {"aliases.1": "The aliases.1 must be text"}),
        ({"aliases": ["a", "A"]}, {"aliases": "The aliases must not name the same one twice"}),
        ({"identifiers": [1]}, {"identifiers.0": "The identifiers.0 must be a JSON object"}),
        ({"identifiers": [None]}, {"identifiers.0": "The identifiers.0 must be a JSON object"}),
        (
            {"identifiers": [{}]},
            {
                "identifiers.0.scheme": "The identifiers.0.scheme field is required",
                "identifiers.0.value": "The identifiers.0.value field is required",
            },
        ),
        (
            {"identifiers": [{"scheme": "scac", "value": "FDEG", "colour": 1}]},
            {"identifiers.0.colour": "The identifiers.0.colour field is unknown"},
        ),
        (
            {
                "identifiers": [
                    {"scheme": "scac", "value": "FDEG"},
                    {"scheme": "scac", "value": "1", "valid_from": "x", "valid_to": 5},
                ]
            },
            {
                "identifiers.1.value": "The SCAC must be 2 to 4 letters",
                "identifiers.1.valid_from": "The valid_from must be a day such as 2026-01-31",
                "identifiers.1.valid_to": "The identifiers.1.valid_to must be text",
            },
        ),
        (
            {
                "identifiers": [
                    {
                        "scheme": "x",
                        "value": "1",
                        "valid_from": "2026-02-01",
                        "valid_to": "2026-01-31",
                    }
                ]
            },
            {
                "identifiers.0.scheme": (
                    "The scheme must be one of scac, usdot, mc, smdg, vat, duns, lei, own"
                ),
                "identifiers.0.valid_to": "The valid_to must not be before the valid_from",
            },
        ),
        (
            {"coverage": [{"service": "mule", "countries": "DE"}]},
            {
                "coverage.0.service": (
                    "The service must be one of parcel, express, freight, ltl, ftl, air, ocean, "
                    "rail, last-mile, cold-chain, hazmat"
                ),
                "coverage.0.countries": "The coverage.0.countries must be a list",
            },
        ),
        (
            {
                "coverage": [
                    {"service": "air", "countries": ["DE"]},
                    {"service": "air", "countries": ["XX"]},
                ]
            },
            {
                "coverage.1.countries": (
                    'The countries must be ISO 3166 alpha-2 codes, or "worldwide" alone'
                )
            },
        ),
        (
            {"coverage": [{"service": "air", "countries": [1]}]},
            {"coverage.0.countries.0": "The coverage.0.countries.0 must be text"},
        ),
        (
            {"coverage": [{"service": "air", "countries": []}]},
            {"coverage.0.countries": "The countries must not be empty"},
        ),
        (
            {
                "contacts": [
                    {"role": "boss", "name": " ", "phone": "089", "email": "nobody"},
                    {"role": "claims", "name": "Ms Ito"},
                    {"role": "claims", "email": "a@b.com", "fax": "1"},
                ]
            },
            {
                "contacts.0.role": (
                    "The role must be one of dispatch, claims, billing, safety, after-hours"
                ),
                "contacts.0.name": "The name must not be blank",
                "contacts.0.phone": "The phone must start with + and the country code",
                "contacts.0.email": "The email must be a valid email address",
                "contacts.1.phone": "The contact must have a phone or an email",
                "contacts.2.name": "The contacts.2.name field is required",
                "contacts.2.fax": "The contacts.2.fax field is unknown",
            },
        ),
        (
            {"contacts": [{"role": "claims", "name": "Ms Ito", "email": "a@b.com"}] * 2},
            {"contacts": "The contacts must not name the same one twice"},
        ),
        (
            {"tags": ["ok", "two words"], "time_zone": "Europe/Atlantis"},
            {
                "tags.1": (
                    "The tag must be 1 to 50 letters a to z and digits, with single hyphens"
                    " between them"
                ),
                "time_zone": "The time zone must be an IANA name, such as Europe/Berlin",
            },
        ),
        (
            {"phone": 1, "fax": 1, "metadata": {"a": 10**400}},
            {
                "phone": "The phone must be text",
                "fax": "Unknown field.",  # the sentence is that of the body's own schema
                "metadata": "The metadata must not contain numbers beyond a double's range",
            },
        ),
    ],
)
def test_every_failing_field_has_one_sentence(
    body: dict[str, Any], details: dict[str, str]
) -> None:
    """Under the way to it, and each is named even if another fails too."""
    assert failing(body) == details


@pytest.mark.parametrize("part", ["aliases", "identifiers", "coverage", "contacts", "tags"])
@pytest.mark.parametrize("entry", ["x", None, {}, []])
def test_a_huge_list_costs_nothing(part: str, entry: Any) -> None:  # noqa: ANN401
    """It is counted before any of it is looked at."""
    with at_most(0.1):
        assert "must have at most" in failing({part: [entry] * 300_000})[part]


def test_huge_countries_and_metadata_are_refused_in_time() -> None:
    """What fits in a body is gone through once at most."""
    with at_most(3):
        failing({"coverage": [{"service": "air", "countries": ["XX"] * 200_000}]})
        failing({"metadata": {"a": [[]] * 300_000}})


def test_the_object_itself_is_named_by_the_way_to_it() -> None:
    """A body that is no object is the body; a name that is too long is cut."""
    messages = {"json": {"_schema": ["no"], "a" * 200: ["The {field} field is unknown", "more"]}}
    assert sentences(messages) == {
        "body": "no",
        "a" * 100: f"The {'a' * 100} field is unknown",
    }
    assert sentences({"json": {"a": {3: {"_schema": ["The {field} fails"]}}}}) == {
        "a.3": "The a.3 fails"
    }


TEXT = st.text(st.characters(exclude_categories=[]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.just(10**400),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
ENTRY = st.dictionaries(
    st.sampled_from(
        [
            *("scheme", "value", "valid_from", "valid_to", "service", "countries", "_schema"),
            *("role", "name", "phone", "email"),
        ]
    ),
    JSON | st.sampled_from(["own", "scac", "2026-01-01", "air", "worldwide", "claims", "a@b.com"]),
)


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.sampled_from(list(PROFILE_PARTS)), JSON | st.lists(ENTRY, max_size=3)))
def test_any_json_is_loaded_or_refused(body: dict[str, Any]) -> None:
    """No input raises anything else, every failing field has a sentence, and what is loaded is
    in normal form."""
    try:
        loaded = load(body)
    except ValidationError:
        details = failing(body)
        assert details
        assert all(sentence.startswith("The ") for sentence in details.values())
    else:
        assert load(loaded) == loaded
        assert EMPTY.changed_by(loaded).differences(loaded) == {}


def test_the_contract_describes_every_field() -> None:
    """Each has a description and an example; schemes and services are listed."""
    spec = APISpec("carriers", "1", "3.1.0", plugins=[MarshmallowPlugin()])
    spec.components.schema("Profile", schema=ProfileFields)
    schemas = spec.to_dict()["components"]["schemas"]
    for name in ("Profile", "Identifier", "Coverage"):
        for shape in schemas[name]["properties"].values():
            assert {"description", "example"} <= set(shape)
        assert not schemas[name].get("additionalProperties", False)
    parts = schemas["Profile"]["properties"]
    assert parts["phone"]["type"] == ["string", "null"]
    assert parts["aliases"]["type"] == "array"
    assert parts["metadata"]["type"] == "object"
    assert schemas["Identifier"]["properties"]["scheme"]["enum"][0] == "scac"
    assert schemas["Coverage"]["properties"]["service"]["enum"][0] == "parcel"
    countries = schemas["Coverage"]["properties"]["countries"]["anyOf"]
    assert [each["type"] for each in countries] == ["array", "string"]
