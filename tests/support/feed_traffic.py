"""Beside the way of the data: writers, sequencers and readers of a feed, each to be run in a
process of its own (`forks`) and to be killed and paused at any moment.

What a writer has as acknowledged and what a reader saw is in their files before they do anything
else. Moments are of the monotonic clock, which all processes of a machine share.
"""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import UUID, uuid4, uuid5

from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.ports.event_store import NO_STREAM, EventData, EventStore, VersionConflict
from app.application.ports.feed import Feed, StepResult
from app.infrastructure.cassandra.feed.reader import CassandraFeed
from app.infrastructure.cassandra.feed.sequencer import CassandraSequencer
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.session import CassandraSession, Contact, Row
from app.infrastructure.sqlite.feed import SqliteFeed
from tests.support.interrupted import APPEND, Send, interrupted_store
from tests.support.stores import commit, open_store, soon

SHARED_STREAMS = 20
THREADS = 4  # of a writer
POLL_SECONDS = 0.05
BUDGET_SECONDS = 5.0
HURRY_SECONDS = 0.02  # too short now and then: the commit has to be sent again
SLOW_SHARE = 0.05
DIE_BEFORE_APPEND = signal.SIGUSR1
DIE_AFTER_APPEND = signal.SIGUSR2

StopAsked = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Sighting:
    """An event that its writer (`position` 0) or a reader knew of at `moment`."""

    position: int
    event_id: UUID
    stream: str
    version: int
    moment: float

    @classmethod
    def parsed(cls, line: str) -> Self:
        """From its line in a file."""
        position, event_id, stream, version, moment = line.split()
        return cls(int(position), UUID(event_id), stream, int(version), float(moment))

    def __str__(self) -> str:
        return f"{self.position} {self.event_id} {self.stream} {self.version} {self.moment:.6f}\n"


