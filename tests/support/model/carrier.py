"""What a carrier is at a version, and what every command of the model is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

from tests.support.history.carrier import ACTIVE, RETIRED, STATES, SUSPENDED
from tests.support.history.documents import Documents
from tests.support.history.instructions import Instructions

Json = Mapping[str, Any]

THERE: Final = frozenset({ACTIVE, SUSPENDED})
"""The states of a carrier that has not left."""
ANY: Final = frozenset(STATES)

NO_PROFILE: Final[Json] = {
    "phone": None,
    "website": None,
    "aliases": [],
    "identifiers": [],
    "coverage": [],
    "tracking_url": None,
    "metadata": {},
    "contacts": [],
    "tags": [],
    "time_zone": None,
}

SUBJECT: Final = ("name", "email", "phone", "website", "identifiers", "coverage")
"""What an approval is of."""


class Refused(Exception):
    """The command is refused with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


FORBIDDEN: Final = 409
"""By the state, or as a second person is needed."""
INVALID: Final = 422


@dataclass(frozen=True)
class Proposal:
    """A change that waits, or waited: `ended` says how that ended and for which reason."""

    changes: Json
    author: str
    ended: tuple[str, str] | None = None


@dataclass(frozen=True)
class Decision:
    """An approval, or a rejection, of what the carrier said."""

    granted: bool
    reason: str
    subject: Json


@dataclass(frozen=True)
class Carrier:
    """A carrier at a version. `set_in` has, by a subject's name, the version of the last event that
    set it; `authors` who gave each field of SUBJECT the value that it has."""

    id: str
    version: int = 0
    name: str = ""
    email: str = ""
    registered_at: str = ""
    state: str = ""
    reason: str | None = None
    category: str | None = None
    profile: Json = field(default_factory=lambda: dict(NO_PROFILE))
    documents: Documents = ()
    instructions: Instructions = ()
    proposals: tuple[Proposal, ...] = ()
    decision: Decision | None = None
    incidents: tuple[tuple[str, str], ...] = ()
    distinct_from: frozenset[str] = frozenset()
    registrant: str = ""
    set_in: Mapping[str, int] = field(default_factory=dict)
    authors: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - any field that is shown
        return self.profile[name] if name in self.profile else getattr(self, name)

    @property
    def subject(self) -> Json:
        """What an approval is of, as it is now."""
        return {name: self[name] for name in SUBJECT}

    @property
    def address(self) -> str | None:
        """The e-mail address that no other carrier may have meanwhile."""
        return None if self.state == RETIRED else self.email.lower()

    @property
    def pending(self) -> dict[int, Proposal]:
        """What waits for a second person, by number."""
        numbered = enumerate(self.proposals, 1)
        return {number: each for number, each in numbered if each.ended is None}

    @property
    def fields(self) -> dict[str, Any]:
        """The fields that a history and a dry run say the changes of."""
        return {
            "name": self.name,
            "email": self.email,
            "state": self.state,
            "reason": self.reason,
            "category": self.category,
            **self.profile,
        }

    @property
    def listed(self) -> dict[str, Any]:
        """The carrier as a list has it."""
        return {
            "carrier_id": self.id,
            "version": self.version,
            "registered_at": self.registered_at,
            **self.fields,
        }

    @property
    def shown(self) -> dict[str, Any]:
        """The carrier as `GET /carriers/{id}` shows it."""
        shown = self.listed
        if waiting := self.pending:
            shown["pending"] = [
                {"proposal_id": number, "changes": each.changes} for number, each in waiting.items()
            ]
        if self.decision:
            shown["approval"] = {
                "granted": self.decision.granted,
                "reason": self.decision.reason,
                "changed": self.changed_since_decision,
            }
        return shown

    @property
    def changed_since_decision(self) -> list[str]:
        """The fields that are not what somebody has approved or rejected."""
        decided = self.decision.subject if self.decision else {}
        return [name for name in decided if decided[name] != self[name]]


@dataclass(frozen=True)
class Sent:
    """A command: its body in normal form, who sent it when, and for which fields the policy of that
    moment asks for a second person. `owner` says whose an e-mail address is."""

    body: Json
    who: str
    at: str
    guarded: frozenset[str]
    owner: Callable[[str], str | None]

    @property
    def reason(self) -> str:
        """Why, as it was said."""
        return str(self.body["reason"])


@dataclass(frozen=True)
class Step:
    """An event, what it makes of the carrier, and which subjects it sets; `authors` are who set
    them, if it is not just the sender."""

    type: str
    data: Json
    carrier: Carrier
    sets: tuple[str, ...] = ()
    authors: frozenset[str] | None = None


Decide = Callable[[Carrier, Sent], Iterator[Step]]


@dataclass(frozen=True)
class Choice:
    """What a body is made of: the walk's random choices, and the carrier it is for. `others` are
    ids of carriers."""

    random: Random
    carrier: Carrier
    others: tuple[str, ...]
    today: str


def _any(_: Carrier) -> bool:
    return True


@dataclass(frozen=True)
class Model:
    """A command: what it decides (no step if it changes nothing, `Refused` if it must not be), how
    a body of it is made, the members that the body cannot do without, and how often it is sent."""

    decide: Decide
    body: Callable[[Choice], dict[str, Any]]
    required: tuple[str, ...]
    weight: int = 10
    suits: Callable[[Carrier], bool] = _any


def after(step: Step, sender: str) -> Carrier:
    """The carrier after the event, at its version."""
    carrier = step.carrier
    version = carrier.version + 1
    set_in = {**carrier.set_in, **dict.fromkeys(step.sets, version)}
    authors = step.authors or frozenset({sender})
    changed = {name: authors for name in step.sets if name in SUBJECT}
    return replace(carrier, version=version, set_in=set_in, authors={**carrier.authors, **changed})


def needs(carrier: Carrier, states: frozenset[str]) -> None:
    """Refuse a command that the carrier's state forbids."""
    if carrier.state not in states:
        raise Refused(FORBIDDEN)
