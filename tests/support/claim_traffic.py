"""Beside the way of the data: writers that hand a few values round, badly disturbed, and whether
any value ever had two owners.

Writers share streams and values. Every request of theirs may be held up, lost, answered to nobody,
carried out late, or be the last thing that its writer ever does.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from app.application.deadline import Deadline
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.ports.event_store import (
    NO_STREAM,
    AlreadyClaimed,
    Claim,
    Claims,
    EventStore,
    VersionConflict,
)
from app.infrastructure.cassandra.errors import RequestFailed
from app.infrastructure.cassandra.session import Row
from tests.support.interrupted import Send
from tests.support.stores import commit, soon

BUDGET_SECONDS = 3.0
LATE_SECONDS = 0.3


class Died(Exception):
    """The writer is no more: whatever it had begun stays as it is."""


class Trouble:
    """What may happen to a request. Implements `interrupted.Around`."""

    def __init__(self, chance: random.Random, share: float = 0.12) -> None:
        self.seen: Counter[str] = Counter()
        self._chance = chance
        self._share = share
        self._late: list[threading.Timer] = []

    def __call__(self, name: str, send: Send) -> list[Row]:
        if self._chance.random() >= self._share:
            return send()
        fate = self._chance.choice(("held up", "held up", "lost", "unanswered", "late", "death"))
        self.seen[fate] += 1
        if fate == "held up":
            _pause(self._chance.uniform(0, 0.1))
            return send()
        if fate == "unanswered":
            send()
        elif fate == "late":
            self._send_later(send)
        elif fate == "death":
            if self._chance.random() < 0.5:
                self._send_later(send)
            raise Died
        raise RequestFailed(fate, maybe_applied=True)

    def wait_settled(self) -> None:
        """Return once no request is under way any more."""
        for timer in self._late:
            timer.join(30)

    def _send_later(self, send: Send) -> None:
        def late() -> None:
            with suppress(RequestFailed):  # nobody waits for its answer
                send()

        timer = threading.Timer(self._chance.uniform(0, LATE_SECONDS), late)
        self._late.append(timer)
        timer.start()


@dataclass
class Attempt:
    """One commit: what it takes and frees, and when it was first sent (monotonic seconds)."""

    stream: str
    taken: tuple[str, ...]
    freed: tuple[str, ...]
    began: float = field(default_factory=time.monotonic)
    seen: float = float("inf")  # when somebody first knew that it was done
    refused: bool = False  # everybody who sent it was told that nothing was written


@dataclass(frozen=True)
class Ownership:
    """The stream surely owned the value all the time from `since` until `until`."""

    value: str
    stream: str
    since: float
    until: float


class Traffic:
    """A handful of streams and values, all new; `play` is what one writer does."""

    def __init__(self, store: EventStore, streams: int, values: int) -> None:
        """`store` is an undisturbed one, to look with."""
        self.streams = [str(uuid4()) for _ in range(streams)]
        self.values = [f"{uuid4()}@example.com" for _ in range(values)]
        self.outcomes: Counter[str] = Counter()
        self._store = store
        self._attempts: dict[UUID, Attempt] = {}

    def play(self, store: EventStore, chance: random.Random, turns: int) -> None:
        """Take, free and exchange at random; a writer that dies is followed by a new one."""
        for _ in range(turns):
            stream = chance.choice(self.streams)
            version, held = self._look(stream)
            wanted = chance.choice(self.values)
            freed = tuple(held) if held and chance.random() < 0.8 else ()
            taken = () if wanted in held or (held and chance.random() < 0.4) else (wanted,)
            if taken or freed:
                self._attempt(store, stream, version, taken, freed, chance.random() < 0.2)

    def _attempt(
        self,
        store: EventStore,
        stream: str,
        version: int,
        taken: tuple[str, ...],
        freed: tuple[str, ...],
        twice: bool,
    ) -> None:
        """`twice`: a twin sends it at the same time."""
        commit_id = uuid4()
        payload = json.dumps({"commit": str(commit_id), "taken": taken, "freed": freed})
        _, events = commit(1, commit_id, payload)
        attempt = self._attempts[commit_id] = Attempt(stream, taken, freed)
        claims = Claims(*(tuple(Claim("email", each) for each in part) for part in (taken, freed)))

        def send() -> None:
            deadline = Deadline.after(BUDGET_SECONDS)
            try:
                store.append(stream, version or NO_STREAM, events, commit_id, deadline, claims)
                attempt.seen = min(attempt.seen, time.monotonic())
                self.outcomes["done"] += 1
            except (VersionConflict, AlreadyClaimed, StoreUnavailable, OutcomeUnknown) as error:
                self.outcomes[type(error).__name__] += 1
                attempt.refused = not (twice or isinstance(error, OutcomeUnknown))
            except Died:
                self.outcomes["died"] += 1

        twin = threading.Thread(target=send) if twice else None
        if twin:
            twin.start()
        send()
        if twin:
            twin.join()

    def _look(self, stream: str) -> tuple[int, set[str]]:
        """The stream's version and what it holds by its events."""
        held: set[str] = set()
        found = self._commits(stream)
        for attempt in found:
            attempt.seen = min(attempt.seen, time.monotonic())
            held = held.difference(attempt.freed).union(attempt.taken)
        return len(found), held

    def _commits(self, stream: str) -> list[Attempt]:
        recorded = self._store.read(stream, soon())
        return [self._attempts[UUID(json.loads(e.data.payload)["commit"])] for e in recorded]

    def held(self) -> dict[str, set[str]]:
        """What each stream holds by its events."""
        return {stream: self._look(stream)[1] for stream in self.streams}

    def refused_but_done(self) -> list[Attempt]:
        """Commits that are there although their writer was told that they are not."""
        return [each for stream in self.streams for each in self._commits(stream) if each.refused]

    def overlaps(self) -> list[tuple[Ownership, Ownership]]:
        """Pairs of streams that surely owned one value at the same moment."""
        owned: defaultdict[str, list[Ownership]] = defaultdict(list)
        for stream in self.streams:
            for each in _ownerships(stream, self._commits(stream)):
                owned[each.value].append(each)
        return [
            (one, other)
            for each in owned.values()
            for index, one in enumerate(each)
            for other in each[index + 1 :]
            if one.stream != other.stream
            and max(one.since, other.since) < min(one.until, other.until)
        ]


def _ownerships(stream: str, attempts: Sequence[Attempt]) -> list[Ownership]:
    """From when a taking was known to be done until somebody began to free it."""
    found = []
    for index, attempt in enumerate(attempts):
        for value in attempt.taken:
            later = (each.began for each in attempts[index + 1 :] if value in each.freed)
            until = next(later, float("inf"))
            if attempt.seen < until:
                found.append(Ownership(value, stream, attempt.seen, until))
    return found


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)
