"""Beside the way of the data: many writers, sequencers and readers of one feed, killed and paused
at random; and whether the feed has kept its promises.
"""

import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

import backoff

from app.application.ports.errors import StoreUnavailable
from app.application.ports.event_store import RecordedEvent
from app.application.ports.feed import Feed, FeedEvent
from app.infrastructure.cassandra.feed.sequencer import GRACE_SECONDS
from app.infrastructure.cassandra.session import CassandraSession, Contact
from tests.support.feed_traffic import Sighting, open_feed
from tests.support.forks import Fork, Forks
from tests.support.processes import NotReady, wait_until
from tests.support.stores import open_store, soon

WRITERS = 4  # processes, of four threads each
READERS = 2
PAUSES_S = (0.5, 4.0)

_LISTING = "SELECT DISTINCT aggregate_id FROM events"
_TALLY = {"write": "writers", "sequence": "sequencers", "read": "readers"}


class Member:
    """A process that is replaced when it is killed; `role` is its function in `feed_traffic`."""

    def __init__(self, role: str, journal: Path) -> None:
        self.role = role
        self.journal = journal
        self.lives = 0
        self.paused_until: float | None = None
        self._fork: Fork | None = None
        self._sightings: list[Sighting] = []
        self._read = 0

    @property
    def fork(self) -> Fork:
        """The process that it is now."""
        assert self._fork is not None, "never started"
        return self._fork

    @fork.setter
    def fork(self, fork: Fork) -> None:
        self._fork = fork

    def sightings(self) -> list[Sighting]:
        """What is in its journal by now."""
        if self.journal.exists():
            with self.journal.open("rb") as journal:
                journal.seek(self._read)
                more = journal.read()
            whole = more[: more.rfind(b"\n") + 1]
            self._sightings += map(Sighting.parsed, whole.decode().splitlines())
            self._read += len(whole)
        return self._sightings


class Crowd:
    """Processes around one feed. `pause_s` is how long a writer's thread waits between appends,
    `slow_s` how long it may take from its intent to its append, `grace_s` for how long a sequencer
    waits for that append."""

    def __init__(
        self,
        forks: Forks,
        store: str,
        folder: Path,
        *,
        sequencers: int = 0,
        pause_s: float = 0,
        slow_s: float = 0,
        grace_s: float = GRACE_SECONDS,
    ) -> None:
        self.store = store
        self.seed = random.randrange(2**32)
        self.chance = random.Random(self.seed)
        self.fates: Counter[str] = Counter()
        self._forks = forks
        self._pause_s = pause_s
        self._slow_s = slow_s
        self._grace_s = grace_s
        folder.mkdir(exist_ok=True)
        counts = {"write": WRITERS, "sequence": sequencers, "read": READERS}
        self.members = [
            Member(role, folder / f"{role}-{number}")
            for role, count in counts.items()
            for number in range(count)
        ]

    def __enter__(self) -> Self:
        """Start all of them; return when each reader has seen something of theirs."""
        for member in self.members:
            self._start(member)
        wait_until(lambda: self.stood_still(0) is not None, 30, "everybody has begun", 0.1)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for member in self.members:
            member.fork.kill()

    def having(self, role: str) -> list[Member]:
        """The members of one role."""
        return [member for member in self.members if member.role == role]

    # --- Disturbances

    def disturb(self) -> None:
        """Kill a member and start another in its place, or pause it for a while. The first few
        disturbances are the kill and the pause of one member of each role."""
        roles = sorted({member.role for member in self.members})
        turn, count = self.fates.total(), len(roles)
        is_first = turn < 2 * count
        among = self.having(roles[turn % count]) if is_first else self.members
        member = self.chance.choice(among)
        is_kill = turn < count if is_first else self.chance.random() < 0.5
        if is_kill:
            self.replace(member)
        elif member.paused_until is None:
            member.fork.signal(signal.SIGSTOP)
            member.paused_until = time.monotonic() + self.chance.uniform(*PAUSES_S)
            self.fates[f"{_TALLY[member.role]} paused"] += 1

    def replace(self, member: Member) -> None:
        """Kill the member, whatever it is doing, and start another in its place."""
        member.fork.kill()
        member.paused_until = None
        self.fates[f"{_TALLY[member.role]} killed"] += 1
        self._start(member)

    def wake(self) -> None:
        """Let the members go on whose pause is over; fail if one has ended by itself."""
        for member in self.members:
            if member.paused_until is not None and time.monotonic() > member.paused_until:
                self._resume(member)
            assert member.fork.running, f"{member.journal.name} ended\n{self._forks.tail()}"

    def stop(self, role: str) -> None:
        """Let the members of a role finish what they are doing, and end."""
        for member in self.having(role):
            self._resume(member)
            member.fork.signal(signal.SIGTERM)
        for member in self.having(role):
            member.fork.wait()

    def resume_all(self) -> None:
        """Let all go on."""
        for member in self.members:
            self._resume(member)

    def _start(self, member: Member) -> None:
        member.lives += 1
        arguments: list[object] = [self.store, str(member.journal)]
        if member.role == "write":
            arguments += [
                self.seed,
                f"{member.journal.name} {member.lives}",
                self._pause_s,
                self._slow_s,
            ]
        if member.role == "sequence":
            arguments += [self._grace_s]
        member.fork = self._forks.start(member.role, *arguments)

    def _resume(self, member: Member) -> None:
        member.paused_until = None
        member.fork.signal(signal.SIGCONT)

    # --- What they have seen

    def acknowledged(self) -> list[Sighting]:
        """Every event whose append a writer has as acknowledged."""
        return [each for member in self.having("write") for each in member.sightings()]

    def outcomes(self) -> Counter[str]:
        """How appends ended that did not end well at once."""
        paths = [member.journal.with_suffix(".outcomes") for member in self.having("write")]
        return Counter(line for path in paths for line in path.read_text().splitlines())

    def seen(self) -> list[list[Sighting]]:
        """What each reader saw, in its order."""
        return [member.sightings() for member in self.having("read")]

    def active(self, role: str) -> Member:
        """The member of that role that wrote to its journal last."""
        return max(self.having(role), key=lambda member: member.journal.stat().st_mtime_ns)

    def lags(self, since: float) -> list[float]:
        """For each event that was acknowledged after `since` and each reader: how many seconds
        later the reader saw it. Ascending; an event that a reader has not seen is left out."""
        moments = {e.event_id: e.moment for e in self.acknowledged() if e.moment > since}
        return sorted(
            max(0.0, each.moment - moments[each.event_id])
            for reader in self.seen()
            for each in reader
            if each.event_id in moments
        )

    def stood_still(self, since: float) -> float | None:
        """Seconds from that moment until every reader had seen an event that was acknowledged
        later; None if one has not yet."""
        later = {each.event_id for each in self.acknowledged() if each.moment > since}
        first = [
            next((each.moment for each in reader if each.event_id in later), None)
            for reader in self.seen()
        ]
        moments = [moment for moment in first if moment is not None]
        return max(moments) - since if len(moments) == len(first) else None

    def has_caught_up(self, with_moment: float) -> bool:
        """Whether every reader has seen all that was acknowledged until `with_moment`."""
        wanted = {e.event_id for e in self.acknowledged() if e.moment <= with_moment}
        return all(wanted <= {each.event_id for each in reader} for reader in self.seen())

    # --- What is there in the end

    def settle(self, deadline_s: float) -> list[str]:
        """Let the writers end, wait until the readers have seen as much as is stored, and return
        each promise that was broken, in a sentence."""
        self.resume_all()
        self.stop("write")
        stored = stored_events(self.store)
        broken = []
        try:
            wait_until(
                lambda: all(seen and seen[-1].position >= len(stored) for seen in self.seen()),
                deadline_s,
                f"readers are at {len(stored)}",
                0.1,
            )
        except NotReady as error:  # what is missing says more
            broken.append(str(error))
        self.stop("read")
        self.stop("sequence")
        found = everything(open_feed(self.store))
        return broken + list(self._broken(stored, found))

    def _broken(self, stored: Sequence[RecordedEvent], found: Sequence[FeedEvent]) -> Iterator[str]:
        yield from _out_of_order(found)
        yield from _differences(stored, found)
        by_id: dict[UUID, list[RecordedEvent]] = {}
        for each in found:
            by_id.setdefault(each.event.data.event_id, []).append(each.event)
        for event in self.acknowledged():
            places = [(e.stream, e.version) for e in by_id.get(event.event_id, ())]
            if places != [(event.stream, event.version)]:
                yield f"acknowledged as {event} but found at {places}"
        there = [_identity(each) for each in found]
        for number, reader in enumerate(self.seen()):
            had = [(e.position, e.event_id, e.stream, e.version) for e in reader]
            if len(had) != len(there):
                yield f"reader {number} saw {len(had)} events of {len(there)}"
            for saw, is_there in zip(had, there, strict=False):
                if saw != is_there:
                    yield f"reader {number} saw {saw}, there is {is_there}"


