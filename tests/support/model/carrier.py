"""What a carrier is at a version, and what every command of the model is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

from tests.support.history.carrier import ACTIVE, RETIRED, STATES, SUSPENDED
from tests.support.history.documents import Documents
from tests.support.history.instructions import Instructions

Json = Mapping[str, Any]

THERE: Final = frozenset({ACTIVE, SUSPENDED})
"""The states of a carrier that has not left."""
ANY: Final = frozenset(STATES)
"""The states in which a carrier speaks for itself."""
MERGED: Final = "merged"
"""The state of one that another carrier speaks for."""

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
    "bank_reference": None,
}

SUBJECT: Final = (
    *("name", "email", "phone", "website", "identifiers", "coverage"),
    "bank_reference",
)
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


TOOK_EFFECT: Final = ""
"""How a scheduled change ended that was not cancelled."""


@dataclass(frozen=True)
class Scheduled:
    """Fields that are to be others from a day on; `version` is that of the event that said so.
    `ended` is for which reason it was cancelled, or TOOK_EFFECT."""

    effective_on: str
    changes: Json
    reason: str
    author: str
    version: int
    ended: str | None = None

    @property
    def said(self) -> dict[str, Any]:
        """What was said of it, as events and answers have it."""
        return {
            "effective_on": self.effective_on,
            "changes": self.changes,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Past:
    """That a scheduled change took effect: on which day, as which one, recorded in which version,
    and what its fields were until then."""

    until: str
    number: int
    version: int
    fields: Json
    set_in: Mapping[str, int]


@dataclass(frozen=True)
class Absorbed:
    """That a carrier absorbed another one: in which version, what the fields were that it took, and
    the whole carrier before."""

    version: int
    former: Json
    survivor: Carrier


@dataclass(frozen=True)
class Carrier:
    """A carrier at a version. `set_in` has, by a subject's name, the version of the last event that
    set it, `change` being the last that was made without a day; `authors` who gave each field of
    SUBJECT the value that it has. `kept` has the addresses that merged ones keep for it, `released`
    those of its own that it gave up."""

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
    scheduled: tuple[Scheduled, ...] = ()
    past: tuple[Past, ...] = ()
    merged_into: str | None = None
    merges: int = 0
    before_merge: tuple[str, str | None, str | None] = ("", None, None)
    absorbed: Mapping[str, Absorbed] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    released: frozenset[str] = frozenset()

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - any field that is shown
        return self.profile[name] if name in self.profile else getattr(self, name)

    @property
    def subject(self) -> Json:
        """What an approval is of, as it is now."""
        return {name: self[name] for name in SUBJECT}

    @property
    def addresses(self) -> frozenset[str]:
        """The e-mail addresses that no other carrier may have meanwhile."""
        changes = (each.changes for each in self.open.values())
        scheduled = frozenset(each["email"].lower() for each in changes if "email" in each)
        if self.state == RETIRED:
            return frozenset()
        taken = (each.former for each in self.absorbed.values())
        former = {each["email"].lower() for each in taken if "email" in each}
        return (scheduled | former | {self.email.lower()}) - self.kept.keys() - self.released

    @property
    def open(self) -> dict[int, Scheduled]:
        """Those that nothing has been recorded of yet."""
        return {number: each for number, each in self.in_order if each.ended is None}

    @property
    def in_order(self) -> list[tuple[int, Scheduled]]:
        """The scheduled changes by number, in the order in which they count."""
        numbered = enumerate(self.scheduled, 1)
        return sorted(numbered, key=lambda each: (each[1].effective_on, each[0]))

    def today(self, at: str) -> str:
        """The day where the carrier is, at a moment; no day before one on which something took
        effect. One that is to be elsewhere from a day on is there then."""
        zone = ZoneInfo(self["time_zone"] or "UTC")
        today = datetime.fromisoformat(at).astimezone(zone).date().isoformat()
        today = max([today, *(each.until for each in self.past)])
        for step in islice(taking_effect(self, today), 1):
            return step.carrier.today(at)
        return today

    def in_effect(self, day: str) -> dict[int, Scheduled]:
        """The scheduled changes that hold on a day and are not recorded as such."""
        if self.state not in THERE:
            return {}
        return {n: each for n, each in self.open.items() if each.effective_on <= day}

    def _changed_by(self, day: str) -> int:
        """The event that changed anything last, of those that count on a day that is over."""
        begun = {each.version: each for each in self.past if each.until <= day}
        last = max([self.set_in["change"], *begun])
        return self.scheduled[begun[last].number - 1].version if last in begun else last

    def with_change(self, number: int, change: Scheduled) -> Carrier:
        """The carrier with another scheduled change of that number."""
        before, behind = self.scheduled[: number - 1], self.scheduled[number:]
        return replace(self, scheduled=(*before, change, *behind))

    def having(self, changes: Json, authors: frozenset[str] = frozenset()) -> Carrier:
        """The carrier with other values of some fields; whoever gives one the value that it has is
        no author of it."""
        fields = {n: changes[n] for n in ("name", "email") if n in changes}
        rest = {n: each for n, each in changes.items() if n not in fields}
        by = {n: authors for n in SUBJECT if n in changes and changes[n] != self[n]}
        return replace(
            self, **fields, profile={**self.profile, **rest}, authors={**self.authors, **by}
        )

    def taking(self, change: Scheduled) -> Carrier:
        """The carrier after a scheduled change, at the same version. The event that scheduled it,
        and who sent that, gave the fields their values."""
        sets = dict.fromkeys((*change.changes, "profile"), change.version)
        there = self.having(change.changes, frozenset({change.author}))
        return replace(there, set_in={**self.set_in, **sets})

    def on(self, day: str) -> Carrier:
        """The carrier as it is on a day, by what is recorded and scheduled."""
        carrier = self
        for former in reversed([each for each in self.past if day < each.until]):
            set_in = {**carrier.set_in, **former.set_in, "profile": self._changed_by(day)}
            carrier = replace(carrier.having(former.fields), set_in=set_in)
        if carrier is not self:
            return carrier
        for change in self.in_effect(day).values():
            carrier = carrier.taking(change)
        return carrier

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
            "merged_into": self.merged_into,
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

    def shown(self, day: str) -> dict[str, Any]:
        """The carrier as `GET /carriers/{id}` shows it for a day."""
        there = self.on(day)
        shown = there.listed
        to_come = {
            number: each
            for number, each in self.in_order
            if each.effective_on > day
            if each.ended == TOOK_EFFECT or (each.ended is None and self.state in THERE)
        }
        if to_come:
            shown["scheduled"] = [{"change_id": n, **each.said} for n, each in to_come.items()]
        if waiting := self.pending:
            shown["pending"] = [
                {"proposal_id": number, "changes": each.changes} for number, each in waiting.items()
            ]
        if self.decision:
            shown["approval"] = {
                "granted": self.decision.granted,
                "reason": self.decision.reason,
                "changed": there.changed_since_decision,
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
    moment asks for a second person. `owner` says whose an e-mail address is, and `judge` what comes
    of work (`country`, `service`, `customer`, `on`), as a vetting has it. `other` is any
    carrier."""

    body: Json
    who: str
    at: str
    guarded: frozenset[str]
    owner: Callable[[str], str | None]
    judge: Callable[[Json], Json]
    other: Callable[[str], Carrier | None]

    @property
    def reason(self) -> str:
        """Why, as it was said."""
        return str(self.body["reason"])


