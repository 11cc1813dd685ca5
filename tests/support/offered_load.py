"""Beside the way of the data: clients that register carriers and note how each was answered."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from statistics import quantiles
from uuid import uuid4

from tests.support.service import Answer, exchange


@dataclass(frozen=True)
class Answered:
    """One request: when it was sent, how long its answer took, in seconds, and what it was; None
    for a connection that broke."""

    at: float
    seconds: float
    answer: Answer | None

    @property
    def status(self) -> int:
        """Its HTTP status; 0 for none."""
        return self.answer.status if self.answer else 0


class Crowd:
    """`clients` that send one registration after the other. One that was refused pauses for
    `pause` seconds, less than it is told to."""

    def __init__(self, port: int, clients: int, pause: float = 0.25) -> None:
        self.answers: list[Answered] = []
        self._port = port
        self._pause = pause
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]

    @contextmanager
    def at_work(self) -> Iterator[Crowd]:
        """They send while this lasts; afterwards each has got its last answer."""
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._over.set()
            for thread in self._threads:
                thread.join(60)

    def statuses(self, since: float = 0) -> Counter[int]:
        """How many answers of each status there are to what was sent at `since` or later."""
        return Counter(each.status for each in list(self.answers) if each.at >= since)

    def seconds(self, status: int, since: float = 0) -> list[float]:
        """How long answers with the status took."""
        answers = list(self.answers)
        return [each.seconds for each in answers if each.status == status and each.at >= since]

    def acknowledged(self, since: float, until: float) -> int:
        """How many registrations were acknowledged between two moments."""
        ends = [each.at + each.seconds for each in list(self.answers) if each.status == 201]
        return sum(since <= end < until for end in ends)

    def _run(self) -> None:
        while not self._over.is_set():
            with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)) as made:
                self._send_until_closed(made)

    def _send_until_closed(self, connection: http.client.HTTPConnection) -> None:
        while not self._over.is_set():
            body = {"name": "FedEx", "email": f"{uuid4()}@fedex.com"}
            at = time.monotonic()
            answer = None
            with suppress(OSError, http.client.HTTPException):
                answer = exchange(connection, "POST", "/register-carrier", body)
            self.answers.append(Answered(at, time.monotonic() - at, answer))
            if answer is None or answer.status != 201:
                self._over.wait(self._pause)
            if answer is None or answer.headers.get("Connection") == "close":
                return


def slowest(seconds: list[float], percent: int) -> float:
    """The time within which `percent` of the answers came."""
    return quantiles(seconds, n=100)[percent - 1] if len(seconds) > 1 else max(seconds, default=0)
