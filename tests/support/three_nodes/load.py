"""Clients of one or several services while nodes of Cassandra fail. What they saw is judged from
their own history alone.

Clients register carriers, each with a key of its own, and send again what they got no certain
answer to. Of each service one reader follows the feed, another looks for the carrier that was
registered last, with its Consistency-Token, and a prober asks whether the service is ready.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from tests.support.processes import wait_until
from tests.support.service import Answer, Service, exchange
from tests.support.three_nodes.access_lines import AccessLines
from tests.support.three_nodes.processors import Processors
from tests.support.three_nodes.seen import Asked, Seen, longest_gap
from tests.support.three_nodes.witness import witnessed

CLIENTS = 8
PAUSE_SECONDS = 0.3
AGAIN_SECONDS = 0.1
"""Before a command is sent again."""
PROBE_SECONDS = 0.4
FOLLOW_SECONDS = 0.15


class Registered(NamedTuple):
    """A registration that was acknowledged, and what finds it."""

    carrier_id: str
    word: str
    token: str


class Load:
    """Usable as a context manager: clients work from the beginning to the end of it, each with a
    pause after a registration. `witness` is the file of a witness of the same services, in the same
    order."""

    def __init__(
        self,
        services: Sequence[Service],
        clients: int = CLIENTS,
        pause_seconds: float = PAUSE_SECONDS,
        witness: Path | None = None,
    ) -> None:
        self.services = services
        self._pause_seconds = pause_seconds
        self._witness = witness
        self._stop = threading.Event()
        self._commands: list[Asked] = []
        self._probes: list[Asked] = []
        self._reads: list[Asked] = []
        self._under_way: set[float] = set()
        self._latest: Registered | None = None
        self.acknowledged: dict[str, float] = {}
        self.arrived: list[dict[str, float]] = [{} for _ in services]
        self.wrong: list[str] = []
        self.positions: list[list[int]] = [[] for _ in services]
        works: list[Callable[[int], None]] = [self._follow, self._probe, self._look_for]
        numbers = range(len(services))
        self._threads = [
            *(
                threading.Thread(target=self._register, args=(client % len(services),))
                for client in range(clients)
            ),
            *(
                threading.Thread(target=partial(work, number))
                for work in works
                for number in numbers
            ),
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def between(self, begin: float, end: float, served: float, busy: float) -> Seen:
        """What was seen of requests that began in that time."""

        def those(asked: Sequence[Asked]) -> list[Asked]:
            return [each for each in list(asked) if begin <= each.began < end]

        commands = list(self._commands)
        watched = witnessed(self._witness) if self._witness else []
        everybody = commands + watched
        gaps = [
            longest_gap([each for each in everybody if each.service == number], begin, end)
            for number in range(len(self.services))
        ]
        return Seen(
            commands=those(commands),
            probes=those(self._probes),
            reads=those(self._reads),
            witnessed=those(watched),
            longest_gap=max(gaps),
            feed_lag=self._lag(begin, end),
            served=served,
            busy=busy,
        )

    def has_followed(self, moment: float) -> bool:
        """Whether every reader has each carrier whose registration was acknowledged before that."""
        due = {carrier for carrier, at in self.acknowledged.copy().items() if at < moment}
        return all(due <= arrived.keys() for arrived in self.arrived)

    def has_ended(self, moment: float) -> bool:
        """Whether no request is under way that began before that."""
        return all(began >= moment for began in list(self._under_way))

    def _lag(self, begin: float, end: float) -> float:
        now = time.monotonic()
        return max(
            (
                arrived.get(carrier, now) - at
                for carrier, at in self.acknowledged.copy().items()
                if begin <= at < end
                for arrived in self.arrived
            ),
            default=0.0,
        )

    def _register(self, number: int) -> None:
        while not self._stop.wait(self._pause_seconds):
            name = uuid4()
            word = name.hex[:12]
            body = {"name": f"Carrier {word}", "email": f"{name}@example.com"}
            key = {"Idempotency-Key": str(name)}
            while not self._stop.is_set():
                answer = self._timed(self._commands, number, "POST", "/register-carrier", body, key)
                if answer is not None and answer.status == 201:
                    carrier = answer.json["data"]["carrier_id"]
                    self.acknowledged[carrier] = time.monotonic()
                    token = answer.headers["Consistency-Token"]
                    self._latest = Registered(carrier, word, token)
                    break
                self._stop.wait(AGAIN_SECONDS)

    def _probe(self, number: int) -> None:
        while not self._stop.wait(PROBE_SECONDS):
            self._timed(self._probes, number, "GET", "/health/ready")

    def _look_for(self, number: int) -> None:
        """Look for what was registered last, at whichever service."""
        looked_for = None
        while not self._stop.wait(PROBE_SECONDS):
            latest = self._latest
            if latest is None or latest is looked_for:
                continue
            looked_for = latest
            path = f"/carriers?q={latest.word}"
            token = {"Consistency-Token": latest.token}
            answer = self._timed(self._reads, number, "GET", path, headers=token)
            if answer is not None and answer.status == 200:
                found = [each["carrier_id"] for each in answer.json["data"]["carriers"]]
                if found != [latest.carrier_id]:
                    self.wrong.append(f"{found} instead of {latest.carrier_id}")

    def _follow(self, number: int) -> None:
        after = 0
        arrived, positions = self.arrived[number], self.positions[number]
        while not self._stop.wait(FOLLOW_SECONDS):
            with suppress(OSError, http.client.HTTPException):
                page = self.services[number].ask("GET", f"/events?after={after}&limit=500")
                if page.status != 200:
                    continue
                for event in page.json["data"]["events"]:
                    positions.append(event["position"])
                    arrived.setdefault(event["subject"], time.monotonic())
                after = page.json["data"]["next"]

    def _timed(
        self,
        kept: list[Asked],
        number: int,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | None = None,
    ) -> Answer | None:
        began = time.monotonic()
        self._under_way.add(began)
        answer: Answer | None = None
        with (
            suppress(OSError, http.client.HTTPException),
            closing(self.services[number].connect()) as connection,
        ):
            answer = exchange(connection, method, path, body, headers)
        status = 0 if answer is None else answer.status
        kept.append(Asked(began, time.monotonic() - began, status, number))
        self._under_way.discard(began)
        return answer


def during(load: Load, seconds: float, begin: Callable[[], object]) -> Seen:
    """What was seen from the call of `begin` until some seconds after it, once all requests of that
    time have ended."""
    lines, processors = AccessLines(load.services), Processors()
    began = time.monotonic()
    begin()
    time.sleep(seconds)
    ended = time.monotonic()
    busy = processors.busy()
    wait_until(lambda: load.has_ended(ended), 30, "all requests have ended", 0.05)
    return load.between(began, ended, lines.slowest(), busy)
