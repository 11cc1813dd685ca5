"""What an audit says on every store. Subclass it with the fixtures of `FeedContract`.

What is expected is kept while the events are appended: each rename with the name before it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from app.application.audit import audit as auditing
from app.application.audit import spans, states
from app.application.audit.audit import Audit, AuditLine
from app.application.concurrency import ConcurrencyLimit
from app.application.deadline import Deadline
from app.application.ports.event_store import NO_STREAM, EventData, EventStore
from app.application.ports.feed import Feed, FeedEvent
from app.application.queries import AskAudit
from app.infrastructure.codec import JsonCodec
from tests.support.stores import MOMENT, soon

Said = tuple[datetime, str, int, Any, Any]
HOUR = timedelta(hours=1)
ACTORS = ("ann", "bob")

_hours = count()


def audit_of(store: EventStore, feed: Feed, kept: int = 3) -> Audit:
    """An audit that has read nothing yet."""
    return Audit(feed, store, JsonCodec(), ConcurrencyLimit(1).taken, kept)


def lines_of(audit: Audit, asked: AskAudit) -> list[AuditLine]:
    """All lines of an audit."""
    return [line for page in audit.pages(asked, soon) for line in page]


class Reads:
    """Reads a feed, and counts how many events that gives."""

    def __init__(self, feed: Feed) -> None:
        self._read = feed.read
        self.events = 0

    def __call__(self, after: int, limit: int, deadline: Deadline) -> list[FeedEvent]:
        """See `Feed.read`."""
        found = self._read(after, limit, deadline)
        self.events += len(found)
        return found


class Renamed:
    """Carriers that are renamed in turn, each event by one of two actors and at any moment of its
    own hundred hours: on some machine, by some clock."""

    def __init__(self, store: EventStore, carriers: int, events: int) -> None:
        self.since = MOMENT + next(_hours) * 100 * HOUR
        self.lines: list[tuple[Said, str]] = []
        self._random = Random(events)
        self._store = store
        self._versions = {str(uuid4()): 0 for _ in range(carriers)}
        self._names: dict[str, str] = {}
        for number in range(events):
            self._append(self._random.choice(list(self._versions)), f"Name {number}")

    def said(self, actor: str | None = None, stream: str | None = None) -> list[Said]:
        """Moment, stream, version, old and new of each name, in the order of the feed."""
        return [
            said for said, who in self.lines if actor in {None, who} and stream in {None, said[1]}
        ]

    def found(self, lines: list[AuditLine]) -> list[Said]:
        """The same of what an audit has found of these carriers."""
        return [
            (line.at, line.stream, line.version, line.change.was, line.change.became)
            for line in lines
            if line.stream in self._versions and line.change.field == "name"
        ]

    @property
    def streams(self) -> list[str]:
        """Of the carriers that have events."""
        return list(self._names)

    def _append(self, stream: str, name: str) -> None:
        version, actor = self._versions[stream], self._random.choice(ACTORS)
        at = self.since + self._random.randrange(100) * HOUR
        kind, more = (
            ("CarrierRenamed", "") if version else ("CarrierRegistered", ',"email":"a@b.example"')
        )
        metadata = f'{{"schema_version":1,"actor":"{actor}"}}'
        data = EventData(uuid4(), kind, f'{{"name":"{name}"{more}}}', metadata, at)
        self._store.append(stream, version or NO_STREAM, [data], uuid4(), soon())
        said = (at, stream, version + 1, self._names.get(stream), name)
        self.lines.append((said, actor))
        self._versions[stream], self._names[stream] = version + 1, name


class AuditContract:
    """Every change once, with what was before it."""

    @pytest.fixture
    def renamed(
        self,
        store: EventStore,
        feed: Feed,
        sequenced: Callable[[], object],
        monkeypatch: pytest.MonkeyPatch,
    ) -> Renamed:
        """Forty events of nine carriers; read seven at a time, and three states are kept."""
        monkeypatch.setattr(auditing, "AT_ONCE", 7)
        monkeypatch.setattr(states, "STRIDE", 2)
        made = Renamed(store, 9, 40)
        sequenced()
        assert feed.head(soon()) >= 40
        return made

    def test_every_change_is_there_with_what_was_before(
        self, store: EventStore, feed: Feed, renamed: Renamed
    ) -> None:
        """In the order of the feed; of one carrier, in that of its versions."""
        audit = audit_of(store, feed)
        assert renamed.found(lines_of(audit, AskAudit())) == renamed.said()
        for stream in renamed.streams:
            found = renamed.found(lines_of(audit, AskAudit(stream=stream)))
            assert found == renamed.said(stream=stream)

    def test_what_came_before_counts_also_if_it_is_not_asked_for(
        self, store: EventStore, feed: Feed, renamed: Renamed
    ) -> None:
        """By one actor, in a time, or both: the old value is that before the event."""
        audit = audit_of(store, feed)
        for since, until in ((None, None), (20, None), (None, 50), (30, 60), (90, 99)):
            first = None if since is None else renamed.since + since * HOUR
            end = None if until is None else renamed.since + until * HOUR
            for actor in (None, *ACTORS, "unknown"):
                asked = AskAudit(first, end, actor)
                expected = [each for each in renamed.said(actor) if asked.includes(each[0])]
                assert renamed.found(lines_of(audit, asked)) == expected
                of_one = AskAudit(first, end, actor, renamed.streams[0])
                assert renamed.found(lines_of(audit, of_one)) == [
                    each for each in expected if each[1] == renamed.streams[0]
                ]

    def test_no_span_with_an_event_of_the_time_is_passed_over(
        self,
        store: EventStore,
        feed: Feed,
        sequenced: Callable[[], object],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """However the moments lie; and of the spans without one, no event is read."""
        monkeypatch.setattr(spans, "SPAN", 5)
        monkeypatch.setattr(auditing, "SPAN", 5)
        times = [Renamed(store, 3, 12) for _ in range(4)]
        sequenced()
        audit = audit_of(store, feed)
        for made in times:
            asked = AskAudit(made.since, made.since + 100 * HOUR)
            with pytest.MonkeyPatch.context() as patch:
                read = Reads(feed)
                patch.setattr(feed, "read", read)
                assert made.found(lines_of(audit, asked)) == made.said()
            # Those of the span at either end; and of one that is not full yet.
            assert read.events <= 12 + 3 * 4
