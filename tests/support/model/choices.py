"""What is sent next: any command, valid or not, stale, repeated or dry, by one of some people."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from random import Random
from typing import Any, Final
from uuid import UUID

from tests.support.model import policy as policies
from tests.support.model.carrier import Carrier, Choice
from tests.support.model.registry import POLICY, REGISTER, Registry, Request
from tests.support.model.themes import COMMANDS

ADOPT: Final = "adopt-policy"
KINDS: Final = frozenset({*COMMANDS, ADOPT})
"""Every command that is sent."""

_TOGETHER = 8
"""Carriers that are changed at a time; a new one takes the place of the oldest."""


class Choices:
    """The random choices of a walk through a registry; `today` says which day it is there."""

    def __init__(
        self, random: Random, registry: Registry, people: Iterable[str], today: Callable[[], str]
    ) -> None:
        self._random = random
        self._registry = registry
        self._people = [*people]
        self._today = today
        self._recent: deque[str] = deque(maxlen=_TOGETHER)
        self._sent: deque[Request] = deque(maxlen=100)

    def was_sent(self, request: Request) -> None:
        """It may be sent again."""
        self._sent.append(request)

    def was_registered(self, stream: str) -> None:
        """It is one of those that are changed now."""
        if stream not in self._recent:
            self._recent.append(stream)

    def request(self, step: int) -> Request:
        """The next one; `step` is its number."""
        random = self._random
        if self._sent and random.random() < 0.05:
            return random.choice(self._sent)
        request = self._new(step)
        if self._sent and random.random() < 0.02:  # a key that stands for something else
            other = random.choice(self._sent)
            request = replace(request, stream=other.stream, command=other.command, key=other.key)
            return replace(request, who=other.who, body=self._body(request), if_match=None)
        if random.random() < 0.05:
            return replace(request, body=self._flawed(request), is_flawed=True)
        return request

    def _new(self, step: int) -> Request:
        random = self._random
        command, stream = self._command()
        request = Request(command, stream, {}, random.choice(self._people))
        return replace(
            request,
            body=self._body(request),
            key=f"key-{step}" if random.random() < 0.4 else None,
            if_match=self._if_match(stream) if random.random() < 0.3 else None,
            is_dry_run=random.random() < 0.07,
        )

    def _command(self) -> tuple[str, str]:
        """A command and its stream. What there is nothing for is mostly left to another one."""
        weights = {name: each.weight for name, each in COMMANDS.items()}
        weights[ADOPT] = 4 if self._registry.policy.version else 15
        while True:
            (command,) = self._random.choices([*weights], [*weights.values()])
            if command == ADOPT:
                return command, POLICY
            if command == REGISTER or not self._recent:
                return REGISTER, ""
            stream = self._chosen()
            carrier = self._registry.carrier(stream)
            if not carrier or COMMANDS[command].suits(carrier) or self._random.random() < 0.1:
                return command, stream

    def _chosen(self) -> str:
        chance = self._random.random()
        if chance < 0.01:
            return str(UUID(int=self._random.getrandbits(128), version=4))
        known = [*self._registry.streams] if chance < 0.1 else [*self._recent]
        return self._random.choice(known)

    def _if_match(self, stream: str) -> int | None:
        """Mostly the version that it is at; a registration has none."""
        if not stream:
            return None
        entries = self._registry.streams.get(stream, [])
        version = self._registry.policy.version if stream == POLICY else len(entries)
        former = self._random.randrange(1, 4) if self._random.random() < 0.3 else 0
        return max(0 if stream == POLICY else 1, version - former)

    def _body(self, request: Request) -> dict[str, Any]:
        if request.stream == POLICY:
            return policies.body(self._random)
        known = (*self._registry.streams, str(UUID(int=1)))
        carrier = self._registry.carrier(request.stream) or Carrier("")
        choice = Choice(self._random, carrier, known[-30:], self._today())
        return COMMANDS[request.command].body(choice)

    def _flawed(self, request: Request) -> dict[str, Any]:
        """Without a member that it needs, with one of no use, or with one of another type."""
        body = dict(request.body)
        required = [*COMMANDS[request.command].required] if request.stream != POLICY else [*body]
        kind = self._random.randrange(3) if required else 0
        if kind == 0:
            return {**body, "nonsense": 1}
        name = self._random.choice(required)
        if kind == 1:
            return {member: value for member, value in body.items() if member != name}
        return {**body, name: {"an": "object"}}
