"""Beside the way of the data: a history that is written by hand, as a service that keeps every
promise would give it. Tests of the judge then change what it must not miss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from tests.support.history.carrier import NOBODY, Carrier, decided
from tests.support.history.instructions import GIVEN, next_number
from tests.support.history.records import (
    DONE,
    REFUSED,
    UNKNOWN,
    Counted,
    Event,
    History,
    Listed,
    Page,
    Record,
    Sent,
    Shown,
    Told,
)

_TYPES = {
    "rename": "CarrierRenamed",
    "change-email": "CarrierEmailChanged",
    "update-profile": "CarrierProfileUpdated",
    "schedule-change": "CarrierChangeScheduled",
    "cancel-scheduled-change": "CarrierScheduledChangeCancelled",
    "suspend": "CarrierSuspended",
    "reinstate": "CarrierReinstated",
    "retire": "CarrierRetired",
    "note-incident": "CarrierIncidentNoted",
    "file-document": "CarrierDocumentFiled",
    "replace-document": "CarrierDocumentReplaced",
    "withdraw-document": "CarrierDocumentWithdrawn",
    "block": "CarrierBlocked",
    "unblock": "CarrierUnblocked",
    "prefer": "CarrierPreferred",
    "unprefer": "CarrierUnpreferred",
    "override-verdict": "CarrierVerdictOverridden",
    "withdraw-override": "CarrierOverrideWithdrawn",
    "reject": "CarrierRejected",
    "vet": "CarrierVetted",
    "annotate": "CarrierAnnotated",
    "not-a-duplicate": "CarrierDistinguished",
}


class WrittenHistory:
    """One client sends one command after another; each takes a second."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.feed: list[Event] = []
        self._carriers: dict[str, Carrier] = {}
        self._now = 0.0

    def done(self, name: str, carrier: str, /, **body: Any) -> Sent:  # noqa: ANN401 - JSON
        """A command that is carried out and acknowledged."""
        sent = self._attempt(name, carrier, body)
        return self._keep(self._happened(sent))

    def unknown(self, name: str, carrier: str, happened: bool, /, **body: Any) -> Sent:  # noqa: ANN401
        """A command without an answer."""
        sent = self._attempt(name, carrier, body)
        if happened:
            self._happened(sent)
        return self._keep(replace(sent, outcome=UNKNOWN))

    def again(self, sent: Sent) -> Sent:
        """The answer to a command that was sent before, and had been done."""
        begin, end = self._tick()
        now = self._carriers[sent.carrier]
        answer = replace(sent, begin=begin, end=end, outcome=DONE, is_replayed=True)
        return self._keep(replace(answer, version=now.version, state=now.state))

    def refused(self, reason: str, name: str, carrier: str, /, **body: Any) -> Sent:  # noqa: ANN401
        """A command that is refused."""
        now = self._carriers.get(carrier, NOBODY)
        sent = self._attempt(name, carrier, body)
        answer = replace(sent, outcome=REFUSED, reason=reason)
        return self._keep(replace(answer, version=now.version, state=now.state))

    def shown(self, carrier: str) -> Shown:
        """A look at a carrier."""
        begin, end = self._tick()
        look = Shown("reader", begin, end, carrier, self._fields(carrier))
        self.records.append(look)
        return look

    def listed(self, carrier: str) -> Listed:
        """A look at the directory with the token of the carrier's last write."""
        begin, end = self._tick()
        rows, version = [self._fields(carrier)], self._carriers[carrier].version
        self.records.append(listed := Listed("reader", begin, end, rows, carrier, version))
        return listed

    def page(self, reader: str, after: int = 0) -> Page:
        """A page of the feed."""
        begin, end = self._tick()
        events, head = self.feed[after:], len(self.feed)
        self.records.append(page := Page(reader, begin, end, after, events, head, head, "feed"))
        return page

    def finished(self) -> History:
        """With what everybody sees in the end. More can be added for another history after it."""
        before = list(self.records)
        self.page("first")
        self.page("second")
        for carrier in self._carriers:
            begin, end = self._tick()
            events = [replace(each, position=0) for each in self.feed if each.carrier == carrier]
            self.records.append(Told("reader", begin, end, carrier, events, is_final=True))
        begin, end = self._tick()
        rows = [self._fields(carrier) for carrier in self._carriers]
        self.records.append(Listed("reader", begin, end, rows, is_final=True))
        states = dict.fromkeys(("active", "suspended", "retired", "merged"), 0)
        for each in self._carriers.values():
            states[each.state] += 1
        self.records.append(Counted("reader", begin, end, len(rows), states))
        history, self.records = History(self.records), before
        return history

    def _tick(self) -> tuple[float, float]:
        self._now += 1
        return self._now, self._now + 0.5

    def _attempt(self, name: str, carrier: str, body: dict[str, Any]) -> Sent:
        begin, end = self._tick()
        if_match = body.pop("if_match", None)
        command = f"{name}-{len(self.records)}"
        known = carrier if name != "register" else ""
        return Sent("client", begin, end, command, name, body, "", known, if_match)

    def _happened(self, sent: Sent) -> Sent:
        carrier = sent.carrier or f"carrier-{len(self._carriers) + 1}"
        before = self._carriers.get(carrier, NOBODY)
        now = decided(before, sent.name, sent.body)
        assert now is not None, f"{before} forbids it"
        if now != before:
            self._carriers[carrier] = now
            self.feed += self._events(sent, carrier, before)
        answer = replace(sent, carrier=carrier, outcome=DONE)
        return replace(answer, version=now.version, state=now.state)

    def _events(self, sent: Sent, carrier: str, before: Carrier) -> list[Event]:
        version, body = before.version, dict(sent.body)
        if sent.name == "file-document":
            body["document_id"] = len(before.documents) + 1
        if sent.name == "replace-document":
            body = {"reason": None, **body, "replaces": body["document_id"]}
            body["kind"] = before.documents[body["replaces"] - 1].said[0]
            body["document_id"] = len(before.documents) + 1
        if noun := GIVEN.get(sent.name):
            body[f"{noun}_id"] = next_number(before.instructions, noun)
        parts = {part: body.pop(part) for part in ("website", "aliases") if part in body}
        contents = [("CarrierProfileUpdated", {"changes": parts})] if parts else []
        if sent.name == "register":
            contents.insert(0, ("CarrierRegistered", body))
        elif not parts:
            contents.append((_TYPES[sent.name], body))
        first = len(self.feed) + 1
        return [
            Event(
                carrier=carrier,
                version=version + 1 + at,
                event_id=f"event-{first + at}",
                type=kind,
                command=sent.command,
                commit=f"commit of {sent.command}",
                data=data,
                position=first + at,
            )
            for at, (kind, data) in enumerate(contents)
        ]

    def _fields(self, carrier: str) -> Mapping[str, Any]:
        known = self._carriers[carrier]
        fields = asdict(known.shown)
        for hidden in ("documents", "instructions", "rejected", "distinct_from"):
            del fields[hidden]
        return {**fields, "aliases": list(known.aliases), "carrier_id": carrier}

    def _keep(self, sent: Sent) -> Sent:
        self.records.append(sent)
        return sent
