"""A peer: what our Cassandra store writes for a registration, sent by the bare driver.

With our own cluster options (TCP_NODELAY, consistency, no retries) and statements, from as many
processes and threads as serve requests: what is left out is everything around the statements.
"""

import multiprocessing
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from multiprocessing.connection import Connection
from uuid import uuid4

from cassandra.cluster import Session
from cassandra.query import BatchStatement, Statement

import app.infrastructure.cassandra.append.event_store  # noqa: F401 - registers its statements
from app.application.ports.event_store import NO_CLAIMS, NO_STREAM, Claim, Claims, EventData
from app.bootstrap import cassandra_contact
from app.infrastructure.cassandra.append.commit import Commit, batch_of
from app.infrastructure.cassandra.append.intent_log import IntentId, intent_row
from app.infrastructure.cassandra.session import make_cluster
from app.infrastructure.cassandra.statements import STATEMENTS
from bench.load import new_carrier
from config.settings import Settings

_STATEMENTS = ("prepare", "claim", "move_head", "hold", "insert_first")
_START_SECONDS = 60.0
_SPARE_SECONDS = 60.0


class RawDriver:
    """`settings.workers` processes, each with a session of its own and `settings.threads` threads,
    which begin streams one after the other: with `all_writes` as a registration does (the intent,
    the claim, the append), without only by the append."""

    def __init__(self, settings: Settings, *, all_writes: bool) -> None:
        self._processes = [_Process(settings, all_writes) for _ in range(settings.workers)]

    def rate(self, seconds: float) -> float:
        """Streams begun per second. Raises RuntimeError if one was not."""
        for process in self._processes:
            process.ask(seconds)
        return sum(process.answer(seconds + _SPARE_SECONDS) for process in self._processes)

    def __enter__(self) -> "RawDriver":
        for process in self._processes:
            process.answer(_START_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.close()


class _Process:
    """One of them, as its parent sees it: it says 0.0 once it is ready, then answers each number of
    seconds with a rate."""

    def __init__(self, settings: Settings, all_writes: bool) -> None:
        spawning = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawning.Pipe()
        self._process = spawning.Process(target=_serve, args=(theirs, settings, all_writes))
        self._process.start()
        theirs.close()

    def ask(self, seconds: float) -> None:
        """Have it write for so long."""
        self._pipe.send(seconds)

    def answer(self, patience: float) -> float:
        """What it says next."""
        try:
            if self._pipe.poll(patience):
                rate: float = self._pipe.recv()
                return rate
        except EOFError:
            pass
        raise RuntimeError("a process of the raw driver has failed; its error is above")

    def close(self) -> None:
        """End it."""
        self._pipe.close()
        self._process.join(_SPARE_SECONDS)
        self._process.kill()


def _serve(parent: Connection, settings: Settings, all_writes: bool) -> None:
    # As in our workers, which wait for the driver's thread too.
    sys.setswitchinterval(0.001)
    contact = cassandra_contact(settings)
    cluster = make_cluster(contact)
    try:
        session = cluster.connect(settings.cassandra_keyspace)
        registration = _Registration(session, contact.serial_consistency)
        begin = registration.all_writes if all_writes else registration.append_alone
        parent.send(0.0)
        while True:
            parent.send(_rate(begin, settings.threads, parent.recv()))
    except EOFError:  # nobody asks any more
        pass
    finally:
        cluster.shutdown()


def _rate(begin_stream: Callable[[], None], threads: int, seconds: float) -> float:
    counts: list[int] = []
    started = time.monotonic()

    def work() -> None:
        begun = 0
        while time.monotonic() - started < seconds:
            begin_stream()
            begun += 1
        counts.append(begun)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if len(counts) < threads:
        raise RuntimeError("a request to Cassandra failed; its error is above")
    return sum(counts) / (time.monotonic() - started)


class _Registration:
    """The writes of a registration, with as many bytes as ours has."""

    def __init__(self, session: Session, serial_consistency: int) -> None:
        self._session = session
        self._serial = serial_consistency
        self._statements = {name: session.prepare(STATEMENTS[name]) for name in _STATEMENTS}
        self._log = uuid4()
        self._numbers = count(1)

    def all_writes(self) -> None:
        """The intent, the claim, and the append, one after the other."""
        email, commit = _registration()
        intent = IntentId(self._log, next(self._numbers))
        claim = Claim("email", email)
        self._prepare(intent, commit)
        self._claim(claim, commit.stream)
        self._append(replace(commit, claims=Claims(taken=(claim,))), intent)

    def append_alone(self) -> None:
        """The append, of an event that takes no value."""
        _, commit = _registration()
        self._append(commit, IntentId(self._log, next(self._numbers)))

    def _prepare(self, intent: IntentId, commit: Commit) -> None:
        name, row = intent_row(intent, commit.stream, 1, commit.events)
        self._session.execute(self._statements[name].bind(row))

    def _claim(self, claim: Claim, stream: str) -> None:
        row = (claim.scope, claim.value, stream, uuid4())
        self._apply(self._statements["claim"].bind(row))

    def _append(self, commit: Commit, intent: IntentId) -> None:
        batch = BatchStatement()
        for name, values in batch_of(commit, None, intent):
            batch.add(self._statements[name], values)
        self._apply(batch)

    def _apply(self, conditional: Statement) -> None:
        conditional.serial_consistency_level = self._serial
        if not self._session.execute(conditional).one()["[applied]"]:
            raise RuntimeError("a new stream was not begun")


def _registration() -> tuple[str, Commit]:
    """A new carrier's address, and the commit of its first event."""
    name, email = new_carrier()
    commit_id = uuid4()
    event = EventData(
        event_id=uuid4(),
        event_type="CarrierRegistered",
        payload=f'{{"name":"{name}","email":"{email}"}}',
        metadata=(
            f'{{"commit_id":"{commit_id}","correlation_id":"{commit_id.hex}","causation_id":'
            f'"{commit_id}","actor":"anonymous","schema_version":1}}'
        ),
        created_at=datetime.now(UTC),
    )
    return email, Commit(str(uuid4()), NO_STREAM, (event,), commit_id, NO_CLAIMS)
