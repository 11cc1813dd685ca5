"""The threads of a run. Who sends commands insists on an answer: what it does not know it asks
again, with the same key."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.history.records import DONE, NOT_STARTED, UNKNOWN, Sent
from tests.support.workload.choices import Carriers, Choices
from tests.support.workload.conversation import Conversation, Wanted

AGAIN_SECONDS = 0.1
INSIST_SECONDS = 60.0
_LOOK_SECONDS = 0.03


@dataclass(frozen=True)
class Clients:
    """What the threads of a run share."""

    converse: Callable[[str], Conversation]
    carriers: Carriers
    seed: int
    stop: threading.Event
    pause_seconds: float = 0.01

    def command(self, number: int) -> None:
        """Send one command after another."""
        talk, choices = self.converse(f"client {number}"), Choices(self.seed, number, self.carriers)
        while not self.stop.is_set():
            wanted = choices.command()
            sent = self._insist(talk, wanted)
            if sent.outcome == DONE and not wanted.is_dry_run:
                self._learn(talk, wanted, sent, choices)
            elif sent.reason == "stale-version":
                self.carriers.saw(sent.carrier, sent.version)
            self.stop.wait(choices.chance.uniform(0, 2 * self.pause_seconds))

    def look(self, number: int) -> None:
        """Look at carriers and at their histories."""
        talk = self.converse(f"onlooker {number}")
        choices = Choices(self.seed, 1000 + number, self.carriers)
        while not self.stop.wait(_LOOK_SECONDS):
            if carrier := choices.carrier():
                look = talk.show if choices.chance.random() < 0.6 else talk.tell
                look(carrier)

    def follow(self, number: int) -> None:
        """Read the feed to its end, again and again; now and then from the beginning."""
        talk = self.converse(f"follower {number}")
        choices = Choices(self.seed, 2000 + number, self.carriers)
        after = 0
        while not self.stop.wait(_LOOK_SECONDS):
            page = talk.page(after, choices.chance.choice((1, 7, 100)))
            if page is not None:
                after = 0 if choices.chance.random() < 0.01 else page.next

    def _insist(self, talk: Conversation, wanted: Wanted) -> Sent:
        sent = talk.send(wanted)
        latest = time.monotonic() + INSIST_SECONDS
        while wanted.key and sent.outcome in {UNKNOWN, NOT_STARTED} and time.monotonic() < latest:
            time.sleep(AGAIN_SECONDS)
            sent = talk.send(wanted)
        return sent

    def _learn(self, talk: Conversation, wanted: Wanted, sent: Sent, choices: Choices) -> None:
        if words := wanted.body.get("aliases"):
            self.carriers.words[sent.carrier] = words[0]
        self.carriers.saw(sent.carrier, sent.version)
        if wanted.key and choices.chance.random() < 0.05:
            talk.send(wanted)
        if sent.carrier in self.carriers.words and choices.chance.random() < 0.2:
            talk.find(self.carriers.words[sent.carrier], sent.carrier)
