"""What a client does next: chosen by the seed, out of every command that there is."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.workload.conversation import Wanted

CONTESTED = 5
"""Addresses that many want."""

OTHERS = [f"6fa459ea-ee8a-4ca4-894e-00000000000{number}" for number in range(4)]
"""Ids of carriers that others look like; few, so that some are named again."""

_TOGETHER = 8
"""Carriers that clients change at a time; a new one takes the place of the oldest."""

WEIGHTS = {
    "register": 10,
    "rename": 20,
    "change-email": 20,
    "update-profile": 12,
    "schedule-change": 4,
    "cancel-scheduled-change": 3,
    "suspend": 10,
    "reinstate": 10,
    "retire": 4,
    "note-incident": 10,
    "file-document": 10,
    "replace-document": 8,
    "withdraw-document": 6,
    "block": 6,
    "unblock": 4,
    "prefer": 4,
    "unprefer": 3,
    "override-verdict": 4,
    "withdraw-override": 3,
    "approve": 2,
    "reject": 4,
    "confirm-change": 2,
    "discard-change": 2,
    "vet": 4,
    "annotate": 4,
    "not-a-duplicate": 5,
}
"""How often each command is sent."""


@dataclass
class Carriers:
    """Those that clients know of: each with a word that finds it, and the last version that
    anybody was told."""

    words: dict[str, str] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=_TOGETHER))

    def saw(self, carrier: str, version: int) -> None:
        """Somebody was told that it has this version."""
        if carrier not in self.versions:
            self.recent.append(carrier)
        self.versions[carrier] = max(version, self.versions.get(carrier, 0))


class Choices:
    """One client's. The same seed makes the same choices of the same carriers."""

    def __init__(self, seed: int, client: int, carriers: Carriers) -> None:
        self.chance = random.Random(f"{seed} {client}")
        self._seed = seed
        self._client = client
        self._carriers = carriers
        self._count = 0

    def carrier(self) -> str | None:
        """One of those that are changed now."""
        recent = list(self._carriers.recent)
        return self.chance.choice(recent) if recent else None

    def command(self) -> Wanted:
        """The next command."""
        self._count += 1
        number = f"{self._seed}-{self._client}-{self._count}"
        name = self.chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        carrier = self.carrier()
        has_key, is_dry_run = self.chance.random() < 0.9, self.chance.random() < 0.06
        on_version, is_old = self.chance.random() < 0.45, self.chance.random() < 0.2
        if carrier is None or name == "register":
            name, carrier, if_match = "register", "", None
        else:
            version = max(1, self._carriers.versions[carrier] - is_old)
            if_match = version if on_version else None
        return Wanted(
            id=f"command-{number}",
            name=name,
            body=self._body(name, number),
            carrier=carrier,
            if_match=if_match,
            key=f"key-{number}" if has_key else None,
            is_dry_run=is_dry_run,
        )

    def _address(self, number: str) -> str:
        contested = f"contested-{self.chance.randrange(CONTESTED)}-{self._seed}@example.com"
        return contested if self.chance.random() < 0.6 else f"own-{number}@example.com"

    def _body(self, name: str, number: str) -> dict[str, Any]:
        # Some say the same again and again: commands that may change nothing.
        text = number if self.chance.random() < 0.8 else "the same"
        bodies: dict[str, Callable[[], dict[str, Any]]] = {
            "register": lambda: self._registration(number),
            "rename": lambda: {"name": text},
            "change-email": lambda: {"email": self._address(number)},
            "update-profile": lambda: {"website": f"https://a.example/{text.replace(' ', '-')}"},
            "schedule-change": self._scheduled,
            "cancel-scheduled-change": lambda: {"change_id": self._number(), "reason": text},
            "suspend": lambda: {"reason": text, "category": self.chance.choice(("fraud", "other"))},
            "vet": lambda: {"country": "DE", "service": "express", "customer": text},
            "annotate": lambda: {"note": text},
            "file-document": lambda: {"kind": "contract", **self._document(text)},
            "replace-document": lambda: {**self._which(), **self._document(text)},
            "withdraw-document": lambda: {**self._which(), "reason": text},
            "block": lambda: {"service": "express", **self._instruction(text)},
            "unblock": lambda: {"block_id": self._number(), "reason": text},
            "prefer": lambda: {"customer": "ACME", **self._instruction(text)},
            "unprefer": lambda: {"preference_id": self._number(), "reason": text},
            "override-verdict": lambda: self._override(text),
            "withdraw-override": lambda: {"override_id": self._number(), "reason": text},
            "confirm-change": lambda: {"proposal_id": self._number(), "reason": text},
            "discard-change": lambda: {"proposal_id": self._number(), "reason": text},
            "note-incident": lambda: {"kind": "late", "happened_on": "2026-01-31", "note": text},
            "not-a-duplicate": lambda: {"other": self.chance.choice(OTHERS), "reason": text},
        }
        return bodies.get(name, lambda: {"reason": text})()

    def _which(self) -> dict[str, Any]:
        """One that may be there, or may have been replaced or withdrawn."""
        return {"document_id": self._number()}

    def _number(self) -> int:
        return self.chance.randrange(1, 6)

    def _document(self, text: str) -> dict[str, Any]:
        return {"number": text, "issuer": "Insurer", "valid_from": "2026-01-31"}

    def _instruction(self, text: str) -> dict[str, Any]:
        return {"valid_from": "2026-01-31", "reason": text}

    def _scheduled(self) -> dict[str, Any]:
        """Few different ones, as a carrier takes no more than 20; none comes into effect."""
        name = f"scheduled {self.chance.randrange(6)}"
        return {"effective_on": "2099-01-31", "name": name, "reason": "agreed"}

    def _override(self, text: str) -> dict[str, Any]:
        return {"rule": "recent", "valid_to": "2026-12-31", **self._instruction(text)}

    def _registration(self, number: str) -> dict[str, Any]:
        body = {"name": f"carrier {number}", "email": self._address(number)}
        # Words of a search begin words of a carrier: one number must not begin another.
        word = f"w{number.replace('-', 'x')}x"
        return {**body, "aliases": [word]} if self.chance.random() < 0.7 else body
