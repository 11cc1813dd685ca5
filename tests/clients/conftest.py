"""The running service, once without any API key and once with one, and what it says of itself."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.infrastructure.sqlite.keys import SqliteKeyStore
from tests.conftest import without
from tests.support.keys import add_key
from tests.support.node import find_node
from tests.support.processes import Unavailable
from tests.support.service import Service


@dataclass(frozen=True, slots=True)
class Running:
    """A service, and the key that it asks for."""

    url: str
    key: str | None


@pytest.fixture(scope="session")
def open_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service that nobody has made a key for."""
    with Service(tmp_path_factory.mktemp("open")) as service:
        yield Running(f"http://{service.host}:{service.port}", None)


@pytest.fixture(scope="session")
def locked_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service that asks for a key."""
    service = Service(tmp_path_factory.mktemp("locked"))
    service.database.parent.mkdir()
    key = add_key(SqliteKeyStore(service.database))
    with service:
        yield Running(f"http://{service.host}:{service.port}", key)


@pytest.fixture(scope="session", params=["open_service", "locked_service"])
def running(request: pytest.FixtureRequest) -> Running:
    """The one and the other."""
    service: Running = request.getfixturevalue(request.param)
    return service


@pytest.fixture(scope="session")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with /openapi.json as the running service gives it."""
    with Service(tmp_path_factory.mktemp("described")) as service:
        answer = service.ask("GET", "/openapi.json")
    assert answer.status == 200
    file = tmp_path_factory.mktemp("document") / "openapi.json"
    file.write_bytes(answer.body)
    return file


@pytest.fixture(scope="session")
def operations(document: Path) -> dict[str, str]:
    """The tag of each operation, by the operation's id."""
    spec: dict[str, Any] = json.loads(document.read_text())
    described = [
        operation
        for item in spec["paths"].values()
        for operation in item.values()
        if "operationId" in operation
    ]
    return {each["operationId"]: each["tags"][0] for each in described}


@pytest.fixture(scope="session")
def require_node() -> None:
    """Node, and the programs that tests/clients/package-lock.json pins."""
    try:
        find_node()
    except Unavailable as reason:
        without("node", reason)
