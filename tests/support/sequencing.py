"""Beside the way of the data: writers, sequencers and the feed over one keyspace of a Cassandra,
and ways to lose their requests (see `interrupted`)."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from app.application.ports.event_store import (
    NO_CLAIMS,
    NO_STREAM,
    Appended,
    Claims,
    EventStore,
    ExpectedVersion,
)
from app.application.ports.feed import FeedEvent, StepResult
from app.infrastructure.cassandra.errors import RequestFailed
from app.infrastructure.cassandra.feed.reader import CassandraFeed
from app.infrastructure.cassandra.feed.sequencer import CassandraSequencer
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.session import CassandraSession, Row
from tests.support.cassandra_node import Node
from tests.support.interrupted import Around, InterruptedSession, Send, interrupted_store
from tests.support.stores import KEYSPACE, commit, make_keyspace, soon

Beside = Callable[..., Future[Any]]
"""Runs a call in another thread."""

_ATTEMPT_SECONDS = 20.0
"""The node is busy with other tests, and what is lost here is lost at once."""


def undisturbed(_: str, send: Send) -> list[Row]:
    """Let everything pass."""
    return send()


@dataclass
class Silent:
    """Every request of that name gets lost on the way, unnoticed."""

    name: str

    def __call__(self, name: str, send: Send) -> list[Row]:
        return [] if name == self.name else send()


@dataclass
class Lost:
    """The first request of that name is not answered: it is lost, or (`sent`) its answer is."""

    name: str
    sent: bool
    times: int = 1

    def __call__(self, name: str, send: Send) -> list[Row]:
        if name != self.name or not self.times:
            return send()
        self.times -= 1
        if self.sent:
            send()
        raise RequestFailed("client-timeout", maybe_applied=True)


@dataclass
class Twice:
    """Every request of that name reaches two nodes; the second one's answer is the one that
    counts."""

    name: str

    def __call__(self, name: str, send: Send) -> list[Row]:
        if name == self.name:
            send()
        return send()


@dataclass
class Recorded:
    """Keeps the names of the requests that are sent."""

    names: list[str] = field(default_factory=list)

    def __call__(self, name: str, send: Send) -> list[Row]:
        self.names.append(name)
        return send()


@dataclass(frozen=True)
class Site:
    """One keyspace, and what works on it over one session."""

    session: CassandraSession
    serial: int
    writers: list[EventStore] = field(default_factory=list)

    def requests(self, around: Around | None = None) -> Requests:
        """Requests over the session, which pass `around`."""
        session = InterruptedSession(self.session, around) if around else self.session
        return Requests(session, self.serial, _ATTEMPT_SECONDS)

    @property
    def feed(self) -> CassandraFeed:
        """As a reader sees it that has just started."""
        return CassandraFeed(self.requests())

    def writer(self, around: Around = undisturbed) -> EventStore:
        """A process's store, with an intent log of its own."""
        self.writers.append(interrupted_store(self.session, self.serial, around))
        return self.writers[-1]

    def sequencer(self, around: Around = undisturbed, grace: float = 60) -> CassandraSequencer:
        """A process's sequencer. It fences off nothing within the test, unless `grace` is less."""
        return CassandraSequencer(self.requests(around), grace_seconds=grace)

    def ask(self, cql: str, *values: object) -> list[Row]:
        """Any other request."""
        driver, _ = self.session._ready(soon())
        return list(driver.execute(cql, values))

    def head(self) -> int:
        """The feed's last position."""
        return self.feed.head(soon())

    def follow(self, sequencer: CassandraSequencer, start: int, count: int) -> list[FeedEvent]:
        """Sequence until the feed has so many events behind `start`, then until all is quiet; give
        what it has by then."""
        deadline = soon()
        while self.head() < start + count or sequencer.step(soon()) is not StepResult.IDLE:
            sequencer.step(soon())
            assert not deadline.expired, f"only {self.head() - start} of {count}"
        return self.feed.read(start, 1_000, soon())

    def cursors(self) -> dict[UUID, int]:
        """How far each intent log was dealt with."""
        rows = self._state("cursors")
        return dict((rows or {}).items())

    def open_intents(self) -> dict[Any, int]:
        """The state's `open`."""
        return dict((self._state("open") or {}).items())

    def intents(self, log: UUID, bucket: int) -> int:
        """How many intents that partition of the log has."""
        cql = "SELECT count(*) AS count FROM records WHERE lane = %s AND bucket = %s"
        count: int = self.ask(cql, log, bucket)[0]["count"]
        return count

    def _state(self, column: str) -> Any:  # noqa: ANN401 - what the driver gives
        bucket = self.feed.last_bucket(soon())
        rows = self.ask(f"SELECT {column} FROM feed WHERE bucket = %s LIMIT 1", bucket)
        return rows[0][column] if rows else None

    def logs(self) -> set[UUID]:
        """The intent logs that are in the registry."""
        return {row["lane"] for row in self.ask("SELECT lane FROM lanes")}


@contextmanager
def open_site(node: Node) -> Iterator[Site]:
    """On a keyspace that the tests of a module share: each begins at the head that it finds, with
    streams and logs of its own, and appends nothing that it does not wait for."""
    contact = make_keyspace(node)  # others' events would come into the feed as well
    session = CassandraSession(contact, KEYSPACE)
    site = Site(session, contact.serial_consistency)
    yield site
    for writer in site.writers:
        writer.close()
    session.close()


def put(
    store: EventStore,
    stream: str,
    expected: ExpectedVersion = NO_STREAM,
    *,
    count: int = 1,
    payload: str = "{}",
    claims: Claims = NO_CLAIMS,
) -> Appended:
    """Append a new commit of `count` events."""
    commit_id, events = commit(count, payload=payload)
    return store.append(stream, expected, events, commit_id, soon(), claims)


def places(found: list[FeedEvent]) -> list[tuple[str, int]]:
    """Stream and version of each, in the order of the feed."""
    return [(each.event.stream, each.event.version) for each in found]


def until(sequencer: CassandraSequencer, done: Callable[[], bool]) -> None:
    """Sequence until that is so."""
    deadline = soon(60)
    while not done():
        sequencer.step(deadline)
        assert not deadline.expired


def is_fenced(site: Site, stream: str) -> bool:
    """Whether somebody has moved the stream's fence."""
    rows = site.ask("SELECT fence FROM events WHERE aggregate_id = %s LIMIT 1", stream)
    return bool(rows) and rows[0]["fence"] is not None
