"""API keys as an operator meets them: at the start, from the shell beside it, over the wire."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.keys import bearer
from tests.support.processes import free_port, wait_until
from tests.support.service import GUNICORN, Answer, Service, service_environment

ANYWHERE = "0.0.0.0"


def carriers(folder: Path, *arguments: str, **settings: str) -> str:
    """What `carriers keys` prints, run beside a service that works in the folder."""
    merged = {**os.environ, **service_environment(folder, **settings)}
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "keys", *arguments],
        env={name: value for name, value in merged.items() if value is not None},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()


def start_and_fail(folder: Path, **settings: str) -> str:
    """The only line of a service that does not start."""
    merged = {**os.environ, **service_environment(folder, PORT=str(free_port()), **settings)}
    done = subprocess.run(
        GUNICORN,
        env={name: value for name, value in merged.items() if value is not None},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode != 0
    (line,) = (done.stdout + done.stderr).splitlines()
    return line


def register(service: Service, headers: Mapping[str, str] | None = None) -> Answer:
    """Register another carrier."""
    body = {"name": "FedEx", "email": f"{uuid4().hex}@fedex.com"}
    return service.ask("POST", "/register-carrier", body, headers)


@pytest.mark.parametrize("host", [ANYWHERE, "::"])
def test_it_does_not_start_for_others_without_a_key(tmp_path: Path, host: str) -> None:
    """One line says what to do."""
    line = start_and_fail(tmp_path, HOST=host)
    assert line.startswith(f"HOST={host} can be reached by others and there is no API key")
    assert "carriers keys create" in line
    assert "ALLOW_ANONYMOUS=true" in line


def test_it_starts_for_others_with_a_key(tmp_path: Path) -> None:
    """And lets in who shows it."""
    text = carriers(tmp_path, "create", "--name", "tms", "--scope", "write")
    with Service(tmp_path, ANYWHERE) as service:
        assert register(service).status == 401
        assert register(service, bearer(text)).status == 201
        assert service.ask("GET", "/health/live").status == 200


def test_it_starts_for_others_where_that_is_allowed(tmp_path: Path) -> None:
    """ALLOW_ANONYMOUS=true: without a key, under any name."""
    with Service(tmp_path, ANYWHERE, ALLOW_ANONYMOUS="true") as service:
        assert register(service, {"Host": "api.example.com"}).status == 201


def test_it_starts_while_the_store_cannot_be_asked(tmp_path: Path) -> None:
    """Cassandra is down: nobody knows of a key, so nobody gets in, and its log says so."""

    def is_alive(service: Service) -> bool:
        try:
            return service.ask("GET", "/health/live").status == 200
        except OSError:
            return False

    settings = {"CASSANDRA_HOST": "127.0.0.1", "CASSANDRA_PORT": str(free_port())}
    with Service(tmp_path, ANYWHERE, is_alive, WORKERS="1", **settings) as service:
        assert register(service).status == 401
        assert register(service, bearer(f"abcdefghijkl.{'x' * 43}")).status == 503
        messages = [line["message"] for line in service.log_lines()]
        assert [each for each in messages if "whether there is an API key" in each]


def test_keys_come_and_go_while_it_runs(tmp_path: Path) -> None:
    """The first key closes the door to all others within the time that is promised, a revoked one
    is refused by each of three workers, and no log, figure or file holds a secret."""
    with Service(
        tmp_path, WORKERS="3", APP_ENV="development", APP_LOG_LEVEL="debug", APP_DEBUG="true"
    ) as service:
        assert register(service).status == 201
        text = carriers(tmp_path, "create", "--name", "tms", "--scope", "write")
        assert register(service, bearer(text)).status == 201
        wait_until(lambda: {register(service).status for _ in range(9)} == {401}, 60, "closed")
        prefix = text[:12]
        assert register(service, bearer(f"{prefix}.{'x' * 43}")).status == 401
        assert service.ask("GET", f"/{text}?key={text}", headers=bearer(text)).status == 404
        service.send(f"GET / HTTP/1.1\r\n{text}\r\n\r\n".encode())
        service.send(f"GET / HTTP/1.1\r\nAuthorization: {text * 200}\r\n\r\n".encode())
        half = f"GET /{text} HTTP/1.1\r\nAuthorization: Bearer {text}\r\nX: {text}"
        with socket.create_connection((service.host, service.port)) as connection:
            connection.sendall(half.encode())
        carriers(tmp_path, "revoke", prefix)
        wait_until(
            lambda: {register(service, bearer(text)).status for _ in range(9)} == {401},
            60,
            "refused by each worker",
        )
        metrics = service.ask("GET", "/metrics").body.decode()
        assert service.server.stop() == 0
    logs = service.server.output() + (tmp_path / "logs/app.log").read_text()
    for hidden in (prefix, text[13:], "xxxxxxxx"):
        assert hidden not in logs
        assert hidden not in metrics
        assert hidden not in service.printed.read_text()
    stored = b"".join(file.read_bytes() for file in (tmp_path / "var").iterdir())
    assert text[13:].encode() not in stored
