"""Strict JSON: a value that every parser reads in the same way, or NotStrictJson; nothing else."""

import json
import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.application.strict_json import NotStrictJson, parse, parse_own

FRAGMENTS = st.sampled_from(
    [
        *'{}[],:"\\ \n\t-+.0123456789eE',
        *("true", "false", "null", "NaN", "Infinity", "-Infinity", '"a"', '"a":1', "1e999", "\\u"),
        *(
            "\\ud800",
            "\\udc00",
            "d800",
            "\ufeff",
            "\u2028",
            "é",
            "🚚",
            "\0",
            "9" * 5000,
            "[" * 3000,
        ),
        *('"\\ud800":1,', '{"a":1,"a":2}', '{"":0,"":0}'),
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def outcome(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """The value, or NotStrictJson as a value; a sentence that can be sent in any case."""
    try:
        return parse(body)
    except NotStrictJson as error:
        assert error.why
        assert error.why.encode(), "a sentence that cannot be sent"
        return NotStrictJson


@settings(deadline=None, max_examples=50)
@given(st.binary())
@example(b"\xff\xfe{\x00}\x00")
@example(b"\x00")
def test_any_bytes(body: bytes) -> None:
    """Give a value or NotStrictJson."""
    outcome(body)


@settings(deadline=None, max_examples=200)
@given(st.lists(FRAGMENTS, max_size=12).map("".join))
@example('{"\\ud800":1,"\\ud800":2}')
@example("[" * 100_000)
@example('{"a":' * 100_000)
@example("9" * 100_000)
@example("-" + "9" * 4300)
@example("1e" + "9" * 5000)
def test_anything_like_json(text: str) -> None:
    """Gives NotStrictJson, or a value that can be written as UTF-8 and holds no odd number."""
    value = outcome(text.encode())
    if value is not NotStrictJson:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


@settings(deadline=None, max_examples=100)
@given(VALUES, st.booleans())
def test_every_json_value_is_read(value: object, ascii_only: bool) -> None:
    """As the standard library reads it, written with escapes or without."""
    body = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert parse(body) == value


@pytest.mark.parametrize("text", ["-0", "-0.0", "1e-999999", "0." + "1" * 100_000])
def test_numbers_keep_what_a_float_can_keep(text: str) -> None:
    """Too small is not too large."""
    assert math.isfinite(parse(text.encode()))


def test_keys_are_compared_as_they_are() -> None:
    """Upper and lower case, composed and decomposed are different keys."""
    body = '{"a":1,"A":2,"\u00e9":3,"e\u0301":4,"":5," ":6}'
    assert len(parse(body.encode())) == 6


def test_many_keys_cost_little() -> None:
    """A duplicate is found in one pass, in objects of any size."""
    body = ",".join(f'"{number}":0' for number in range(50_000))
    assert len(parse(f"{{{body}}}".encode())) == 50_000
    with pytest.raises(NotStrictJson):
        parse(f'{{{body},"7":0}}'.encode())


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}',
        '{"a" :1,"a":2}',
        '{"a":1,"a" : 2}',
        '[{"a":1,"a":2}]',
        '{"b":{"a":1,"a":2}}',
        '{"b":{"a":1},"a":1,"a":2}',
        '{"\\u0061":1,"a":2}',
        ' {"a":1,"a":2}',
        '{":":1,":":2}',
    ],
)
def test_a_key_that_comes_twice_is_found(text: str) -> None:
    """In whatever object it stands and however it is written."""
    with pytest.raises(NotStrictJson, match="twice"):
        parse(text)


def test_colons_within_texts_are_no_keys() -> None:
    """They only make it take another look."""
    assert parse('{"a:":"b:c"}') == {"a:": "b:c"}


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "NaN", "1e999", '{"a":1} x'])
def test_a_text_of_our_own_may_be_damaged(text: str) -> None:
    """Also a row of a view is on a disk."""
    with pytest.raises(NotStrictJson):
        parse_own(text)


def test_a_text_of_our_own_is_read() -> None:
    """With white space around it or without."""
    assert parse_own(' {"a":[1,2.5,null]} ') == {"a": [1, 2.5, None]}
