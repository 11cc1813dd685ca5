"""The types that openapi-typescript makes, and a program on them that asks the running service."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Running
from tests.support.answers import another
from tests.support.node import CLIENTS, MODULES, run_module, run_node

TYPES = "carriers.ts"


@pytest.fixture(scope="session")
def project(document: Path, require_node: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the program and the generated types."""
    folder = tmp_path_factory.mktemp("typescript")
    for file in ("program.ts", "tsconfig.json", "package.json"):
        shutil.copy(CLIENTS / file, folder)
    (folder / "node_modules").symlink_to(MODULES)
    done = run_module("openapi-typescript", document, "--output", TYPES, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def program(project: Path) -> Path:
    """The compiled program."""
    done = run_module("tsc", "--project", ".", cwd=project)
    assert done.returncode == 0, done.stdout + done.stderr
    return project / "program.js"


@pytest.fixture(scope="session")
def told(program: Path, running: Running) -> Any:  # noqa: ANN401 - JSON
    """What the program saw, run with the key of the service if that asks for one."""
    given = [running.url, *another().values(), *([running.key] if running.key else [])]
    done = run_node(program, *given, cwd=program.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_every_operation_has_types(project: Path, operations: dict[str, str]) -> None:
    """By its id."""
    types = (project / TYPES).read_text()
    assert [each for each in operations if f'operations["{each}"]' not in types] == []


def test_the_types_compile_strictly(program: Path) -> None:
    """With a program that uses them, mistakes that they have to catch among it."""
    assert program.exists()


def test_a_carrier_is_registered(told: Any) -> None:  # noqa: ANN401
    """201; its one word for all countries is a list where it is shown."""
    assert told["registered"] == 201
    assert told["countries"] == "worldwide"


def test_a_version_that_holds_is_changed(told: Any) -> None:  # noqa: ANN401
    """A condition is one string: a version in quotation marks, or the asterisk."""
    assert told["renamed"] == [200, 3]
    assert told["anyVersion"] == [200, 4]


def test_a_stale_version_is_refused(told: Any) -> None:  # noqa: ANN401
    """412 with the current version."""
    assert told["stale"] == [412, 4]


def test_a_dry_run_gives_a_plan(told: Any) -> None:  # noqa: ANN401
    """Which is told from a change by its `dry_run`."""
    assert told["planned"] == ["FedEx Office"]


def test_carriers_are_listed(told: Any) -> None:  # noqa: ANN401
    """With what was written before."""
    assert told["carrier_id"] in told["listed"]


def test_a_history_is_shown(told: Any) -> None:  # noqa: ANN401
    """Event by event."""
    registered = ["CarrierRegistered", "CarrierProfileUpdated"]
    assert told["history"] == [*registered, "CarrierRenamed", "CarrierRenamed"]


def test_events_are_read(told: Any) -> None:  # noqa: ANN401
    """From the feed, those of the new carrier among them."""
    assert told["events"].count(told["carrier_id"]) == 4


def test_a_wrong_key_is_told(told: Any) -> None:  # noqa: ANN401
    """In the envelope."""
    assert told["refused"] == [401, 401]
