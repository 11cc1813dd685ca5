"""The whole registry: every carrier's stream, the policy's, the addresses, and what was done under
which key. Here is what all commands have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from tests.support.history.carrier import RETIRED
from tests.support.model import policy as policies
from tests.support.model.carrier import (
    INVALID,
    Carrier,
    Json,
    Refused,
    Sent,
    Step,
    after,
    taking_effect,
)
from tests.support.model.eligibility import preferences, verdicts
from tests.support.model.policy import Policy
from tests.support.model.themes import COMMANDS
from tests.support.model.themes.instructions import Work
from tests.support.model.values import normal

NOT_FOUND, STALE, DONE, CREATED = 404, 412, 200, 201
REGISTER, VET, POLICY = "register", "vet", "policy"


@dataclass(frozen=True)
class Request:
    """A command as it is sent. `is_flawed` says that its body is none of its kind; `stream` is
    empty for a registration."""

    command: str
    stream: str
    body: Json
    who: str
    key: str | None = None
    if_match: int | None = None
    is_dry_run: bool = False
    is_flawed: bool = False


@dataclass(frozen=True)
class Answer:
    """The answer to a command. `since` are the versions that a stale one has not seen."""

    status: int
    data: Json | None = None
    version: int | None = None
    is_replay: bool = False
    since: tuple[int, ...] = ()


@dataclass(frozen=True)
class Entry:
    """An event, and the carrier that it left."""

    type: str
    data: Json
    at: str
    who: str
    carrier: Carrier
    changes: tuple[Json, ...]

    @property
    def shown(self) -> dict[str, Any]:
        """Its entry in the history."""
        return {
            "version": self.carrier.version,
            "type": self.type,
            "at": self.at,
            "who": self.who,
            "data": self.data,
            "changes": list(self.changes),
        }


@dataclass
class Registry:
    """All that was recorded. Moments are texts in one form, so that they compare as time does."""

    streams: dict[str, list[Entry]] = field(default_factory=dict)
    policies: list[Policy] = field(default_factory=lambda: [Policy()])
    addresses: dict[str, str] = field(default_factory=dict)
    done: dict[tuple[str, str, str], tuple[Request, Answer]] = field(default_factory=dict)

    @property
    def policy(self) -> Policy:
        """The one that holds."""
        return self.policies[-1]

    @property
    def written(self) -> int:
        """How many events of carriers there are."""
        return sum(map(len, self.streams.values()))

    def carriers(self) -> Iterator[Carrier]:
        """Each as it is now, in the order of registration."""
        return (entries[-1].carrier for entries in self.streams.values())

    def carrier(self, stream: str, version: int = 0, at: str | None = None) -> Carrier | None:
        """The carrier as it is now, as it was at a version, or at a moment; None if it was not."""
        entries = self.streams.get(stream, [])
        if version:
            return entries[version - 1].carrier if version <= len(entries) else None
        known = [each for each in entries if at is None or each.at <= at]
        return known[-1].carrier if known else None

    def policy_at(self, at: str | None) -> Policy:
        """The policy that held at a moment."""
        known = [each for each in self.policies if at is None or (each.adopted_at or "") <= at]
        return known[-1]

    def take(self, request: Request, at: str, new_id: str) -> Answer:
        """Carry out a command; a carrier that it registers gets this id."""
        if request.is_flawed or (
            request.stream == POLICY and not policies.makes_sense(request.body)
        ):
            return Answer(INVALID)
        name = (request.who, request.stream or REGISTER, request.key or "")
        if request.key and name in self.done:
            first, answer = self.done[name]
            is_same = (first.command, first.body) == (request.command, request.body)
            return self._again(request, answer) if is_same else Answer(INVALID)
        if request.stream and request.stream != POLICY and request.stream not in self.streams:
            return Answer(NOT_FOUND)
        seen, current = request.if_match, self._version(request.stream)
        if seen is not None and seen != current:
            return Answer(STALE, version=current, since=tuple(range(seen + 1, current + 1)))
        try:
            answer = self._decided(request, at, new_id)
        except Refused as refusal:
            return Answer(refusal.status)
        if request.key and not request.is_dry_run:
            self.done[name] = (request, answer)
        return answer

    def _again(self, request: Request, first: Answer) -> Answer:
        """The first answer; whoever asks only what would be is told that it would be nothing."""
        if not request.is_dry_run:
            return replace(first, is_replay=True)
        assert first.version and first.data, "it was carried out"
        nothing: dict[str, Any] = {"dry_run": True, "version": first.version}
        nothing |= {"events": [], "changes": []}
        if request.stream == POLICY:
            return Answer(DONE, nothing)
        entries = self.streams[first.data["carrier_id"]]
        return Answer(DONE, {**nothing, "state": entries[first.version - 1].carrier.state})

    def _version(self, stream: str) -> int:
        if stream == POLICY:
            return self.policy.version
        return len(self.streams.get(stream, ()))

    def _decided(self, request: Request, at: str, new_id: str) -> Answer:
        if request.stream == POLICY:
            return self._adopted(request, at)
        carrier = self.carrier(request.stream) or Carrier(new_id)
        model = COMMANDS[request.command]
        guarded = self.policy.guarded
        judge = partial(self._judged, carrier)
        sent = Sent(
            normal(request.body), request.who, at, guarded, self._owner, judge, self.carrier
        )
        begun = list(_recorded(carrier, taking_effect(carrier, carrier.today(at)), sent))
        now = begun[-1].carrier if begun else carrier
        entries = list(_recorded(now, model.decide(now, sent), sent))
        entries = entries and begun + entries
        ours = [each for each in entries if each.carrier.id == carrier.id]
        last = ours[-1].carrier if entries else carrier
        if request.is_dry_run:
            return Answer(DONE, _plan(carrier, last, ours))
        if entries:
            self._record([*self._released(entries, sent), *entries])
        if request.command == REGISTER:
            return Answer(CREATED, {"carrier_id": last.id}, last.version)
        if request.command == VET:
            vetting = dict(entries[-1].data)
            judged = {"at": at, "who": request.who}
            return Answer(CREATED, {"carrier_id": last.id, **judged, **vetting}, last.version)
        data = {"carrier_id": last.id, "version": last.version, "state": last.state}
        return Answer(DONE, data, last.version)

    def _judged(self, carrier: Carrier, about: Json) -> Json:
        """What comes of work, by what is known now."""
        work, entries = Work(**about), self.streams[carrier.id]
        there = carrier.on(work.on)
        found = verdicts(there, work, self.policy, lambda version: entries[version - 1].at[:10])
        return {
            "judged_version": carrier.version,
            "policy_version": self.policy.version,
            "eligible": all(each.holds for each in found),
            "rules": {each.rule: each.holds for each in found},
            "preferences": preferences(there, work),
        }

    def _adopted(self, request: Request, at: str) -> Answer:
        new = policies.adopted(self.policy, request.body, request.who, at)
        events = [new.event] if new is not self.policy else []
        if request.is_dry_run:
            said = [{"type": each["type"], "data": each["data"]} for each in events]
            changes = events[0]["changes"] if events else []
            plan = {"version": new.version, "events": said, "changes": changes}
            return Answer(DONE, {"dry_run": True, **plan})
        if events:
            self.policies.append(new)
        return Answer(DONE, {"version": new.version}, new.version)

    def _owner(self, email: str) -> str | None:
        """None also if that is a merged one whose survivor has left."""
        owner = self.addresses.get(email.lower())
        return None if owner and self._survivor(owner).state == RETIRED else owner

    def _survivor(self, stream: str) -> Carrier:
        """The carrier that speaks for this one, at the end of a chain; itself, if it is not
        merged."""
        carrier = self.carrier(stream)
        assert carrier, "only who is there has an address"
        return self._survivor(carrier.merged_into) if carrier.merged_into else carrier

    def _released(self, entries: Iterable[Entry], sent: Sent) -> Iterator[Entry]:
        """What merged carriers give up, as their survivor has left and another wants it."""
        wanted = {address for each in entries for address in each.carrier.addresses}
        owners = {each: self.addresses.get(each) for each in wanted}
        for owner in {each for each in owners.values() if each}:
            carrier, survivor = self.carrier(owner), self._survivor(owner)
            if carrier and survivor.state == RETIRED:
                gone = replace(carrier, released=carrier.addresses)
                step = Step("CarrierAddressReleased", {"survivor": survivor.id}, gone)
                yield from _recorded(carrier, [step], sent)

    def _record(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            carrier = entry.carrier
            before = self.carrier(carrier.id)
            for address in before.addresses if before else ():
                del self.addresses[address]
            self.addresses.update(dict.fromkeys(carrier.addresses, carrier.id))
            self.streams.setdefault(carrier.id, []).append(entry)


def _recorded(carrier: Carrier, steps: Iterable[Step], sent: Sent) -> Iterator[Entry]:
    """The events of a carrier, and those of another one that come of the same command."""
    before = {carrier.id: carrier}
    for step in steps:
        left = after(step)
        known = before.get(left.id) or sent.other(left.id) or Carrier(left.id)
        yield Entry(step.type, step.data, sent.at, sent.who, left, changes(known, left))
        before[left.id] = left


def changes(before: Carrier, now: Carrier) -> tuple[Json, ...]:
    """Each field that differs, before and after; before a registration a carrier has no name."""
    old: Mapping[str, Any] = {name: value or None for name, value in before.fields.items()}
    if before.version:
        old = before.fields
    new = now.fields if before.version else {n: v for n, v in now.fields.items() if v}
    return tuple(
        {"field": name, "from": old[name], "to": new[name]}
        for name in new
        if new[name] != old[name]
    )


def _plan(before: Carrier, then: Carrier, entries: list[Entry]) -> Json:
    return {
        "dry_run": True,
        "version": then.version,
        "state": then.state,
        "events": [{"type": each.type, "data": each.data} for each in entries],
        "changes": list(changes(before, then)),
    }
