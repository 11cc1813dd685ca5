"""Requests that are nearly valid, over every address: none is answered 5xx, and none does harm.

A failure names the seed and the request; MUTATIONS=seed sends the same requests again.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import socket
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from pathlib import Path
from random import Random
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.bootstrap import build_services
from app.infrastructure.sqlite.keys import SqliteKeyStore
from config.settings import Settings
from tests.support.keys import add_key, bearer
from tests.support.measurements import Figures, each_round
from tests.support.mutations import damaged, mutated
from tests.support.service import Service
from tests.support.wire_requests import (
    Pairs,
    WireRequest,
    described_by_default,
    described_requests,
)

pytestmark = pytest.mark.soak

IN_PROCESS = 45_000
OVER_THE_WIRE = 5_000
WORKERS = 2
RENEWED_EVERY = 150
BUDGET_SECONDS = 1.3
"""A wait for the next event of the feed ends a second before this."""

SAID_BY_HTTP = {501, 505}
"""What a server has to say of a transfer coding, or a version of HTTP, that it does not know."""

Ask = Callable[[str, str, object, dict[str, str]], Any]
"""Sends a proper request: method, path, body and headers; returns the answer's data and headers."""


@dataclass(frozen=True)
class Known:
    """What a valid request can name, of an application that answers `ask`."""

    carriers: list[bytes]
    token: bytes
    cursor: bytes
    feed: bytes

    @classmethod
    def anew(cls, ask: Ask, name: str) -> Known:
        """With three new carriers, whose ids follow from `name`."""
        carriers = []
        for number in range(3):
            body = {"name": "FedEx", "email": f"{name}-{number}@fedex.com"}
            key = {"Idempotency-Key": f"{name}-{number}"}
            done, headers = ask("POST", "/register-carrier", body, key)
            carriers.append(done["carrier_id"].encode())
        token = headers["Consistency-Token"]
        page, _ = ask("GET", "/carriers?limit=1", None, {"Consistency-Token": token})
        feed, _ = ask("GET", "/events?limit=1", None, {})
        return cls(carriers, token.encode(), page["next"].encode(), feed["feed"].encode())


@pytest.fixture(scope="module")
def seed() -> str:
    """Another one in each run, unless MUTATIONS names one."""
    return os.environ.get("MUTATIONS") or secrets.token_hex(4)


class Mutations:
    """Mutated requests by number, with a key that is valid unless it is what was mutated."""

    def __init__(self, seed: str, key: str, templates: list[WireRequest], ask: Ask) -> None:
        self._seed = seed
        self._key = (b"Authorization", bearer(key)["Authorization"].encode())
        self._templates = templates
        self._with_input = [each for each in templates if each.query or each.body]
        self._ask = ask
        self._known = Known([], b"", b"", b"")

    def request(self, number: int) -> tuple[WireRequest, Random]:
        """The request with this number, about one of a few new carriers, and what chose it."""
        if number % RENEWED_EVERY == 0:
            self._known = Known.anew(self._ask, f"{self._seed}-{number}")
        random = Random(f"{self._seed}:{number}")
        # Addresses that take no input are asked now and then: theirs are the costliest answers.
        chosen = self._with_input if number % 10 else self._templates
        template = random.choice(chosen)
        valid = replace(
            template,
            path=template.path.replace(b"{carrier_id}", random.choice(self._known.carriers)),
            query=self._filled_in(template.query, number, random),
            headers=(*self._filled_in(template.headers, number, random), self._key),
            body=template.body.replace(b"contact@fedex.com", b"a%d@fedex.com" % number),
        )
        return mutated(valid, random), random

    def named(self, number: int, sent: bytes) -> str:
        """What is needed to repeat it."""
        return f"MUTATIONS={self._seed}, request {number}: {sent[:4000]!r}"

    def _filled_in(self, pairs: Pairs, number: int, random: Random) -> Pairs:
        """About half of the pairs, with values that are true here."""
        here = {
            b"Idempotency-Key": b"a-%d" % number,
            b"Consistency-Token": self._known.token,
            b"cursor": self._known.cursor,
            b"feed": self._known.feed,
            b"dry_run": b"false",
            b"status": b"active",
        }
        return tuple(
            (name, here.get(name, value))
            for name, value in pairs
            if name == b"Content-Type" or random.random() < 0.4
        )


