"""Beside the way of the data: clients of the service while nodes of Cassandra fail, and what they
saw. The judgement is from the clients' history alone.

Clients register carriers, each with a key of its own, and send again what they got no certain
answer to. One reader follows the feed; one prober asks whether the service is ready.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import pairwise
from uuid import uuid4

from tests.support.processes import wait_until
from tests.support.service import Answer, Service, exchange

CLIENTS = 8
PAUSE_SECONDS = 0.1
PROBE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: when it began, in seconds of the monotonic clock, how long it took, and the
    status of its answer; 0 for none."""

    began: float
    seconds: float
    status: int

    @property
    def ended(self) -> float:
        """When the answer was there."""
        return self.began + self.seconds


@dataclass(frozen=True, slots=True)
class Seen:
    """What clients saw in a stretch of time."""

    commands: Sequence[Asked]
    probes: Sequence[Asked]
    longest_gap: float
    feed_lag: float

    @property
    def answered(self) -> float:
        """The share of commands that were carried out or refused for a reason of their own."""
        return sum(each.status < 500 and each.status > 0 for each in self.commands) / max(
            1, len(self.commands)
        )

    @property
    def p99(self) -> float:
        """Seconds in which 99 of 100 commands were answered; 0 if there was none."""
        ordered = sorted(each.seconds for each in self.commands) or [0.0]
        return ordered[len(self.commands) * 99 // 100]

    @property
    def slowest(self) -> float:
        """Seconds of the slowest answer; 0 if there was none."""
        return max((each.seconds for each in self.commands), default=0.0)

    @property
    def unready(self) -> int:
        """How many probes did not find the service ready."""
        return sum(each.status != 200 for each in self.probes)

    def __str__(self) -> str:
        return (
            f"{self.answered:.1%} of {len(self.commands)} commands answered,"
            f" longest time without an acknowledgement {self.longest_gap:.2f} s,"
            f" p99 {self.p99:.2f} s, slowest {self.slowest:.2f} s,"
            f" feed behind by {self.feed_lag:.2f} s,"
            f" not ready for {self.unready} of {len(self.probes)} probes"
        )


class Load:
    """Usable as a context manager: clients work from the beginning to the end of it."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._stop = threading.Event()
        self._commands: list[Asked] = []
        self._probes: list[Asked] = []
        self._under_way: set[float] = set()
        self.acknowledged: dict[str, float] = {}
        self.arrived: dict[str, float] = {}
        self.positions: list[int] = []
        work = [self._register] * CLIENTS + [self._follow, self._probe]
        self._threads = [threading.Thread(target=each) for each in work]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def between(self, begin: float, end: float) -> Seen:
        """What was seen of requests that began in that time."""
        commands = [each for each in list(self._commands) if begin <= each.began < end]
        done = sorted(each.ended for each in commands if each.status == 201)
        moments = [begin, *(min(each, end) for each in done), end]
        lags = [
            self.arrived.get(carrier, time.monotonic()) - at
            for carrier, at in list(self.acknowledged.items())
            if begin <= at < end
        ]
        return Seen(
            commands,
            [each for each in list(self._probes) if begin <= each.began < end],
            max(later - sooner for sooner, later in pairwise(moments)),
            max(lags, default=0.0),
        )

    def has_followed(self, moment: float) -> bool:
        """Whether the reader has every carrier whose registration was acknowledged before that."""
        acknowledged = list(self.acknowledged.items())
        return all(carrier in self.arrived for carrier, at in acknowledged if at < moment)

    def has_ended(self, moment: float) -> bool:
        """Whether no request is under way that began before that."""
        return all(began >= moment for began in list(self._under_way))

    def _register(self) -> None:
        while not self._stop.wait(PAUSE_SECONDS):
            name = str(uuid4())
            body = {"name": "FedEx", "email": f"{name}@example.com"}
            while not self._stop.is_set():
                answer = self._timed(
                    self._commands, "POST", "/register-carrier", body, {"Idempotency-Key": name}
                )
                if answer is not None and answer.status == 201:
                    self.acknowledged[answer.json["data"]["carrier_id"]] = time.monotonic()
                    break
                self._stop.wait(PAUSE_SECONDS)

    def _probe(self) -> None:
        while not self._stop.wait(PROBE_SECONDS):
            self._timed(self._probes, "GET", "/health/ready")

    def _follow(self) -> None:
        after = 0
        while not self._stop.wait(0.05):
            with suppress(OSError, http.client.HTTPException):
                page = self._service.ask("GET", f"/events?after={after}&limit=500")
                if page.status != 200:
                    continue
                for event in page.json["data"]["events"]:
                    self.positions.append(event["position"])
                    self.arrived.setdefault(event["subject"], time.monotonic())
                after = page.json["data"]["next"]

    def _timed(
        self,
        kept: list[Asked],
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
            closing(self._service.connect()) as connection,
        ):
            answer = exchange(connection, method, path, body, headers)
        status = 0 if answer is None else answer.status
        kept.append(Asked(began, time.monotonic() - began, status))
        self._under_way.discard(began)
        return answer


def during(load: Load, seconds: float, begin: Callable[[], object]) -> Seen:
    """What was seen in the seconds after `begin` was called, once all requests of that time have
    ended."""
    began = time.monotonic()
    begin()
    time.sleep(seconds)
    ended = time.monotonic()
    wait_until(lambda: load.has_ended(ended), 30, "all requests have ended", 0.05)
    return load.between(began, ended)
