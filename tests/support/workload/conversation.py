"""What one client asks of the service, and what it was told: every exchange becomes a record."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from tests.support.history.recorder import Recorder
from tests.support.history.records import (
    DONE,
    NOT_STARTED,
    REFUSED,
    UNKNOWN,
    Counted,
    Event,
    Listed,
    Page,
    Sent,
    Shown,
    Told,
)
from tests.support.service import Answer, Service, exchange

_LARGEST_PAGE = 1000
_LARGEST_LIST = 100
_LARGEST_HISTORY = 500


class NoAnswer(Exception):
    """There was none; `nothing_sent`: nobody was there to be asked."""

    def __init__(self, nothing_sent: bool) -> None:
        super().__init__()
        self.nothing_sent = nothing_sent


@dataclass(frozen=True, slots=True)
class Wanted:
    """A command as a client means it. Without a `key` it cannot be sent again."""

    id: str
    name: str
    body: Mapping[str, Any]
    carrier: str = ""
    if_match: int | None = None
    key: str | None = None
    is_dry_run: bool = False

    @property
    def path(self) -> str:
        """Where it is sent to."""
        place = f"/carriers/{self.carrier}/{self.name}" if self.carrier else "/register-carrier"
        return f"{place}?dry_run=true" if self.is_dry_run else place

    @property
    def headers(self) -> dict[str, str]:
        """The same in every attempt."""
        headers = {"X-Request-ID": self.id, "Accept": "application/json, application/problem+json"}
        if self.if_match is not None:
            headers["If-Match"] = f'"{self.if_match}"'
        if self.key is not None:
            headers["Idempotency-Key"] = self.key
        return headers


@dataclass
class Conversation:
    """The client's name is `process`; `service` says which instance it asks next."""

    process: str
    service: Callable[[], Service]
    recorder: Recorder
    tokens: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Of each carrier the last Consistency-Token, and the version that it names."""

    def send(self, wanted: Wanted) -> Sent:
        """One attempt of a command."""
        begin = time.monotonic()
        try:
            answer = self._ask("POST", wanted.path, wanted.body, wanted.headers)
            answered = time.monotonic()
            sent = _understood(self._sent(wanted, begin, answered), answer)
        except NoAnswer as error:
            outcome = NOT_STARTED if error.nothing_sent else UNKNOWN
            sent = replace(self._sent(wanted, begin, time.monotonic()), outcome=outcome)
        else:
            if token := answer.headers.get("Consistency-Token"):
                self.tokens[sent.carrier] = token, sent.version
        self.recorder.add(sent)
        return sent

    def show(self, carrier: str) -> Shown | None:
        """Look at a carrier; None if that was not answered."""
        begin = time.monotonic()
        answer = self._read(f"/carriers/{carrier}", 200, 404)
        if answer is None:
            return None
        fields = answer.json["data"] if answer.status == 200 else None
        shown = Shown(self.process, begin, time.monotonic(), carrier, fields)
        self.recorder.add(shown)
        return shown

    def tell(self, carrier: str, *, is_final: bool = False) -> Told | None:
        """Read the history of a carrier; None if that was not answered."""
        begin, events = time.monotonic(), []
        path: str | None = f"/carriers/{carrier}/history?limit={_LARGEST_HISTORY}"
        while path:
            answer = self._read(path, 200, 404)
            if answer is None:
                return None
            page = answer.json.get("data", {"events": [], "next": None})
            events += [_told_event(carrier, each) for each in page["events"]]
            path = page["next"] and f"/carriers/{carrier}/history?after={page['next']}"
        told = Told(self.process, begin, time.monotonic(), carrier, events, is_final)
        self.recorder.add(told)
        return told

    def find(self, word: str, carrier: str) -> Listed | None:
        """Look for a word of a carrier's in the directory, with the token of its last write."""
        token, version = self.tokens[carrier]
        begin = time.monotonic()
        answer = self._read(f"/carriers?q={word}", 200, headers={"Consistency-Token": token})
        if answer is None:
            return None
        rows = answer.json["data"]["carriers"]
        listed = Listed(self.process, begin, time.monotonic(), rows, carrier, version)
        self.recorder.add(listed)
        return listed

    def list_all(self) -> Listed | None:
        """All rows of the directory, when everything is quiet."""
        begin, rows = time.monotonic(), []
        path = f"/carriers?limit={_LARGEST_LIST}"
        while path:
            answer = self._read(path, 200)
            if answer is None:
                return None
            page = answer.json["data"]
            rows += page["carriers"]
            following = f"/carriers?limit={_LARGEST_LIST}&cursor={page['next']}"
            path = following if page["next"] else ""
        listed = Listed(self.process, begin, time.monotonic(), rows, is_final=True)
        self.recorder.add(listed)
        return listed

    def count(self) -> Counted | None:
        """The statistics, when everything is quiet."""
        begin = time.monotonic()
        answer = self._read("/statistics", 200)
        if answer is None:
            return None
        data = answer.json["data"]
        end = time.monotonic()
        counted = Counted(self.process, begin, end, data["total"], data["states"])
        self.recorder.add(counted)
        return counted

    def views(self) -> Mapping[str, Any]:
        """How far each view is behind the feed; none if that was not answered."""
        answer = self._read("/health/ready", 200)
        return {} if answer is None else answer.json["data"]["views"]

    def page(self, after: int, limit: int = _LARGEST_PAGE) -> Page | None:
        """A page of the feed; None if that was not answered."""
        begin = time.monotonic()
        answer = self._read(f"/events?after={after}&limit={limit}", 200)
        if answer is None:
            return None
        data = answer.json["data"]
        events = [_fed_event(each) for each in data["events"]]
        page = Page(
            self.process,
            begin,
            time.monotonic(),
            after,
            events,
            data["next"],
            data["head"],
            data["feed"],
        )
        self.recorder.add(page)
        return page

    def _sent(self, wanted: Wanted, begin: float, end: float) -> Sent:
        return Sent(
            process=self.process,
            begin=begin,
            end=end,
            command=wanted.id,
            name=wanted.name,
            body=wanted.body,
            outcome=UNKNOWN,
            carrier=wanted.carrier,
            if_match=wanted.if_match,
            is_dry_run=wanted.is_dry_run,
        )

    def _read(
        self, path: str, *statuses: int, headers: Mapping[str, str] | None = None
    ) -> Answer | None:
        try:
            answer = self._ask("GET", path, None, headers or {})
        except NoAnswer:
            return None
        return answer if answer.status in statuses else None

    def _ask(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> Answer:
        with closing(self.service().connect()) as connection:
            try:
                connection.connect()
            except OSError as error:
                raise NoAnswer(nothing_sent=True) from error
            try:
                return exchange(connection, method, path, body, headers)
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise NoAnswer(nothing_sent=False) from error


def _understood(sent: Sent, answer: Answer) -> Sent:
    """The attempt with what the answer says of it."""
    said = answer.json
    if answer.status < 300:
        data = said["data"]
        version = data.get("version") or int(answer.headers["ETag"].strip('"'))
        carrier = sent.carrier or data.get("carrier_id", "")
        done = replace(sent, outcome=DONE, carrier=carrier, version=version)
        is_replayed = "Idempotent-Replay" in answer.headers
        untold = "" if "vetting_id" in data else "active"  # a registration says no state either
        return replace(done, state=data.get("state", untold), is_replayed=is_replayed)
    reason = _reason(answer)
    if answer.status >= 500:
        outcome = NOT_STARTED if said.get("details", {}).get("outcome") == NOT_STARTED else UNKNOWN
        return replace(sent, outcome=outcome, reason=reason)
    state = said.get("details", {}).get("state", "").removeprefix("It is ")
    refused = replace(sent, outcome=REFUSED, reason=reason, state=state)
    return replace(refused, version=said.get("current_version", 0))


def _reason(answer: Answer) -> str:
    kind = str(answer.json.get("type", "")).removeprefix("/docs#problem-")
    return kind if kind not in {"", "about:blank"} else str(answer.status)


def _told_event(carrier: str, event: Mapping[str, Any]) -> Event:
    return Event(
        carrier=carrier,
        version=event["version"],
        event_id=event["event_id"],
        type=event["type"],
        command=event["correlation_id"] or "",
        commit=event["causation_id"] or "",
        data=event["data"],
    )


def _fed_event(event: Mapping[str, Any]) -> Event:
    return Event(
        carrier=event["subject"],
        version=event["streamversion"],
        event_id=event["id"],
        type=event["type"],
        command=event.get("correlationid", ""),
        commit=event.get("causationid", ""),
        data=event["data"],
        position=int(event["position"]),
    )
