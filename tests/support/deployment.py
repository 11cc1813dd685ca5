"""Beside the way of the data: the running service over either store, for proofs that hold for both.

Clients here are patient: whoever gets no answer, because a worker was killed say, sends again.
"""

from __future__ import annotations

import http.client
import os
import random
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Timer
from typing import NamedTuple
from uuid import uuid4

import pytest

from app.application.repository import CarrierRepository
from app.infrastructure.cassandra.session import Contact
from app.infrastructure.clock import system_clock
from app.infrastructure.codec import JsonCodec
from tests.support.cassandra_node import Node
from tests.support.processes import wait_until
from tests.support.service import Answer, Service
from tests.support.stores import KEYSPACE, driver_session, make_keyspace, open_store, soon
from tests.support.threads import at_once

STORES = ("sqlite", "cassandra")
DYING = "tests.support.dying_service:app"
_PATIENCE_SECONDS = 30


class Request(NamedTuple):
    """A POST; with a key it is always the same attempt."""

    path: str
    body: Mapping[str, str]
    key: str | None = None


def registration(email: str, key: str | None = None) -> Request:
    """Of a carrier at this address."""
    return Request("/register-carrier", {"name": "FedEx", "email": email}, key)


class Deployment:
    """The service and what it keeps. `store_name` is for `open_store`."""

    def __init__(self, service: Service, store_name: str, contact: Contact | None) -> None:
        self.service = service
        self.store_name = store_name
        self._contact = contact
        # How long a dozen requests at once take, about.
        self._busy_seconds = 0.02 if contact is None else 0.06

    def post(self, request: Request, **headers: str) -> Answer | None:
        """Sent once; None if there was no answer."""
        named = {} if request.key is None else {"Idempotency-Key": request.key}
        with suppress(OSError, http.client.HTTPException):
            return self.service.ask("POST", request.path, request.body, {**named, **headers})
        return None

    def insist(self, request: Request) -> Answer:
        """Sent until there is an answer."""
        answer = wait_until(
            lambda: self.post(request), _PATIENCE_SECONDS, f"an answer to POST {request.path}"
        )
        assert answer is not None
        return answer

    def insist_at_once(self, requests: Sequence[Request]) -> list[Answer]:
        """Each by a client of its own, all starting together."""
        return at_once(
            len(requests), lambda client: self.insist(requests[client]), 2 * _PATIENCE_SECONDS
        )

    def post_and_kill(
        self, requests: Sequence[Request], chance: random.Random, *, every: bool = False
    ) -> list[Answer | None]:
        """Each sent once, by a client of its own, while one worker or `every` one is killed at a
        random moment. None where there was no answer."""
        kill = partial(self._kill_workers, chance, every=every)
        timer = Timer(chance.uniform(0, self._busy_seconds), kill)
        timer.start()
        try:
            return at_once(
                len(requests), lambda client: self.post(requests[client]), 2 * _PATIENCE_SECONDS
            )
        finally:
            timer.join()

    def history(self, carrier_id: str) -> list[Mapping[str, object]]:
        """All events of a carrier."""
        answer = wait_until(
            lambda: self._get(f"/carriers/{carrier_id}/history"), _PATIENCE_SECONDS, "a history"
        )
        assert answer is not None
        assert answer.status == 200
        events: list[Mapping[str, object]] = answer.json["data"]["events"]
        return events

    def workers(self) -> list[int]:
        """Process ids."""
        return self.service.workers()

    def streams(self) -> set[str]:
        """All that there are."""
        return self._kept()[0]

    def disagreements(self, but: set[str]) -> list[str]:
        """In all streams but these: where claims differ from what the events say, and values that
        two of them have."""
        pairs: set[tuple[_Unique, str]] = set()
        streams, rows, held = self._kept()
        with closing(open_store(self.store_name)) as store:
            carriers = CarrierRepository(store, JsonCodec(), system_clock)
            for stream in streams - but:
                view = carriers.show(stream, soon())
                pairs |= {(unique, stream) for unique in view.state.unique_values}
        held = {pair for pair in held if pair[1] not in but}
        owners = Counter(unique for unique, _ in pairs)
        found = [f"{unique} has {count} owners" for unique, count in owners.items() if count > 1]
        found += [f"held, but not by the events: {pair}" for pair in held - pairs]
        found += [f"not held: {pair}" for pair in pairs - held]
        found += [f"no row: {pair}" for pair in pairs if rows.get(pair[0]) != pair[1]]
        return found

    def _kill_workers(self, chance: random.Random, *, every: bool) -> None:
        """With kill -9; the master starts new ones."""
        workers = self.workers()
        for pid in workers if every else chance.sample(workers, min(1, len(workers))):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _get(self, path: str) -> Answer | None:
        with suppress(OSError, http.client.HTTPException):
            return self.service.ask("GET", path)
        return None

    def _kept(self) -> _Kept:
        if self._contact is None:
            return _kept_by_sqlite(self.service.database)
        return _kept_by_cassandra(self._contact, self.store_name.rpartition(":")[2])


