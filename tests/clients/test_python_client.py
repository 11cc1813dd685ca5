"""The client that openapi-python-client makes, used against the running service."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.clients.conftest import Running
from tests.support.answers import another

PACKAGE = "generated_carriers_client"

OCTETS = "application/octet-stream"
"""What the generator has to take a file of CSV for, as docs/csv.md says: it knows no other type."""


@dataclass(frozen=True, slots=True)
class Generated:
    """The generated package with a client of it."""

    client: Any
    tags: dict[str, str]

    def call(self, operation: str, *captured: object, **arguments: object) -> Any:  # noqa: ANN401
        """Status, headers and parsed body of an operation."""
        module = import_module(f"{PACKAGE}.api.{self.tags[operation]}.{operation}")
        return module.sync_detailed(*captured, client=self.client, **arguments)

    def model(self, name: str, /, **members: object) -> Any:  # noqa: ANN401
        """An object of a generated class."""
        return getattr(import_module(f"{PACKAGE}.models"), name)(**members)

    def registered(self) -> Any:  # noqa: ANN401
        """The id of a new carrier."""
        body = self.model("RegisterCarrier", **another())
        return self.call("register_carrier", body=body).parsed.data.carrier_id


@pytest.fixture(scope="session")
def package(document: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The generated package, where Python finds it."""
    folder = tmp_path_factory.mktemp("python")
    config = folder / "config.json"
    config.write_text(json.dumps({"content_type_overrides": {"text/csv": OCTETS}}))
    made = folder / PACKAGE
    beside_python = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning"),
            *("--path", document, "--output-path", made, "--meta", "none"),
            *("--config", config),
        ],
        env={**os.environ, "PATH": beside_python},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield made


@pytest.fixture
def generated(package: Path, running: Running, operations: dict[str, str]) -> Iterator[Generated]:
    """A client of the running service; with its key, if it asks for one."""
    made = import_module(package.name)
    client = (
        made.Client(base_url=running.url)
        if running.key is None
        else made.AuthenticatedClient(base_url=running.url, token=running.key)
    )
    with client:
        yield Generated(client, operations)


def test_every_operation_is_generated(package: Path, operations: dict[str, str]) -> None:
    """The generator says nothing and ends well when it leaves one out."""
    made = {each.stem: each.parent.name for each in (package / "api").glob("*/[!_]*.py")}
    assert made == operations


def test_shapes_of_several_places_have_one_class(package: Path) -> None:
    """And no two of the same kind with invented names."""
    made = {each.stem for each in (package / "models").glob("[!_]*.py")}
    shared = {"carrier_state", "carrier_order", "carrier_metadata", "counts", "error_details"}
    assert shared <= made
    assert not {
        each
        for each in made - shared
        if each.endswith(("_state", "_sort", "_metadata", "_details"))
    }


def test_a_carrier_is_registered(generated: Generated) -> None:
    """201 with its id."""
    body = generated.model("RegisterCarrier", **another())
    answer = generated.call("register_carrier", body=body, idempotency_key=uuid4().hex)
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/carriers/{answer.parsed.data.carrier_id}"


def test_a_file_is_imported(generated: Generated) -> None:
    """Its bytes are sent as they are."""
    carrier = another()
    text = f"name,email\r\n{carrier['name']},{carrier['email']}\r\n"
    file = import_module(f"{PACKAGE}.types").File(payload=io.BytesIO(text.encode()))
    answer = generated.call("import_carriers", body=file)
    assert answer.status_code == 200
    (row,) = answer.parsed.data.rows
    assert (row.row, row.action, row.done) == (2, "create", True)


def test_a_stale_version_is_refused(generated: Generated) -> None:
    """412 with the current version and what has happened since."""
    carrier = generated.registered()
    rename = generated.model("Rename", name="FedEx Express")
    generated.call("rename", carrier, body=rename)
    other = generated.model("Rename", name="FedEx Ground")
    answer = generated.call("rename", carrier, body=other, if_match='"1"')
    assert answer.status_code == 412
    assert answer.parsed.error.current_version == 2
    assert [each.type_ for each in answer.parsed.error.since] == ["CarrierRenamed"]


@pytest.mark.parametrize("condition", ['"1"', "*"])
def test_a_version_that_holds_is_changed(generated: Generated, condition: str) -> None:
    """A condition is one string: a version in quotation marks, or the asterisk."""
    rename = generated.model("Rename", name="FedEx Express")
    answer = generated.call("rename", generated.registered(), body=rename, if_match=condition)
    assert answer.status_code == 200
    assert type(answer.parsed).__name__ == "ChangedSuccess"
    assert answer.parsed.data.version == 2


def test_a_dry_run_gives_a_plan(generated: Generated) -> None:
    """Of the two answers to a change, the client takes the right one."""
    rename = generated.model("Rename", name="FedEx Express")
    answer = generated.call("rename", generated.registered(), body=rename, dry_run=True)
    assert type(answer.parsed).__name__ == "PlanSuccess"
    assert answer.parsed.data.changes[0].to == "FedEx Express"


def test_carriers_are_listed(generated: Generated) -> None:
    """With what was written before."""
    body = generated.model("RegisterCarrier", **another())
    registered = generated.call("register_carrier", body=body)
    answer = generated.call(
        "list_carriers",
        limit=100,
        sort=import_module(f"{PACKAGE}.models").CarrierOrder.NAME,
        consistency_token=registered.headers["Consistency-Token"],
    )
    listed = {each.carrier_id for each in answer.parsed.data.carriers}
    assert registered.parsed.data.carrier_id in listed


def test_a_history_is_shown(generated: Generated) -> None:
    """Event by event."""
    answer = generated.call("show_history", generated.registered())
    assert [each.type_ for each in answer.parsed.data.events] == ["CarrierRegistered"]


def test_events_are_read(generated: Generated) -> None:
    """From the feed, up to the last."""
    generated.registered()
    data = generated.call("list_events", limit=1000).parsed.data
    assert data.events
    assert data.events[-1].position == data.next_


def test_a_missing_key_is_told(
    package: Path, locked_service: Running, operations: dict[str, str]
) -> None:
    """In the envelope, to a client that has none."""
    with import_module(package.name).Client(base_url=locked_service.url) as client:
        answer = Generated(client, operations).call("list_carriers")
    assert answer.status_code == 401
    assert answer.parsed.error.code == 401
