"""A log record as one JSON line: nothing forges it, no secret is in it, nothing prevents it."""

import json
import logging
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonjsonlogger.json import JsonFormatter

from app.infrastructure.observability.json_lines import JsonLineFormatter, redact_line

log = logging.getLogger("tests.json_lines")


def one_line(message: str, **extra: object) -> dict[str, Any]:
    record = log.makeRecord("x", logging.INFO, "", 0, message, (), None, extra=extra)
    text = JsonLineFormatter().format(record)
    assert text.isascii()
    assert text.isprintable()
    fields: dict[str, Any] = json.loads(text)
    return fields


def test_extras_do_not_replace_our_fields() -> None:
    """An extra field called like one of ours cannot forge it."""
    line = one_line("hello", level="critical", timestamp="never", process_id=0)
    assert (line["level"], line["timestamp"][:2]) == ("info", "20")
    assert line["process_id"] > 0


hostile = st.text() | st.sampled_from(
    ['x\n{"level": "critical"}', "\r", "\u2028", "\u2029", "\x85", "\x1b[2J", "\x00", "\udc80", '"']
)


@given(message=hostile, key=hostile, value=hostile)
def test_no_text_forges_a_line(message: str, key: str, value: str) -> None:
    """Whatever the text, a record is one line of printable ASCII that gives the text back."""
    if any(word in text for text in (message, key, value) for word in ("@", "%40")):
        return
    line = one_line(message, **{"k" + key: [value, {value: value}]})
    assert (line["message"], line["k" + key]) == (message, [value, {value: value}])


@given(message=hostile, key=hostile, value=hostile)
def test_a_plain_record_is_what_the_library_makes_of_it(message: str, key: str, value: str) -> None:
    """It has a shorter way, to the same line."""
    extra = {"k" + key: value, "status": 201, "duration_ms": 1.25, "none": None}
    record = log.makeRecord("x", logging.INFO, "", 0, message, (), None, extra=extra)
    formatter = JsonLineFormatter()
    assert formatter.format(record) == redact_line(JsonFormatter.format(formatter, record))


ADDRESSES = [
    "bob@example.com",
    "o'brien+tag@mail.example.co.uk",
    "m\u00fcller@b\u00fccher.example",
    "\u4f60\u597d@\u4f8b\u5b50.\u516c\u53f8",
    "bob\uff20example.com",
    "bob%40example.com",
    '"bob smith"@example.com',
    "bob@[192.0.2.1]",
    "root@localhost",
]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    "around", ["{}", "to <{}>: no", "line\n{}\tend", '{{"email":"{}"}}', "\\{}"]
)
def test_addresses_are_redacted(address: str, around: str) -> None:
    """An e-mail address, also an international one, is in no field of any line."""
    text = around.format(address)
    line = one_line(text, **{"deep": [{"k": text}], text: 1})
    assert "[email]" in line["message"]
    for ours in ("timestamp", "process_id"):  # which may hold such digits by chance
        del line[ours]
    for word in ("bob", "example", "brien", "ller", "cher", "\u597d", "\u5b50", "192", "root"):
        assert word not in json.dumps(line, ensure_ascii=False)


@given(before=hostile, after=hostile)
def test_an_address_among_any_text_is_redacted(before: str, after: str) -> None:
    """No neighbouring text keeps an address from being seen or breaks the line."""
    line = one_line(f"{before}secret.person@example.com{after}", also=f"{after} sp@ex.org {before}")
    assert "secret.person" not in line["message"]
    assert "sp@ex" not in line["also"]


@pytest.mark.parametrize("text", ["Bearer abc.d-e=", "bearer  abc.d-e=", "BEARER%20abc.d-e="])
def test_bearer_tokens_are_redacted(text: str) -> None:
    """A bearer token is a secret in any field."""
    line = one_line(f"got {text}", headers={"Authorization": text})
    assert (line["message"], line["headers"]) == ("got [secret]", {"Authorization": "[secret]"})


def test_redaction_is_linear() -> None:
    """A long text made to make the search slow is searched in a moment."""
    started = time.perf_counter()
    one_line("a" * 500_000 + " @ " + "%40" * 100_000 + ' "' * 100_000)
    assert time.perf_counter() - started < 5


class Unprintable:
    """An object of the worst kind."""

    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


def test_a_record_that_cannot_be_rendered_is_still_a_line() -> None:
    """NaN, cycles, odd keys, endless depth and wrong arguments cost precision, never the line."""
    cycle: list[object] = []
    cycle.append(cycle)
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    for odd in (float("nan"), cycle, {(1, 2): "x"}, deep, Unprintable(), 10**5000):
        assert one_line("hello", odd=odd)["message"] == "hello"
    record = log.makeRecord("x", logging.INFO, "", 0, "%d", ("bob@example.com",), None)
    record.exc_info = (ValueError, ValueError("bob@example.com"), None)
    line = json.loads(JsonLineFormatter().format(record))
    assert line["exception"] == "ValueError: [email]"
    assert line["message"].startswith("%d % (")
    assert "bob" not in line["message"]
    assert "logging_error" in line