def _out_of_order(found: Sequence[FeedEvent]) -> Iterator[str]:
    versions: Counter[str] = Counter()
    for place, each in enumerate(found, 1):
        if each.position != place:
            yield f"position {each.position} comes as number {place}"
        versions[each.event.stream] += 1
        if each.event.version != versions[each.event.stream]:
            yield f"at {each.position}: not the next version of its stream: {each.event}"


def _differences(stored: Sequence[RecordedEvent], found: Sequence[FeedEvent]) -> Iterator[str]:
    in_streams = {(event.stream, event.version): event for event in stored}
    in_feed = {(each.event.stream, each.event.version): each.event for each in found}
    if len(in_feed) < len(found):
        yield f"{len(found) - len(in_feed)} events are in the feed more than once"
    for place in in_streams.keys() | in_feed.keys():
        if in_streams.get(place) != in_feed.get(place):
            yield f"stored {in_streams.get(place)}, in the feed {in_feed.get(place)}"


def _identity(each: FeedEvent) -> tuple[int, UUID, str, int]:
    return each.position, each.event.data.event_id, each.event.stream, each.event.version


def everything(feed: Feed) -> list[FeedEvent]:
    """All that a feed has, from the beginning."""
    read = backoff.on_exception(
        backoff.constant, StoreUnavailable, max_time=60, interval=0.1, jitter=None, logger=None
    )(feed.read)
    found: list[FeedEvent] = []
    while more := read(len(found), 500, soon()):
        found += more
    return found


def stored_events(store: str) -> list[RecordedEvent]:
    """All that is in the streams, each read as the service reads it."""
    with closing(open_store(store)) as opened, ThreadPoolExecutor(8) as pool:
        read = pool.map(lambda stream: opened.read(stream, soon(60)), _streams(store))
        return [event for events in read for event in events]


def _streams(store: str) -> list[str]:
    kind, _, rest = store.partition(":")
    if kind == "sqlite":
        with closing(sqlite3.connect(rest)) as connection:
            return [stream for (stream,) in connection.execute(_LISTING)]
    host, port, keyspace = rest.split(":")
    with closing(
        CassandraSession(Contact((host,), int(port)), keyspace, {"streams": _LISTING})
    ) as session:
        statement = session.prepared("streams", soon(60)).bind(())
        return [row["aggregate_id"] for row in session.execute(statement, soon(60), 60)]
