"""One request on its way to Cassandra, sent to a second node if the first is silent. Between the
session and the driver.

    send ─┬─ rows ───────────────────────────────────────────────────▶ rows
          ├─ silent for HEDGE_SECONDS ──▶ suspect the node, send the same to another,
          │                               and take whichever answers first
          ├─ a read that takes SLOW_SECONDS ──▶ send it to another as well
          ├─ out of reach, or cut off from its peers ──▶ suspect the node, send to another at once
          └─ any other error, or the time is over ──▶ RequestFailed

A slow node is not a silent one: while a node answers other requests, this one is waited for; a read
not for long, as the node may itself be waiting for a copy on a node that is frozen. What is sent
twice may be done twice, in any order, and late: so the request has to be one that does no
harm when it is repeated. In the field this is a hedged request (Dean and Barroso, "The Tail at
Scale").
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from cassandra.cluster import ResponseFuture
from cassandra.pool import Host

from app.application.deadline import Deadline
from app.application.ports.tracing import NO_SPAN, Span
from app.infrastructure.cassandra.errors import (
    DRIVER_ERRORS,
    NODE_IS_NO_USE,
    RequestFailed,
    classify,
)
from app.infrastructure.cassandra.suspicion import Suspects

HEDGE_SECONDS = 0.2
"""After that long the first node is taken for silent. The second has four times as long: two nodes
that propose the same on one row hold each other up."""
SLOW_SECONDS = 0.5
"""After that long a plain read goes to another node, even if the first one answers others."""
MAX_TRIES = 3

_PATIENCE = (HEDGE_SECONDS, 4 * HEDGE_SECONDS)
"""Seconds of silence, of each node but the last."""

Page = list[Any]
Send = Callable[[float], ResponseFuture]
"""Sends the request to the best node there is; is given the seconds it may take."""


class _Answer(NamedTuple):
    attempt: "_Try"
    outcome: Page | Exception


@dataclass(frozen=True, slots=True)
class _Try:
    future: ResponseFuture
    sent_at: float
    span: Span = NO_SPAN

    @property
    def host(self) -> Host | None:
        """The node that it was sent to; None if there was none to send it to."""
        asked = self.future.attempted_hosts
        return asked[-1] if asked else None

    def ended(self, outcome: str) -> None:
        """Tell its span how the try ended."""
        if self.span is not NO_SPAN:
            node = str(self.host.address) if self.host else ""
            self.span.end({"outcome": outcome, "network.peer.address": node})


def ignored(_: str) -> None:
    """Count nothing."""


@dataclass(frozen=True, slots=True)
class Hedging:
    """How requests are sent again. `has_other` tells whether a node is left that is not
    suspected, `traced` begins the span of a try."""

    suspects: Suspects
    has_other: Callable[[], bool]
    max_tries: int = MAX_TRIES
    traced: Callable[[], Span] = lambda: NO_SPAN
    on_hedge: Callable[[str], None] = ignored
    """Is told why a request goes to another node: `silent`, `slow`, or `of-no-use`."""
    slow_seconds: float = math.inf
    """How long a node that is not silent is waited for alone."""


class HedgedRequest:
    """Is sent when it is made. Waits on a monotonic clock: the driver's own timers go by the wall
    clock, and set back an hour they would be due in an hour."""

    def __init__(self, send: Send, hedging: Hedging, deadline: Deadline) -> None:
        self._send = send
        self._hedging = hedging
        self._deadline = deadline
        self._answers: SimpleQueue[_Answer] = SimpleQueue()
        self._under_way: list[_Try] = []
        self._tries = 0
        self._try()

    def answer(self) -> tuple[Page, ResponseFuture]:
        """The first page, and the future that has it. Raises RequestFailed, at the deadline at the
        latest."""
        try:
            return self._first_answer()
        finally:
            for other in self._under_way:
                other.ended("unanswered")

    def _first_answer(self) -> tuple[Page, ResponseFuture]:
        while True:
            try:
                arrived = self._answers.get(timeout=self._patience())
            except Empty:
                if self._deadline.expired:
                    raise self._gave_up() from None
                self._hedge()
                continue
            self._under_way.remove(arrived.attempt)
            if isinstance(arrived.outcome, Exception):
                self._failed(arrived.attempt, arrived.outcome)
            else:
                arrived.attempt.ended("answered")
                return arrived.outcome, arrived.attempt.future

    def _try(self) -> None:
        span = self._hedging.traced()
        future = self._send(self._deadline.remaining() or 0.001)
        self._tries += 1
        span.note({"attempt": self._tries})
        attempt = _Try(future, time.monotonic(), span)
        self._under_way.append(attempt)
        future.add_callbacks(self._succeeded, self._erred, (attempt,), errback_args=(attempt,))

    def _succeeded(self, page: Page | None, attempt: _Try) -> None:
        """Called by the driver's thread, also when another node has answered before."""
        self._hedging.suspects.answered(attempt.future.coordinator_host)
        self._answers.put(_Answer(attempt, page or []))

    def _erred(self, error: Exception, attempt: _Try) -> None:
        self._answers.put(_Answer(attempt, error))

    def _patience(self) -> float:
        """Seconds to wait for an answer before looking whether the last node is silent."""
        left = self._deadline.remaining()
        if self._tries >= self._hedging.max_tries or not self._under_way:
            return left
        overdue = self._under_way[-1].sent_at + self._hedge_seconds - time.monotonic()
        return min(left, overdue if overdue > 0 else HEDGE_SECONDS / 2)

    @property
    def _hedge_seconds(self) -> float:
        return _PATIENCE[min(self._tries, len(_PATIENCE)) - 1]

    def _hedge(self) -> None:
        last = self._under_way[-1]
        cause = "silent" if self._suspect_silent(last) else self._suspect_slow(last)
        if cause and self._hedging.has_other():
            self._hedging.on_hedge(cause)
            self._try()

    def _failed(self, attempt: _Try, error: Exception) -> None:
        """One try has failed: others may be under way, or another node may do better."""
        if not isinstance(error, DRIVER_ERRORS):
            attempt.ended(type(error).__name__)
            raise error
        failure = classify(error)
        attempt.span.fail()
        attempt.ended(failure.cause)
        if failure.cause in NODE_IS_NO_USE:
            self._hedging.suspects.suspect(attempt.host)
            if self._tries < self._hedging.max_tries and self._hedging.has_other():
                self._hedging.on_hedge("of-no-use")
                self._try()
        if not self._under_way:
            # Of several that were sent, one that has failed otherwise may have been applied.
            maybe = failure.maybe_applied or self._tries > 1
            raise RequestFailed(
                failure.cause, maybe_applied=maybe, permanent=failure.permanent
            ) from error

    def _gave_up(self) -> RequestFailed:
        for attempt in self._under_way:
            self._suspect_silent(attempt)
        return RequestFailed("client-timeout", maybe_applied=True)

    def _suspect_slow(self, attempt: _Try) -> str | None:
        """The cause, if this has taken too long. The node is suspected for the next try only: its
        next answer to anybody clears it."""
        if time.monotonic() - attempt.sent_at < self._hedging.slow_seconds:
            return None
        self._hedging.suspects.suspect(attempt.host)
        return "slow"

    def _suspect_silent(self, attempt: _Try) -> bool:
        """Tell whether the node has been silent for so long that it is suspected now."""
        suspects, host = self._hedging.suspects, attempt.host
        if host is None:
            return False
        heard_at = max(attempt.sent_at, suspects.answered_at(host))
        if time.monotonic() - heard_at < self._hedge_seconds:
            return False
        suspects.suspect(host)
        return True