def test_no_mutated_request_is_a_fault_of_the_service(
    seed: str, figures: Figures, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Each is answered below 500 and leaves no error in the log; what was accepted can be read."""
    settings = Settings(app_env="testing", sqlite_path=tmp_path / "events.sqlite3")
    key = add_key(SqliteKeyStore(settings.sqlite_path))
    services = build_services(settings)
    app = create_app(settings, services)
    ask = asking(app.test_client(), key)
    templates = described_requests(app)
    mutations = Mutations(seed, key, templates, ask)
    statuses: Counter[int] = Counter()
    with closing(services), caplog.at_level(logging.ERROR):
        for number in each_round(IN_PROCESS):
            request, random = mutations.request(number)
            status = answered(app, request, str(IPv4Address(random.getrandbits(32))))
            statuses[status] += 1
            assert status < 500, mutations.named(number, request.raw())
            assert not caplog.records, mutations.named(number, request.raw())
        assert_all_can_be_read(ask)
    figures.add("mutated requests, in process", statuses.total(), f"none 5xx; {told(statuses)}")


def asking(client: FlaskClient, key: str) -> Ask:
    """See Ask."""

    def ask(method: str, path: str, body: object, headers: dict[str, str]) -> Any:  # noqa: ANN401
        answer = client.open(path, method=method, json=body, headers={**bearer(key), **headers})
        assert answer.status_code < 300, answer.text
        return answer.get_json()["data"], answer.headers

    return ask


def answered(app: Flask, request: WireRequest, client: str) -> int:
    """The status of the answer, after a look at its body; of an endless one at its beginning."""
    begun: list[str] = []
    environ = request.environ(client)
    environ["request.deadline"] = time.monotonic() + BUDGET_SECONDS
    parts: Any = app(environ, lambda status, *_: begun.append(status))  # type: ignore[arg-type]
    try:
        for _ in parts:
            if request.path.endswith(b"/stream"):
                break
    finally:
        parts.close()
    return int(begun[0].split()[0])


def assert_all_can_be_read(ask: Ask) -> None:
    """The feed, the history of each of its carriers, and the view of all carriers."""
    after, seen = 0, set()
    while (page := ask("GET", f"/events?after={after}&limit=1000", None, {})[0])["events"]:
        seen |= {each["subject"] for each in page["events"] if each["source"] == "/carriers"}
        after = page["next"]
    for carrier_id in seen:
        assert ask("GET", f"/carriers/{carrier_id}/history", None, {})[0]["events"]
    token = Known.anew(ask, "at-the-end").token.decode()
    listed, path = 0, "/carriers?limit=100"
    while path:
        page, _ = ask("GET", path, None, {"Consistency-Token": token})
        listed += len(page["carriers"])
        path = page["next"] and f"/carriers?limit=100&cursor={page['next']}"
    assert listed == len(seen) + 3


def told(statuses: Counter[int]) -> str:
    """How often each status was answered."""
    return ", ".join(f"{count} times {status}" for status, count in sorted(statuses.items()))


def test_no_mutated_bytes_are_a_fault_of_the_service(
    seed: str, figures: Figures, tmp_path: Path
) -> None:
    """The same over connections to gunicorn, with bytes of the request itself changed too."""
    store = SqliteKeyStore(tmp_path / "var/events.sqlite3")
    key = add_key(store)
    described = described_by_default(tmp_path)
    templates = [each for each in described if not each.path.endswith(b"/stream")]
    statuses: Counter[int] = Counter()
    with Service(
        tmp_path, WORKERS=str(WORKERS), REQUEST_TIMEOUT=str(BUDGET_SECONDS + 1)
    ) as service:
        mutations = Mutations(seed, key, templates, asking_over_the_wire(service, key))
        for number in each_round(OVER_THE_WIRE):
            request, random = mutations.request(number)
            sent = request.raw()
            sent = damaged(sent, random) if random.random() < 0.5 else sent
            found = answered_over_the_wire(service, sent)
            statuses.update(found)
            assert all(each < 500 or each in SAID_BY_HTTP for each in found), mutations.named(
                number, sent
            )
        workers = service.workers()
        assert len(workers) == WORKERS
        assert service.server.stop() == 0
    errors = [line for line in service.log_lines() if line["level"] in {"error", "critical"}]
    assert not errors, f"MUTATIONS={seed}"
    figures.add("mutated bytes, over the wire", statuses.total(), f"none 5xx; {told(statuses)}")


def asking_over_the_wire(service: Service, key: str) -> Ask:
    """See Ask."""

    def ask(method: str, path: str, body: object, headers: dict[str, str]) -> Any:  # noqa: ANN401
        answer = service.ask(method, path, body, {**bearer(key), **headers})
        assert answer.status < 300, answer.body
        return answer.json["data"], answer.headers

    return ask


def answered_over_the_wire(service: Service, sent: bytes) -> list[int]:
    """The statuses of all answers to these bytes, after which nothing more is sent."""
    received = b""
    address = (service.host, service.port)
    with suppress(ConnectionError), socket.create_connection(address, timeout=20) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        while part := connection.recv(65_536):
            received += part
    return [
        int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) [A-Z][A-Za-z -]*\r\n", received)
    ]
