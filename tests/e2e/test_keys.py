"""API keys as an operator meets them: at the start, from the shell beside it, over the wire."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from app.application.access.failures import FAILURES
from tests.support.keys import bearer, new_key
from tests.support.nginx import start_nginx
from tests.support.nginx_conf import nginx_conf
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
    is refused by each of three workers, and no log, figure or file holds a secret; a prefix, which
    is none, is a field of access lines only."""
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
            lambda: {register(service, bearer(text)).status for _ in range(9)} <= {401, 429},
            60,
            "refused by each worker",
        )
        metrics = service.ask("GET", "/metrics").body.decode()
        assert service.server.stop() == 0
    logs = service.server.output() + (tmp_path / "logs/app.log").read_text()
    logs = logs.replace(f'"key":"{prefix}"', "")
    for hidden in (prefix, text[13:], "xxxxxxxx"):
        assert hidden not in logs
        assert hidden not in metrics
        assert hidden not in service.printed.read_text()
    stored = b"".join(file.read_bytes() for file in (tmp_path / "var").iterdir())
    assert text[13:].encode() not in stored


WORKERS = 3


def listed(folder: Path) -> list[dict[str, Any]]:
    """What `carriers keys list` tells programs."""
    found: list[dict[str, Any]] = json.loads(carriers(folder, "list", "--json"))
    return found


def access_lines(service: Service, status: int) -> list[dict[str, Any]]:
    """What the log says of the commands that were answered so."""
    return [
        line
        for line in service.log_lines()
        if line["logger"] == "app.access"
        and line["status"] == status
        and line["route"] == "/register-carrier"
    ]


def test_wrong_keys_in_a_row_are_limited(tmp_path: Path) -> None:
    """Of 400 from one address each worker looks at twenty; the others get 429 with the seconds to
    wait. Whoever has a valid key is answered from the same address all the while."""
    text = carriers(tmp_path, "create", "--name", "tms", "--scope", "write")
    with Service(tmp_path, WORKERS=str(WORKERS)) as service:
        answers = [register(service, bearer(new_key()[1])) for _ in range(400)]
        refused = [answer for answer in answers if answer.status == 429]
        assert {answer.status for answer in answers} == {401, 429}
        assert FAILURES <= len(answers) - len(refused) <= WORKERS * FAILURES
        assert all(1 <= int(answer.headers["Retry-After"]) <= 60 for answer in refused)
        assert [register(service, bearer(text)).status for _ in range(30)] == [201] * 30
        figures = service.ask("GET", "/metrics").body.decode()
    assert f'authentication_failures_total{{cause="limited"}} {len(refused)}.0' in figures
    assert f'authentication_failures_total{{cause="unknown"}} {400 - len(refused)}.0' in figures


def test_an_expired_key_is_refused_by_every_worker_at_once(tmp_path: Path) -> None:
    """Though each has it in memory and was just asking with it: by the clock, not by the store."""
    with Service(tmp_path, WORKERS=str(WORKERS)) as service:
        expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=10)
        moment = expires_at.isoformat().replace("+00:00", "Z")
        made = ("create", "--name", "tms", "--scope", "write", "--expires", moment)
        text = carriers(tmp_path, *made)
        statuses = set()
        while (asked_at := datetime.now(UTC)) < expires_at + timedelta(seconds=1):
            answer = register(service, bearer(text))
            statuses.add(answer.status)
            if asked_at >= expires_at:
                assert answer.status in {401, 429}
        assert statuses >= {201, 401}
        assert register(service).status == 401, "a key that has expired opens no door"
    (line, *_) = access_lines(service, 401)
    assert (line["actor"], line["key"]) == ("anonymous", text[:12])
    assert listed(tmp_path)[0]["expires_at"] == moment.replace("Z", ".000+00:00")


def test_the_last_use_is_noted_behind_the_requests(tmp_path: Path) -> None:
    """By several workers, within seconds; a key that was only tried with a wrong secret is none
    that was used."""
    used = carriers(tmp_path, "create", "--name", "used", "--scope", "write")
    tried = carriers(tmp_path, "create", "--name", "tried", "--scope", "write")
    before = datetime.now(UTC).replace(second=0, microsecond=0)
    with Service(tmp_path, WORKERS=str(WORKERS)) as service:
        for _ in range(20):
            assert register(service, bearer(used)).status == 201
            register(service, bearer(f"{tried[:12]}.{'x' * 43}"))
        wait_until(lambda: listed(tmp_path)[0]["last_used_at"], 20, "the use to be noted")
        assert service.server.stop() == 0
    by_name = {key["name"]: key["last_used_at"] for key in listed(tmp_path)}
    assert before <= datetime.fromisoformat(by_name["used"]) <= datetime.now(UTC)
    assert by_name["tried"] is None


@pytest.mark.nginx
@pytest.mark.parametrize("logged", [True, False])
def test_behind_nginx_the_client_is_the_one_that_nginx_saw(
    tmp_path: Path, require_nginx: str, logged: bool
) -> None:
    """Whatever a client claims about itself. Without the setting no line tells."""
    assert require_nginx
    text = carriers(tmp_path, "create", "--name", "tms", "--scope", "write")
    settings = {"LOG_CLIENT_ADDRESS": "true"} if logged else {}
    listen = free_port()
    with ExitStack() as stack:
        service = stack.enter_context(Service(tmp_path, "127.0.0.1", None, **settings))
        conf = nginx_conf(listen=listen, tls_listen=free_port(), upstream=service.port)
        stack.callback(start_nginx(conf, tmp_path / "nginx", port=listen).stop)
        direct, service.port = service.port, listen
        claimed = {**bearer(text), "X-Forwarded-For": "203.0.113.7"}
        assert register(service, {**claimed, "X-Request-ID": "through-nginx"}).status == 201
        service.port = direct
        assert register(service, {**claimed, "X-Request-ID": "direct"}).status == 201
    lines = {line["request_id"]: line for line in access_lines(service, 201)}
    clients = {"through-nginx": "127.0.0.1", "direct": "203.0.113.7"}
    assert {request: line.get("client") for request, line in lines.items()} == (
        clients if logged else dict.fromkeys(clients)
    )
    assert {(line["actor"], line["key"]) for line in lines.values()} == {("tms", text[:12])}


def test_a_proxy_that_is_not_named_is_not_believed(tmp_path: Path) -> None:
    """FORWARDED_ALLOW_IPS says who may speak for others."""
    text = carriers(tmp_path, "create", "--name", "tms", "--scope", "write")
    settings = {"LOG_CLIENT_ADDRESS": "true", "FORWARDED_ALLOW_IPS": "10.0.0.0/8"}
    with Service(tmp_path, "127.0.0.1", None, **settings) as service:
        claimed = {**bearer(text), "X-Forwarded-For": "203.0.113.7"}
        assert register(service, claimed).status == 201
    (line,) = access_lines(service, 201)
    assert line["client"] == "127.0.0.1"
