"""Coverage, metadata and the whole profile: normal forms, limits, and how it changes."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.domain.errors import InvalidValue
from app.domain.profile import EMPTY, PROFILE_PARTS, Profile
from app.domain.profile.coverage import SERVICES, Coverage, Coverages
from app.domain.profile.identifiers import SCHEMES
from app.domain.profile.metadata import Metadata

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=80)


def refused(make: Callable[..., object], *given: object) -> str:
    """The sentence of the refusal."""
    with pytest.raises(InvalidValue) as refusal:
        make(*given)
    return refusal.value.sentence


def test_coverage_is_a_service_and_its_countries() -> None:
    """Countries are codes in upper case, sorted, each once; or "worldwide" alone."""
    assert Coverage("parcel", ["fr", "DE", "FR"]).as_json() == {
        "service": "parcel",
        "countries": ["DE", "FR"],
    }
    assert Coverage("last-mile", ["worldwide"]).as_json()["countries"] == ["worldwide"]


@pytest.mark.parametrize(
    ("codes", "sentence"),
    [
        ([], "The countries must not be empty"),
        *(
            (codes, 'The countries must be ISO 3166 alpha-2 codes, or "worldwide" alone')
            for codes in (
                ["XX"], ["UK"], ["EU"], ["DEU"], [""], ["D E"], ["\u017fe"], ["DE", "worldwide"],
                ["WORLDWIDE"], ["\ud800"],
            )
        ),
    ],
)  # fmt: skip
def test_a_country_is_in_iso_3166(codes: list[str], sentence: str) -> None:
    """A country is in the library's ISO 3166 table, or is "worldwide" alone."""
    assert refused(Coverage, "parcel", codes) == sentence


def test_coverage_names_each_service_once() -> None:
    """Coverage keeps the caller's order, and refuses unknown and repeated services."""
    every = Coverages([Coverage(service, ["DE"]) for service in reversed(SERVICES)])
    assert [one["service"] for one in every.as_json()] == list(reversed(SERVICES))
    twice = [Coverage("air", ["DE"]), Coverage("air", ["FR"])]
    assert refused(Coverages, twice) == "The coverage must name each service only once"
    assert refused(Coverage, "Air", ["DE"]).startswith("The service must be one of parcel, ")


DEEPEST: dict[str, Any] = {"a": {"b": [{"c": 1}]}}