_Unique = tuple[str, str]
_Kept = tuple[set[str], dict[_Unique, str], set[tuple[_Unique, str]]]
"""All streams; the rows that name owners; which stream holds what."""


def _kept_by_sqlite(path: Path) -> _Kept:
    with closing(sqlite3.connect(path)) as database:
        streams = {row[0] for row in database.execute("SELECT aggregate_id FROM events")}
        rows = {
            row[:2]: row[2] for row in database.execute("SELECT scope, value, owner FROM claims")
        }
    return streams, rows, set(rows.items())


def _kept_by_cassandra(contact: Contact, keyspace: str) -> _Kept:
    with driver_session(contact, keyspace) as session:
        found = list(session.execute("SELECT DISTINCT aggregate_id, head, claims FROM events"))
        claims = list(session.execute("SELECT scope, value, owner FROM claims"))
    rows = {(row["scope"], row["value"]): row["owner"] for row in claims}
    held = {
        ((scope, value), row["aggregate_id"])
        for row in found
        for scope, _, value in (each.partition(":") for each in row["claims"] or ())
    }
    # A fence that was moved is all there is of a stream whose writer never came back.
    return {row["aggregate_id"] for row in found if row["head"]}, rows, held


@contextmanager
def deployed(
    request: pytest.FixtureRequest, store: str, folder: Path, app: str = "wsgi:app"
) -> Iterator[Deployment]:
    """The service with two workers over this store."""
    settings = {"WORKERS": "2", "THREADS": "16"}
    contact = None
    name = f"sqlite:{folder / 'var/events.sqlite3'}"
    if store == "cassandra":
        node: Node = request.getfixturevalue("cassandra_node")
        contact = make_keyspace(node)
        name = f"cassandra:{node.host}:{node.port}:{KEYSPACE}"
        settings |= {
            "CASSANDRA_HOST": node.host,
            "CASSANDRA_PORT": str(node.port),
            "CASSANDRA_KEYSPACE": KEYSPACE,
        }
    service = Service(folder, host="127.0.0.1", ready=None, **settings)
    service.server.command[-1] = app
    with service:
        yield Deployment(service, name, contact)


def new_address() -> str:
    """An e-mail address that nobody has had before."""
    return f"{uuid4()}@example.com"


def spelled(address: str, chance: random.Random) -> str:
    """The same address, in upper and lower case at random."""
    return "".join(chance.choice((letter.upper(), letter.lower())) for letter in address)


def store_of(deployment: Deployment) -> str:
    """The store's name for the figures."""
    return deployment.store_name.partition(":")[0]


def carrier_of(answer: Answer) -> str:
    """The id of the carrier that the answer is about."""
    carrier_id: str = answer.json["data"]["carrier_id"]
    return carrier_id
