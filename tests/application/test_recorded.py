"""What a recorded event says of itself: its type, and who and what it comes from."""

from uuid import uuid4

import pytest

from app.application.recorded import Metadata, type_name
from app.application.strict_json import NotStrictJson


@pytest.mark.parametrize(
    "stored",
    ["CarrierRegistered", r"App\Domain\Event\CarrierRegistered", r"\CarrierRegistered"],
)
def test_the_type_is_the_last_part_of_a_class_path(stored: str) -> None:
    """The original (PHP) registry may have stored one; events of ours have a plain name."""
    assert type_name(stored) == "CarrierRegistered"


def test_nothing_is_known_of_rows_of_the_original() -> None:
    """They have no metadata, and nothing is made up."""
    metadata = Metadata.of("{}")
    assert (metadata.commit_id, metadata.actor, metadata.schema_version) == (None, None, None)


def test_a_commit_is_read_as_a_uuid() -> None:
    """As it is compared with the commit of a command."""
    commit_id = uuid4()
    assert Metadata.of(f'{{"commit_id":"{commit_id}"}}').commit_id == commit_id


@pytest.mark.parametrize("written", ['"x"', "1", '""', "[]", "true"])
def test_a_commit_that_is_no_uuid_is_an_error(written: str) -> None:
    """To take it for another commit, or for none, would let a command be done twice."""
    with pytest.raises(NotStrictJson):
        _ = Metadata.of(f'{{"commit_id":{written}}}').commit_id


@pytest.mark.parametrize("written", ['"1"', "1.0", "true", "null", "[]"])
def test_a_schema_version_that_is_no_number_is_an_error(written: str) -> None:
    """To take it for version 0 would read the payload by the wrong rules."""
    with pytest.raises(NotStrictJson):
        _ = Metadata.of(f'{{"schema_version":{written}}}').schema_version


@pytest.mark.parametrize("written", ['"x"', "7", f'"00-{"A" * 32}-{"b" * 16}-01"'])
def test_a_traceparent_that_is_none_is_not_known(written: str) -> None:
    """The feed shows it to subscribers, and their tracing reads it."""
    assert Metadata.of(f'{{"traceparent":{written}}}').traceparent is None


def test_a_text_that_is_none_is_not_known() -> None:
    """What else is known can still be shown."""
    metadata = Metadata.of('{"actor":7,"correlation_id":"a-request"}')
    assert (metadata.actor, metadata.correlation_id) == (None, "a-request")


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", "[" * 100_000, '{"actor":"a","actor":"b"}']
)
def test_metadata_that_is_no_object_is_an_error(text: str) -> None:
    """Whoever reads it decides what an event without any is worth."""
    with pytest.raises(NotStrictJson):
        Metadata.of(text)
