"""Random commands of every kind, to the model and to the application, and questions to both in
between. The seed decides everything but the ids of carriers."""

from __future__ import annotations

import json
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from werkzeug.test import TestResponse

from tests.support.model.choices import Choices
from tests.support.model.client import Client
from tests.support.model.questions import (
    OF_A_CARRIER,
    OF_ALL,
    Asking,
    Comparison,
    Question,
    feed,
    shown,
)
from tests.support.model.registry import CREATED, DONE, STALE, Answer, Registry, Request
from tests.support.model.themes import vettings

_SPAN = timedelta(days=40)
"""How much time a walk takes, by its clock."""


class Disagreement(AssertionError):
    """The model and the application differ."""


class WalkClock:
    """The time of a walk, which is set before each command. Implements `ports.clock.Clock`."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0) - _SPAN

    def __call__(self) -> datetime:
        return self.now

    @property
    def text(self) -> str:
        """The moment as answers have it."""
        return self.now.isoformat(timespec="milliseconds")


class Walk:
    """A walk of so many commands. A store that `may_repeat` loses answers where its node is busy:
    what is then sent to it again had been done, and is told to be a replay."""

    def __init__(
        self, seed: int, steps: int, client: Client, clock: WalkClock, *, may_repeat: bool = False
    ) -> None:
        self._seed, self._steps = seed, steps
        self._may_repeat = may_repeat
        self._random = Random(seed)
        self._client, self._clock = client, clock
        self._registry = Registry()
        self._choices = Choices(
            self._random, self._registry, client.people, lambda: clock.text[:10]
        )
        self._log: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=12))
        self._vettings: dict[str, Any] = {}
        self._step = 0
        self.outcomes: Counter[tuple[str, int]] = Counter()
        self.comparisons = 0

    def go(self, every: int) -> None:
        """All of it; what looks at all carriers is asked once in so many commands, and at the end.
        Raises Disagreement."""
        for step in range(1, self._steps + 1):
            self._step = step
            stream = self._command()
            if stream in self._registry.streams:
                self._ask(shown, stream)
                if self._random.random() < 0.5:
                    self._ask(self._random.choice(OF_A_CARRIER), stream)
            if self._registry.streams and step % every == 0:
                self._ask(self._random.choice(OF_ALL), stream)
        for question in (*OF_ALL, feed):
            self._ask(question, self._random.choice([*self._registry.streams]))

    # --- Commands

    def _command(self) -> str:
        """Send one; gives its stream."""
        self._pass_time()
        request = self._choices.request(self._step)
        answer = self._client.send(request)
        data = json.loads(answer.data).get("data") or {}
        new_id = data.get("carrier_id", "")
        written = self._registry.written
        expected = self._registry.take(request, self._clock.text, new_id)
        if self._registry.written > written and "Consistency-Token" in answer.headers:
            self._client.wrote(answer)
        if "vetting_id" in data:
            self._vettings.setdefault(data["vetting_id"], data)
        stream = request.stream or new_id
        self._note(stream, request, answer)
        found = _read(request, answer)
        if self._may_repeat and not expected.is_replay:
            found = replace(found, is_replay=False)
        self._compare(stream, Comparison(f"{request}", expected, found))
        if answer.status_code == CREATED:
            self._choices.was_registered(stream)
        self._choices.was_sent(request)
        self.outcomes[request.command, answer.status_code] += 1
        return stream

    def _pass_time(self) -> None:
        """Now and then two commands have the same moment."""
        if self._random.random() < 0.7:
            mean = 1000 * _SPAN.total_seconds() / self._steps
            passes = int(self._random.expovariate(1 / mean))
            self._clock.now += timedelta(milliseconds=passes)
        self._clock.now = min(self._clock.now, datetime.now(UTC).replace(microsecond=0))

    # --- Questions

    def _ask(self, question: Question, stream: str) -> None:
        asking = Asking(self._client, self._registry, self._random, self._clock.now, self._vettings)
        for comparison in question(asking, stream):
            self._compare(stream, comparison)

    def _compare(self, stream: str, comparison: Comparison) -> None:
        self.comparisons += 1
        if comparison.expected == comparison.found:
            return
        lines = [
            f"SEED={self._seed}, {self._steps} commands, after {self._step}: {comparison.asked}",
            *(f"  {line}" for line in difference(comparison.expected, comparison.found)),
            "the last commands of that carrier:",
            *(f"  {line}" for line in self._log[stream]),
            "the policy now:",
            f"  {self._registry.policy.shown}",
        ]
        raise Disagreement("\n".join(lines))

    def _note(self, stream: str, request: Request, answer: TestResponse) -> None:
        line = f"{self._step} {self._clock.text} {request} → {answer.status_code}"
        self._log[stream].append(line)


def _read(request: Request, answer: TestResponse) -> Answer:
    """The answer in the model's words."""
    body = json.loads(answer.data)
    status = answer.status_code
    if status == STALE:
        error = body["error"]
        since = tuple(each["version"] for each in error["since"])
        return Answer(status, version=error["current_version"], since=since)
    if status not in (DONE, CREATED):
        return Answer(status)
    data = {name: each for name, each in body["data"].items() if name not in ("message", "effect")}
    if "rules" in data:
        data = vettings.comparable(data)
    for each in data.get("events", ()):
        if each["type"] == "CarrierVetted":
            each["data"] = vettings.comparable(each["data"])
    version = None if request.is_dry_run else int(answer.headers["ETag"].strip('"'))
    return Answer(status, data, version, answer.headers.get("Idempotent-Replay") == "true")


def difference(expected: Any, found: Any, where: str = "") -> Iterator[str]:  # noqa: ANN401
    """Only what differs, each place in a line."""
    if isinstance(expected, Answer) and isinstance(found, Answer):
        expected, found = vars(expected), vars(found)
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in {**expected, **found}:
            yield from difference(expected.get(name), found.get(name), f"{where}.{name}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for place, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from difference(one, other, f"{where}[{place}]")
    elif expected != found:
        yield f"{where or 'all'}: the model has {expected!r}, the answer is {found!r}"
