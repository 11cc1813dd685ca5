"""The table from errors to answers: what each failure behind the API looks like to a client."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from os import SEEK_END
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.application.bus import CommandBus
from app.application.command_context import CommandContext
from app.application.deadline import Deadline
from app.application.handlers import CommandDone
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.ports.event_store import NO_STREAM, VersionConflict
from app.application.services import Services
from app.bootstrap import build_services
from app.domain.commands.register import RegisterCarrier
from app.domain.errors import AlreadyRegistered
from config.settings import Settings
from tests.support.answers import FEDEX, failure, refused
from tests.support.commits import event
from tests.support.figures import KeptFigures

SECRET = "10.1.2.3 contact@fedex.com s3cret"
Failing = Callable[[Exception], FlaskClient]


@pytest.fixture
def failing(settings: Settings, services: Services) -> Failing:
    """Makes a client of an application whose handler raises the error."""

    def make(error: Exception) -> FlaskClient:
        def handler(command: RegisterCarrier, context: CommandContext) -> NoReturn:
            raise error

        bus = CommandBus[CommandDone]({RegisterCarrier: handler}, KeptFigures())
        return create_app(settings, replace(services, bus=bus)).test_client()

    return make


def test_a_store_that_is_not_available(failing: Failing, caplog: pytest.LogCaptureFixture) -> None:
    """503: nothing was done, and when to try again. The log tells why, the client is not told."""
    answer = failing(StoreUnavailable(SECRET)).post("/register-carrier", json=FEDEX)
    message, details = failure(answer, 503)
    assert "nothing was done" in message
    assert details == {"outcome": "not-started"}
    assert int(answer.headers["Retry-After"]) >= 1
    assert "s3cret" not in answer.text
    assert ("app.api.http.errors", "WARNING") in [(r.name, r.levelname) for r in caplog.records]


def test_an_outcome_that_is_not_known(failing: Failing, caplog: pytest.LogCaptureFixture) -> None:
    """503, and the client is told not to take it for a failure."""
    answer = failing(OutcomeUnknown(SECRET)).post("/register-carrier", json=FEDEX)
    message, details = failure(answer, 503)
    assert "could not be found out" in message
    assert details == {"outcome": "outcome-unknown"}
    assert int(answer.headers["Retry-After"]) >= 1
    assert "s3cret" not in answer.text
    assert ("app.api.http.errors", "ERROR") in [(r.name, r.levelname) for r in caplog.records]


def test_a_conflict_that_stays(failing: Failing) -> None:
    """409, after the bus has decided a few times."""
    answer = failing(VersionConflict(SECRET, 1, 2)).post("/register-carrier", json=FEDEX)
    assert "try again" in refused(answer, 409)
    assert "s3cret" not in answer.text


def test_a_carrier_that_is_there_already(failing: Failing) -> None:
    """409: the state forbids it."""
    answer = failing(AlreadyRegistered(SECRET)).post("/register-carrier", json=FEDEX)
    assert refused(answer, 409) == "This carrier is registered already"


@pytest.mark.parametrize("error", [ValueError(SECRET), KeyError(SECRET), MemoryError(SECRET)])
def test_a_mistake_of_ours(
    failing: Failing, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """500 in the envelope without a word of it; the log has the whole exception."""
    answer = failing(error).post("/register-carrier", json=FEDEX)
    assert "the log of the service" in refused(answer, 500)
    assert "s3cret" not in answer.text
    assert "Traceback" not in answer.text
    (logged,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert logged.exc_info is not None
    assert logged.exc_info[1] is error


def test_debugging_shows_no_more(settings: Settings, services: Services) -> None:
    """APP_DEBUG opens no page with a stack trace or a console."""

    def handler(command: RegisterCarrier, context: CommandContext) -> NoReturn:
        raise ValueError(SECRET)

    app = create_app(
        replace(settings, app_env="development", app_debug=True),
        replace(services, bus=CommandBus[CommandDone]({RegisterCarrier: handler}, KeptFigures())),
    )
    answer = app.test_client().post("/register-carrier", json=FEDEX)
    refused(answer, 500)
    assert "s3cret" not in answer.text


def test_an_event_that_cannot_be_read(client: FlaskClient, services: Services) -> None:
    """500: a carrier with a hole in its history is not shown as if it had none."""
    stream = str(uuid4())
    strange = event("CarrierVanished", payload=f'{{"x":"{SECRET}"}}')
    services.store.append(stream, NO_STREAM, [strange], uuid4(), Deadline.after(1))
    answer = client.get(f"/carriers/{stream}")
    refused(answer, 500)
    assert "Vanished" not in answer.text
    assert "s3cret" not in answer.text


def test_a_file_that_stays_locked(settings: Settings, services: Services) -> None:
    """On the real store: another process holds the write lock, and the time runs out. Nothing was
    done, and once the lock is gone the service works again."""
    client = create_app(replace(settings, request_timeout=0.2), services).test_client()
    with closing(sqlite3.connect(settings.sqlite_path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        message, details = failure(client.post("/register-carrier", json=FEDEX), 503)
        assert details == {"outcome": "not-started"}
        assert "nothing was done" in message
        other.execute("ROLLBACK")
        assert other.execute("SELECT count(*) FROM events").fetchone() == (0,)
        assert client.post("/register-carrier", json=FEDEX).status_code == 201
        assert other.execute("SELECT count(*) FROM events").fetchone() == (1,)


def test_a_file_that_is_spoilt(client: FlaskClient, settings: Settings) -> None:
    """On the real store: writing and reading are not available, and no driver's word gets out."""
    with closing(sqlite3.connect(settings.sqlite_path)) as other, other:
        other.execute("DROP TABLE events")
    for answer in (
        client.post("/register-carrier", json=FEDEX),
        client.get("/carriers/550e8400-e29b-41d4-a716-446655440000"),
    ):
        failure(answer, 503)
        assert "table" not in answer.text


def test_a_file_that_is_damaged(settings: Settings) -> None:
    """On the real store: what the disk has turned into noise is no mistake of the program."""
    built = build_services(settings)
    stored = create_app(settings, built).test_client().post("/register-carrier", json=FEDEX)
    built.close()
    with settings.sqlite_path.open("r+b") as file:
        size = file.seek(0, SEEK_END)
        file.seek(4096)  # the first page, which describes the table, stays
        file.write(b"\xa5" * (size - 4096))
    built = build_services(settings)
    client = create_app(settings, built).test_client()
    for answer in (
        client.get(stored.headers["Location"]),
        client.post("/register-carrier", json=FEDEX),
        client.get("/health/ready"),
    ):
        assert failure(answer, 503)[1] == {"outcome": "not-started"}
    built.close()


def test_a_place_where_no_file_can_be(tmp_path: Path) -> None:
    """A worker that cannot open its store answers, and is ready once it can: the end of each worker
    would be the end of the service."""
    (tmp_path / "file").touch()
    app = create_app(Settings(sqlite_path=tmp_path / "file" / "events.sqlite3"))
    client = app.test_client()
    failure(client.get("/health/ready"), 503)
    (tmp_path / "file").unlink()
    assert client.get("/health/ready").status_code == 200
    app.extensions["services"].close()