@pytest.mark.parametrize(
    "members",
    [
        {},
        DEEPEST,
        {str(number): number for number in range(50)},
        {"k" * 64: [True, None, -1.5, "é🚚", 10**300, 1e308]},
        {"a": "x" * (4096 - len('{"a":""}'))},
        {"a": "é" * ((4096 - len('{"a":""}')) // 2)},
    ],
)
def test_metadata_is_a_small_json_object(members: dict[str, Any]) -> None:
    """Metadata is kept exactly as it was given, in a copy."""
    kept = Metadata(members).as_json()
    assert json.dumps(kept) == json.dumps(members)
    members["later"] = 1
    assert "later" not in kept


@pytest.mark.parametrize(
    ("members", "rule"),
    [
        ([], "be a JSON object"),
        ("text", "be a JSON object"),
        ({str(number): 1 for number in range(51)}, "have at most 50 keys"),
        ({"a": "x" * 4089}, "be at most 4096 bytes"),
        ({"a": "é" * 2045}, "be at most 4096 bytes"),
        ({"a": "x" * 5000}, "be at most 4096 bytes"),
        ({"a": [0] * 3000}, "be at most 4096 bytes"),
        ({"a": [[0] * 4000] * 4000}, "be at most 4096 bytes"),
        ({"a": [0] * 5000}, "be at most 4096 bytes"),
        ({"a": [DEEPEST]}, "be at most 4 levels deep"),
        ({"a": {"b": {"c": {"d": {}}}}}, "be at most 4 levels deep"),
        ({"": 1}, "have keys of 1 to 64"),
        ({"k" * 65: 1}, "have keys of 1 to 64"),
        ({"a": [{"": 1}]}, "have keys of 1 to 64"),
        ({1: 1}, "have keys of 1 to 64"),
        ({"a": float("nan")}, "not contain numbers beyond"),
        ({"a": [float("-inf")]}, "not contain numbers beyond"),
        ({"a": 10**400}, "not contain numbers beyond"),
        ({"a": -(10**5000)}, "not contain numbers beyond"),
        ({"a": "\0"}, "not contain NUL"),
        ({"\0": 1}, "not contain NUL"),
        ({"a": ["\ud800"]}, "not contain NUL or half a surrogate"),
        ({"\udfff": 1}, "not contain NUL or half a surrogate"),
        ({"a": b"x"}, "contain JSON only"),
        ({"a": (1, 2)}, "contain JSON only"),
    ],
)
def test_metadata_has_limits(members: Any, rule: str) -> None:  # noqa: ANN401
    """Metadata that cannot be stored and given back unchanged is refused."""
    assert refused(Metadata, members).startswith(f"The metadata must {rule}")


def test_deep_metadata_costs_nothing() -> None:
    """Metadata nested deeper than Python may recurse is refused like any other."""
    members: dict[str, Any] = {}
    for _ in range(50_000):
        members = {"a": members}
    assert "4 levels deep" in refused(Metadata, members)


FROM_TEXT: list[tuple[str, Callable[[str], Any]]] = [
    ("phone", lambda text: text),
    ("website", lambda text: text),
    ("tracking_url", lambda text: text),
    ("aliases", lambda text: [text]),
    *(
        ("identifiers", lambda text, scheme=scheme: [{"scheme": scheme, "value": text}])
        for scheme in SCHEMES
    ),
    ("identifiers", lambda text: [{"scheme": "own", "value": "x", "valid_to": text}]),
    ("coverage", lambda text: [{"service": "air", "countries": [text]}]),
    ("coverage", lambda text: [{"service": text, "countries": ["DE"]}]),
    ("metadata", lambda text: {text: text}),
    ("contacts", lambda text: [{"role": "claims", "name": text, "phone": text}]),
    ("contacts", lambda text: [{"role": "claims", "name": text, "email": f"a@{text}"}]),
    ("tags", lambda text: [text, "a"]),
    ("time_zone", lambda text: text),
    ("bank_reference", lambda text: text),
]
PLAUSIBLE = st.one_of(
    ANY_TEXT,
    st.from_regex(r"\+[0-9 ]{5,16}", fullmatch=True),
    st.builds("https://{}.{}".format, ANY_TEXT, ANY_TEXT),
    st.builds("https://a.{}/{{tracking_number}}{}".format, ANY_TEXT, ANY_TEXT),
    st.from_regex(r"[A-Za-z]{2}[0-9A-Z .-]{0,18}", fullmatch=True),
)


@settings(deadline=None, max_examples=150)
@given(PLAUSIBLE)
@example("https://\u0130.com")
@example("https://a.\u0345com/{tracking_number}")
def test_a_value_is_normal_or_does_not_exist(text: str) -> None:
    """Any input becomes a value that stays the same when read again, or is refused."""
    for part, shaped in FROM_TEXT:
        try:
            normal = PROFILE_PARTS[part].normal(shaped(text))
        except InvalidValue as error:
            assert error.sentence.startswith("The ")
        else:
            json.dumps(normal, ensure_ascii=False).encode()
            assert PROFILE_PARTS[part].normal(normal) == normal


def test_an_empty_profile_has_no_part() -> None:
    """An unset part is null for text, and empty for lists and objects; both are normal forms."""
    unset: dict[str, Any] = {
        "phone": None,
        "website": None,
        "aliases": [],
        "identifiers": [],
        "coverage": [],
        "tracking_url": None,
        "metadata": {},
        "contacts": [],
        "tags": [],
        "time_zone": None,
        "bank_reference": None,
    }
    assert EMPTY.as_json() == unset
    assert list(PROFILE_PARTS) == list(unset)
    assert {name: PROFILE_PARTS[name].normal(value) for name, value in unset.items()} == unset


def test_a_profile_changes_in_the_parts_that_are_named() -> None:
    """A change replaces the named parts only, and leaves the former profile object unchanged."""
    before = EMPTY.changed_by({"phone": "+498912345678", "aliases": ["UPS"]})
    after = before.changed_by({"phone": None, "metadata": {"a": 1}})
    assert before == Profile(phone="+498912345678", aliases=["UPS"])
    assert after == Profile(aliases=["UPS"], metadata={"a": 1})


def test_what_happened_is_never_refused() -> None:
    """Stored values that today's rules forbid are read, and parts that only a later release knows
    are ignored."""
    old = EMPTY.changed_by({"phone": "ask for Jim", "coverage": [{"service": "mule"}], "fax": "1"})
    assert old.phone == "ask for Jim"
    assert old.as_json()["coverage"] == [{"service": "mule"}]


@pytest.mark.parametrize(
    ("changes", "different"),
    [
        ({}, []),
        ({"phone": "+498912345678"}, []),
        ({"phone": None, "website": None}, ["phone"]),
        ({"metadata": {"b": [True], "a": 1}}, []),
        ({"metadata": {"a": 1, "b": [1]}}, ["metadata"]),
        ({"metadata": {"a": 1.0, "b": [True]}}, ["metadata"]),
        ({"aliases": []}, []),
        ({"aliases": ["UPS"]}, ["aliases"]),
    ],
)
def test_only_what_really_differs_is_a_difference(
    changes: dict[str, Any], different: list[str]
) -> None:
    """True and 1 differ, although they are equal in Python; the order of keys does not count."""
    profile = EMPTY.changed_by({"phone": "+498912345678", "metadata": {"a": 1, "b": [True]}})
    assert profile.differences(changes) == {part: changes[part] for part in different}