class Journal:
    """Lines that are safe from a kill of their writer once `add` has returned. A line that an
    earlier writer did not finish is dropped."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        whole = path.read_bytes().rfind(b"\n") + 1
        os.truncate(self._file, whole)

    def add(self, lines: Sequence[object]) -> None:
        """All of them in one write."""
        os.write(self._file, "".join(map(str, lines)).encode())


def sightings(path: Path) -> list[Sighting]:
    """What a journal holds."""
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [Sighting.parsed(line) for line in lines if line.endswith("\n")]


def open_feed(name: str) -> Feed:
    """The feed of the store of that name."""
    kind, _, rest = name.partition(":")
    return SqliteFeed(Path(rest)) if kind == "sqlite" else CassandraFeed(_requests(name))


def write(store: str, journal: str, seed: int, life: str, pause_s: float, slow_s: float) -> None:
    """Append from several threads until SIGTERM, each after a pause of about `pause_s`. Writers of
    one seed share streams; what a writer does in this life is its own. On Cassandra some appends
    are held up, `slow_s` at most, after they were prepared."""
    opened = open_store(store) if store.startswith("sqlite") else _mortal(store, slow_s)
    shared = [str(uuid5(UUID(int=seed), str(number))) for number in range(SHARED_STREAMS)]
    writer = Writer(opened, Path(journal), shared, _stop_asked(), pause_s)
    chances = [random.Random(f"{seed} {life} {number}") for number in range(THREADS)]
    threads = [threading.Thread(target=writer.run, args=(chance,)) for chance in chances]
    for thread in threads:
        thread.start()
    for thread in threads:
        # A handler runs in this thread, and a signal that another one took does not wake it.
        while thread.is_alive():
            thread.join(POLL_SECONDS)
    opened.close()


def sequence(store: str, journal: str, grace_s: float) -> None:
    """Give positions until SIGTERM; its journal shows when it was of use last."""
    requests = _requests(store)
    sequencer = CassandraSequencer(requests, grace_seconds=grace_s)
    stop, worked = _stop_asked(), Journal(Path(journal))
    while not stop():
        try:
            result = sequencer.step(soon(BUDGET_SECONDS))
        except StoreUnavailable:
            result = StepResult.IDLE
        if result is StepResult.WORKED:
            worked.add(["."])
        else:
            time.sleep(POLL_SECONDS)
    requests.close()


def read(store: str, journal: str) -> None:
    """Follow the feed until SIGTERM, from behind the last position in the journal."""
    feed, stop, seen = open_feed(store), _stop_asked(), Journal(Path(journal))
    before = sightings(Path(journal))
    after = before[-1].position if before else 0
    while not stop():
        try:
            found = feed.read(after, 500, soon(BUDGET_SECONDS))
        except StoreUnavailable:
            found = []
        if found:
            now = time.monotonic()
            seen.add([
                Sighting(
                    each.position, each.event.data.event_id, each.event.stream,
                    each.event.version, now,
                )
                for each in found
            ])  # fmt: skip
            after = found[-1].position
        else:
            time.sleep(POLL_SECONDS)


class Writer:
    """Appends one or two events at a time, to new streams and to those that other writers share."""

    def __init__(
        self,
        store: EventStore,
        journal: Path,
        shared: Sequence[str],
        stop: StopAsked,
        pause_s: float,
    ) -> None:
        self._store = store
        self._journal = Journal(journal)
        self._outcomes = Journal(journal.with_suffix(".outcomes"))
        self._shared = shared
        self._stop = stop
        self._pause_s = pause_s
        self._heads: dict[str, int] = {}

    def run(self, chance: random.Random) -> None:
        """Append until SIGTERM."""
        while not self._stop():
            self._turn(chance)
            time.sleep(chance.uniform(0.5, 1.5) * self._pause_s)

    def _turn(self, chance: random.Random) -> None:
        stream, version = str(uuid4()), 0
        if chance.random() < 0.5:
            stream = chance.choice(self._shared)
            version = self._head(stream)
        text = "x" * chance.choice((10, 10, 10, 4_000))
        commit_id, events = commit(chance.choice((1, 1, 2)), payload=f'{{"text":"{text}"}}')
        budget_s = chance.choice((BUDGET_SECONDS, BUDGET_SECONDS, BUDGET_SECONDS, HURRY_SECONDS))
        if self._is_appended(stream, version, events, commit_id, budget_s):
            now = time.monotonic()
            self._journal.add([
                Sighting(0, event.event_id, stream, place, now)
                for place, event in enumerate(events, version + 1)
            ])  # fmt: skip

    def _head(self, stream: str) -> int:
        known = self._heads.get(stream, 0)
        try:
            known += len(self._store.read(stream, soon(BUDGET_SECONDS), after=known))
        except StoreUnavailable:
            return known
        self._heads[stream] = known
        return known

    def _is_appended(
        self,
        stream: str,
        version: int,
        events: Sequence[EventData],
        commit_id: UUID,
        budget_s: float,
    ) -> bool:
        """Whether the commit was appended: it is sent until that is known."""
        while True:
            try:
                deadline = soon(budget_s)
                self._store.append(stream, version or NO_STREAM, events, commit_id, deadline)
            except VersionConflict as error:
                self._outcomes.add([f"{type(error).__name__}\n"])
                return False
            except (StoreUnavailable, OutcomeUnknown) as error:
                self._outcomes.add([f"{type(error).__name__}\n"])
                budget_s = BUDGET_SECONDS
                time.sleep(POLL_SECONDS)  # it may have come at once
            else:
                return True


def _session(store: str) -> tuple[CassandraSession, Contact]:
    _, host, port, keyspace = store.split(":")
    contact = Contact((host,), int(port))
    return CassandraSession(contact, keyspace), contact


def _requests(store: str) -> Requests:
    session, contact = _session(store)
    return Requests(session, contact.serial_consistency)


def _mortal(store: str, slow_s: float) -> EventStore:
    """A store whose process a signal lets die in the middle of its next append."""
    session, contact = _session(store)
    received: list[int] = []
    for number in (DIE_BEFORE_APPEND, DIE_AFTER_APPEND):
        signal.signal(number, lambda number, _: received.append(number))

    def around(name: str, send: Send) -> list[Row]:
        if name == APPEND and random.random() < SLOW_SHARE:
            time.sleep(random.uniform(0, slow_s))
        if name == APPEND and DIE_BEFORE_APPEND in received:
            os.kill(os.getpid(), signal.SIGKILL)
        rows = send()
        if name == APPEND and DIE_AFTER_APPEND in received:
            os.kill(os.getpid(), signal.SIGKILL)
        return rows

    return interrupted_store(session, contact.serial_consistency, around)


def _stop_asked() -> StopAsked:
    """Whether SIGTERM has come. Not an Event: a handler that sets one waits for ever if it has
    interrupted a wait for it."""
    received: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    return lambda: bool(received)
