"""Events as they were stored once, one file a type and schema version: they load for ever.

A file in `tests/golden` is never changed once a release has written such events, but for what
they load as. It holds the fields that the event's class had then, and events as they are stored.
Who changes the class of an event raises its `schema_version`, writes an upcaster from the former
version, and adds a file for the new one. Version 0 is the original registry's, which has no class
of ours.
"""

import json
from dataclasses import asdict, dataclass, make_dataclass
from typing import Any, get_args, get_type_hints

import pytest

from app.application.ports.codec import UnreadableEvent
from app.domain.aggregate import Event
from app.domain.commands.update_profile import CarrierProfileUpdated
from app.domain.profile import PROFILE_PARTS
from app.infrastructure.codec import UPCASTERS, VERSIONS, JsonCodec
from tests.support.commits import MOMENT, context, event, recorded
from tests.support.project import TESTS

GOLDEN = TESTS / "golden"
CLASSES = {event_class.__name__: event_class for event_class in VERSIONS}
NOW = [(name, VERSIONS[event_class]) for name, event_class in CLASSES.items()]


@dataclass(frozen=True)
class Stored:
    """One event of a golden file."""

    event_type: str
    payload: str
    metadata: str
    loads_as: dict[str, Any]


def golden(name: str, version: int) -> tuple[dict[str, str] | None, list[Stored]]:
    """The fields that the class had (none of ours: null), and the stored events."""
    path = GOLDEN / f"{name}.{version}.json"
    assert path.is_file(), f"{name} has a schema version {version}: add {path.name} to tests/golden"
    content = json.loads(path.read_text(encoding="utf-8"))
    return content["fields"], [Stored(**stored) for stored in content["stored"]]


def kept() -> set[tuple[str, int]]:
    """Type and version of every golden file."""
    names = [path.name.split(".") for path in GOLDEN.iterdir()]
    return {(name, int(version)) for name, version, _ in names}


def fields_of(event_class: type) -> dict[str, str]:
    """Names and types, in order, as the golden files spell them."""
    return {
        name: hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)
        for name, hint in get_type_hints(event_class).items()
    }


def of_version(name: str, schema_version: object, payload: str) -> Stored:
    """An event that says to be of this version."""
    return Stored(name, payload, json.dumps({"schema_version": schema_version}), {})


def load(stored: Stored) -> Event[Any]:
    """As the repository does."""
    row = event(stored.event_type, stored.payload, stored.metadata)
    loaded: Event[Any] = JsonCodec().decode(recorded(row))
    return loaded


@pytest.mark.parametrize(("name", "version"), sorted(kept()))
def test_every_golden_event_loads(name: str, version: int) -> None:
    """As an event of today's class, with the values that the file says."""
    _, events = golden(name, version)
    assert events
    for stored in events:
        loaded = load(stored)
        assert type(loaded) is CLASSES[name]
        assert asdict(loaded) == stored.loads_as
        assert json.loads(stored.metadata).get("schema_version", 0) == version


def test_every_type_and_version_has_its_golden_file() -> None:
    """And no file is of a type or version that the codec does not know."""
    written = {(name, version) for name, now in NOW for version in range(1, now + 1)}
    assert kept() == written | UPCASTERS.keys()


def test_every_version_has_a_way_to_the_next() -> None:
    """An upcaster from each former version, and none from today's."""
    former = {(name, version) for name, now in NOW for version in range(1, now)}
    assert UPCASTERS.keys() == former | {("CarrierRegistered", 0)}


def test_every_event_has_a_version() -> None:
    """What an aggregate can record, the codec can store: no event is left out of its command's
    declaration."""
    bases = Event.__subclasses__()
    assert {each.__name__ for base in bases for each in base.__subclasses__()} == set(CLASSES)


@pytest.mark.parametrize(("name", "version"), NOW)
def test_a_class_has_the_fields_of_its_version(name: str, version: int) -> None:
    """A class that changes needs another schema version: stored events are of the old shape."""
    fields, _ = golden(name, version)
    assert fields_of(CLASSES[name]) == fields, f"{name} changed: raise its schema_version"


@pytest.mark.parametrize(
    "changed",
    [
        {"name": str},
        {"name": str, "email": str, "phone": str},
        {"title": str, "email": str},
        {"name": str, "email": str | None},
        {"name": str, "email": int},
    ],
)
def test_a_changed_class_is_noticed(changed: dict[str, Any]) -> None:
    """A field that goes, comes, is renamed, may be null or is of another type."""
    fields, _ = golden("CarrierRegistered", 1)
    assert fields_of(make_dataclass("CarrierRegistered", changed.items())) != fields


@pytest.mark.parametrize(("name", "version"), NOW)
def test_an_event_is_written_as_its_golden_file_has_it(name: str, version: int) -> None:
    """To the letter: who reads the store by other means relies on it."""
    _, events = golden(name, version)
    for stored in events:
        data = JsonCodec().encode(load(stored), 0, context(), MOMENT)
        assert (data.event_type, data.payload) == (stored.event_type, stored.payload)
        assert json.loads(data.metadata)["schema_version"] == version


def test_the_golden_profile_has_every_part_in_its_normal_form() -> None:
    """The class does not name the parts: one that comes or changes its form is noticed here."""
    full = load(golden("CarrierProfileUpdated", VERSIONS[CarrierProfileUpdated])[1][0])
    assert isinstance(full, CarrierProfileUpdated)
    assert list(full.changes) == list(PROFILE_PARTS)
    for part, value in full.changes.items():
        assert PROFILE_PARTS[part].normal(value) == value


@pytest.mark.parametrize(("name", "version"), NOW)
def test_what_only_another_program_understands_is_named(name: str, version: int) -> None:
    """A newer version, a version that never was, a field that is missing or of another type."""
    _, (whole, *_) = golden(name, version)
    content = json.loads(whole.payload)
    unreadable = [of_version(name, wrong, whole.payload) for wrong in (version + 1, -1, "1", None)]
    for field in content:
        without = {key: value for key, value in content.items() if key != field}
        unreadable.append(of_version(name, version, json.dumps(without)))
        other = "1" if isinstance(content[field], int) else 1
        unreadable.append(of_version(name, version, json.dumps({**content, field: other})))
        shape = content if isinstance(content[field], list) else [content]
        unreadable.append(of_version(name, version, json.dumps({**content, field: shape})))
    for stored in unreadable:
        with pytest.raises(UnreadableEvent) as caught:
            load(stored)
        assert (caught.value.stream, caught.value.version) == ("a-stream", 7)
        assert f"event 7 of stream a-stream ({name})" in str(caught.value)


@pytest.mark.parametrize("name", [name for name, _ in NOW if (name, 0) not in UPCASTERS])
def test_the_original_wrote_registrations_only(name: str) -> None:
    """Another type without a schema version is not guessed at."""
    _, (whole, *_) = golden(name, 1)
    with pytest.raises(UnreadableEvent):
        load(Stored(name, whole.payload, "{}", {}))