@dataclass(frozen=True)
class Step:
    """An event, what it makes of the carrier, and which subjects it sets."""

    type: str
    data: Json
    carrier: Carrier
    sets: tuple[str, ...] = ()


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


def after(step: Step) -> Carrier:
    """The carrier after the event, at its version."""
    carrier = step.carrier
    version = carrier.version + 1
    set_in = {**carrier.set_in, **dict.fromkeys(step.sets, version)}
    if "profile" in step.sets:
        set_in["change"] = version
    return replace(carrier, version=version, set_in=set_in)


def taking_effect(carrier: Carrier, day: str) -> Iterator[Step]:
    """The events that say that scheduled changes took effect by a day."""
    for number, change in carrier.in_effect(day).items():
        fields = {name: carrier[name] for name in change.changes}
        set_in = {name: carrier.set_in[name] for name in change.changes if name in carrier.set_in}
        past = Past(change.effective_on, number, carrier.version + 1, fields, set_in)
        ended = carrier.taking(change).with_change(number, replace(change, ended=TOOK_EFFECT))
        data = {"change_id": number, **change.said}
        del data["reason"]
        step = Step(
            "CarrierScheduledChangeTookEffect", data, replace(ended, past=(*carrier.past, past))
        )
        carrier = replace(step.carrier, version=carrier.version + 1)
        yield step


def needs(carrier: Carrier, states: frozenset[str]) -> None:
    """Refuse a command that the carrier's state forbids."""
    if carrier.state not in states:
        raise Refused(FORBIDDEN)
