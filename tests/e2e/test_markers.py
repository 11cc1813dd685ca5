"""Nothing that a client sends is found in a log, metric or trace, or in what others are told.

Logged on purpose are the request id that a client chooses, and of a key its name and its prefix.
"""

from __future__ import annotations

import http.client
import re
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import pytest

from app.infrastructure.sqlite.keys import SqliteKeyStore
from tests.support.collector import Collector
from tests.support.front import Front, front
from tests.support.keys import add_key, bearer
from tests.support.markers import MARK, PHONE_MARK, Change, credentials, places
from tests.support.processes import wait_until
from tests.support.service import Service
from tests.support.wire_requests import WireRequest, described_by_default

pytestmark = pytest.mark.nginx

LEAKED = re.compile(rf"{MARK}|{PHONE_MARK}", re.IGNORECASE)


@dataclass
class Sent:
    """What was sent, with the service still running."""

    service: Service
    nginx: Front
    key: str
    collector: Collector
    answers: list[tuple[str, int, str]] = field(default_factory=list)

    def send(self, change: Change, port: int) -> None:
        """Put a marker of its own into a request, send it and keep the answer."""
        mark = f"{MARK}{len(self.answers):05d}"
        status, text = exchanged(port, change(mark))
        self.answers.append((mark, status, text))


@pytest.fixture(scope="module")
def sent(require_nginx: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sent]:
    """A marker in each place of each request, every other one through nginx."""
    folder = tmp_path_factory.mktemp("markers")
    key = add_key(SqliteKeyStore(folder / "var/events.sqlite3"))
    templates = described_by_default(folder)
    with ExitStack() as stack:
        collector = stack.enter_context(Collector())
        service = Service(
            folder,
            "127.0.0.1",
            None,
            **{"APP_LOG_LEVEL": "debug", "LOG_CLIENT_ADDRESS": "false", **collector.settings},
            # On a busy machine a listener that has gone keeps its place for a while.
            LISTENERS="256",
        )
        stack.enter_context(service)
        nginx = stack.enter_context(front(folder / "nginx", service.port, timeout="10s"))
        made = Sent(service, nginx, key, collector)
        ports = (service.port, nginx.port)
        carrier = {"name": "FedEx", "email": "contact@fedex.com"}
        known = service.ask("POST", "/register-carrier", carrier, bearer(key)).json["data"]
        turn = count()
        for template in templates:
            path = template.path.replace(b"{carrier_id}", known["carrier_id"].encode())
            about = replace(template, path=path)
            for change in (*credentials(about, key), *places(about, key)):
                made.send(change, ports[next(turn) % 2])
        last = {**bearer(key), "X-Request-ID": "the-last"}
        assert service.ask("GET", "/carriers", None, last).status == 200
        wait_until(lambda: "the-last" in service.server.output(), 10, "all lines of the log")
        yield made


def exchanged(port: int, request: WireRequest) -> tuple[int, str]:
    """Status and text of the first answer; 0 without one."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        with suppress(ConnectionError):
            connection.sendall(request.raw())
        with closing(
            http.client.HTTPResponse(connection, method=request.method.decode())
        ) as answer:
            try:
                answer.begin()
            except (http.client.HTTPException, ConnectionError):
                return 0, ""
            endless = answer.headers.get_content_type() == "text/event-stream"
            text = "" if endless else answer.read().decode("latin-1")
            return answer.status, f"{answer.headers}{text}"


def test_the_service_was_asked_in_earnest(sent: Sent) -> None:
    """Of what follows: markers were accepted, refused for each reason, and none was a fault."""
    statuses = {status for _, status, _ in sent.answers}
    assert {200, 201, 400, 401, 404, 405, 409, 415, 422, 429, 431} <= statuses
    # 501: an unknown transfer coding.
    assert [answer for answer in sent.answers if answer[1] >= 500 and answer[1] != 501] == []
    listed = sent.service.ask("GET", "/carriers", None, bearer(sent.key)).body.decode()
    assert LEAKED.search(listed), "markers that are where they belong"


def test_no_log_holds_a_marker(sent: Sent) -> None:
    """Not at the level debug either: the files, stderr and nginx's lines."""
    files = [path for path in sent.service.folder.rglob("*") if path.is_file()]
    logs = [path for path in files if "log" in path.name or path.name in {"stderr", "stdout"}]
    assert {path.name for path in logs} >= {"stderr", "app.log", "nginx.log"}
    for path in logs:
        assert not LEAKED.search(path.read_text()), path
        assert sent.key.partition(".")[2] not in path.read_text(), path


def test_no_metric_holds_a_marker(sent: Sent) -> None:
    """Neither a name nor a label."""
    metrics = sent.service.ask("GET", "/metrics")
    assert metrics.status == 200
    assert not LEAKED.search(metrics.body.decode())


def test_no_trace_holds_a_marker(sent: Sent) -> None:
    """Neither a name nor an attribute, link or state of any span."""
    wait_until(
        lambda: any(each.name == "store append" for each in list(sent.collector.spans)),
        10,
        "spans of what was sent",
    )
    for body in list(sent.collector.raw):
        assert not LEAKED.search(body.decode("latin-1"))
        assert sent.key.partition(".")[2] not in body.decode("latin-1")


def test_no_error_tells_what_others_sent(sent: Sent) -> None:
    """An error may repeat a part of its own request alone, and never a credential. But 412 tells
    whoever may read the carrier what has happened to it."""
    for mark, status, text in sent.answers:
        if status >= 400 and status != 412:
            assert {found.lower() for found in re.findall(rf"(?i){MARK}\d*", text)} <= {mark}


def test_no_error_repeats_a_credential(sent: Sent) -> None:
    """401 and 429 say nothing of what was shown."""
    refused = [text for _, status, text in sent.answers if status in {401, 429}]
    assert refused
    assert not [text for text in refused if LEAKED.search(text)]


def test_a_damaged_event_is_told_without_what_it_holds(sent: Sent) -> None:
    """The log names its stream and version."""
    with closing(sqlite3.connect(sent.service.database)) as database, database:
        row = database.execute(
            "SELECT aggregate_id FROM events WHERE payload LIKE ?", (f"%{MARK}%",)
        )
        stream = row.fetchone()[0]
        database.execute(
            "UPDATE events SET payload = substr(payload, 1, length(payload) - 1)"
            " WHERE aggregate_id = ?",
            (stream,),
        )
    answer = sent.service.ask("GET", f"/carriers/{stream}/history", None, bearer(sent.key))
    assert answer.status == 500

    def told() -> list[dict[str, Any]]:
        return [line for line in sent.service.log_lines() if stream in line["message"]]

    wait_until(lambda: bool(told()), 10, "the line about the stream")
    assert not LEAKED.search(f"{told()}{answer.body!r}")
