"""Events as texts and back: ours, the original's, and what nobody understands."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.application.ports.codec import Origin, UnreadableEvent
from app.domain.commands.register import CarrierRegistered
from app.domain.commands.reinstate import CarrierReinstated
from app.domain.commands.update_profile import CarrierProfileUpdated
from app.infrastructure.codec import JsonCodec
from tests.support.commits import MOMENT, context, event, recorded

REGISTERED = CarrierRegistered(name="FedEx", email="contact@fedex.com")
PAYLOAD = '{"name":"FedEx","email":"contact@fedex.com"}'


def test_an_event_is_stored_under_an_explicit_name() -> None:
    """Never under a class path, with its schema version beside it."""
    sent = context()
    data = JsonCodec().encode(REGISTERED, 2, sent, MOMENT)
    assert (data.event_type, data.payload) == ("CarrierRegistered", PAYLOAD)
    assert (data.event_id, data.created_at) == (sent.event_id(2), MOMENT)
    metadata = json.loads(data.metadata)
    assert metadata == {
        "commit_id": str(sent.commit_id),
        "correlation_id": "a-request",
        "causation_id": str(sent.commit_id),
        "actor": "someone",
        "schema_version": 1,
    }


def test_the_same_attempt_gives_the_same_ids() -> None:
    """An event's id follows from its commit and its place in it, and from nothing else."""
    sent, codec = context(), JsonCodec()
    first = codec.encode(REGISTERED, 0, sent, MOMENT)
    assert codec.encode(REGISTERED, 0, sent, MOMENT) == first
    assert codec.encode(REGISTERED, 1, sent, MOMENT).event_id != first.event_id
    assert codec.encode(REGISTERED, 0, context(), MOMENT).event_id != first.event_id


@settings(deadline=None, max_examples=50)
@given(st.text(), st.text())
def test_every_text_comes_back(name: str, email: str) -> None:
    """What is encoded decodes to the same event, whatever text it holds."""
    codec, happened = JsonCodec(), CarrierRegistered(name, email)
    assert codec.decode(recorded(codec.encode(happened, 0, context(), MOMENT))) == happened


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_every_profile_comes_back(changes: dict[str, Any]) -> None:
    """Whatever JSON its parts are, True and 1 and 1.0 told apart."""
    codec, happened = JsonCodec(), CarrierProfileUpdated(changes)
    again = codec.decode(recorded(codec.encode(happened, 0, context(), MOMENT)))
    assert repr(again) == repr(happened)


def test_what_was_not_said_is_null() -> None:
    """A field that may be missing in the domain is there in the payload."""
    data = JsonCodec().encode(CarrierReinstated(None), 0, context(), MOMENT)
    assert data.payload == '{"reason":null}'
    assert JsonCodec().decode(recorded(data)) == CarrierReinstated(None)


@pytest.mark.parametrize("fingerprint", [None, "9f86d0"])
def test_an_event_knows_its_origin(fingerprint: str | None) -> None:
    """Commit, correlation, cause and actor; the fingerprint only of a request with a key."""
    sent = replace(context(), fingerprint=fingerprint)
    data = JsonCodec().encode(REGISTERED, 0, sent, MOMENT)
    assert JsonCodec().origin(recorded(data)) == Origin(
        sent.commit_id, "a-request", str(sent.commit_id), "someone", fingerprint
    )
    assert ("fingerprint" in json.loads(data.metadata)) is (fingerprint is not None)


def test_rows_of_the_original_have_no_origin() -> None:
    """Nothing is known, and nothing is made up."""
    assert JsonCodec().origin(recorded(event(metadata="{}"))) == Origin()


@pytest.mark.parametrize(
    "metadata", ["", "[]", "null", "{", '{"commit_id":"x"}', '{"commit_id":1}', "[" * 100_000]
)
def test_an_unknown_origin_is_named(metadata: str) -> None:
    """By stream and version, like a payload that cannot be understood."""
    with pytest.raises(UnreadableEvent) as caught:
        JsonCodec().origin(recorded(event(metadata=metadata)))
    assert (caught.value.stream, caught.value.version) == ("a-stream", 7)


@pytest.mark.parametrize(
    "event_type",
    [
        "CarrierRegistered",
        r"App\Domain\Event\CarrierRegistered",
        r"\CarrierRegistered",
        r"App\Domain\Carrier\Events\CarrierRegistered",
    ],
)
def test_rows_of_the_original_are_read(event_type: str) -> None:
    """Without metadata, and with a PHP class path as their type."""
    row = event(event_type, PAYLOAD, metadata="{}")
    assert JsonCodec().decode(recorded(row)) == REGISTERED


def test_what_a_payload_has_beside_is_left_alone() -> None:
    """The original may have stored more than we know."""
    row = event(
        payload='{"carrierId":"x","email":"contact@fedex.com","name":"FedEx"}', metadata="{}"
    )
    assert JsonCodec().decode(recorded(row)) == REGISTERED


@pytest.mark.parametrize(
    ("event_type", "payload", "metadata"),
    [
        pytest.param("CarrierVanished", PAYLOAD, '{"schema_version":1}', id="unknown type"),
        pytest.param("", PAYLOAD, "{}", id="no type"),
        pytest.param(r"A\CarrierVanished", PAYLOAD, "{}", id="unknown class"),
        pytest.param(
            r"A\CarrierRegistered", PAYLOAD, '{"schema_version":1}', id="class path of ours"
        ),
        pytest.param("CarrierRegistered", PAYLOAD, '{"schema_version":2}', id="newer schema"),
        pytest.param("CarrierRegistered", PAYLOAD, '{"schema_version":"1"}', id="odd schema"),
        pytest.param("CarrierRegistered", PAYLOAD, "[]", id="metadata no object"),
        pytest.param("CarrierRegistered", PAYLOAD, "", id="metadata no JSON"),
        pytest.param("CarrierRegistered", "", "{}", id="empty payload"),
        pytest.param("CarrierRegistered", "{", "{}", id="torn payload"),
        pytest.param("CarrierRegistered", "null", "{}", id="null payload"),
        pytest.param("CarrierRegistered", '["FedEx"]', "{}", id="payload no object"),
        pytest.param("CarrierRegistered", '{"name":"A","name":"B"}', "{}", id="key twice"),
        pytest.param("CarrierRegistered", '{"name":"FedEx"}', "{}", id="field missing"),
        pytest.param("CarrierRegistered", '{"name":1,"email":"a@b.com"}', "{}", id="not text"),
        pytest.param("CarrierRegistered", '{"name":null,"email":"a@b.com"}', "{}", id="null field"),
        pytest.param("CarrierRegistered", "[" * 100_000, "{}", id="payload too deep"),
    ],
)
def test_what_cannot_be_understood_is_named(event_type: str, payload: str, metadata: str) -> None:
    """By stream and version; the payload, which may hold an address, is not repeated."""
    with pytest.raises(UnreadableEvent) as caught:
        JsonCodec().decode(recorded(event(event_type, payload, metadata)))
    assert (caught.value.stream, caught.value.version) == ("a-stream", 7)
    assert "event 7 of stream a-stream" in str(caught.value)
    assert "fedex.com" not in str(caught.value)
