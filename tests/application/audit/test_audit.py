"""The audit on SQLite; and what only an event that is damaged, or a feed that is replaced, can
do."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from app.application.ports.errors import StoreUnavailable
from app.application.ports.event_store import NO_STREAM, EventStore
from app.application.ports.feed import Feed, FeedRenewed
from app.application.queries import AskAudit
from app.infrastructure.sqlite.feed import SqliteFeed
from tests.contracts.audit import AuditContract, Renamed, audit_of, lines_of
from tests.support.application import BusyStore
from tests.support.commits import event
from tests.support.counting_reads import CountingReads, fill
from tests.support.stores import soon


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[Feed]:
    """Of the store."""
    opened = SqliteFeed(tmp_path / "events.sqlite3")
    yield opened
    opened.close()


class TestAudit(AuditContract):
    """All of the contract."""

    @pytest.fixture
    def store(self, store: BusyStore) -> EventStore:
        return store

    @pytest.fixture
    def sequenced(self) -> Callable[[], object]:
        return lambda: None


def test_an_event_that_cannot_be_read_is_shown_as_it_is_stored(
    store: BusyStore, feed: Feed
) -> None:
    """With its type and place; the events behind it go on from the state before it."""
    damaged = event("CarrierMoved", '{"to":"Mars"}', "[]")
    events = [event(), damaged, event("CarrierRenamed", '{"name":"New"}')]
    store.append("c-1", NO_STREAM, events, uuid4(), soon())
    *_, stored, renamed = lines_of(audit_of(store, feed), AskAudit())
    assert (stored.event_type, stored.version, stored.actor) == ("CarrierMoved", 2, "unknown")
    assert (stored.change.field, stored.change.became) == ("payload", '{"to":"Mars"}')
    assert (renamed.change.was, renamed.change.became) == ("FedEx", "New")


def test_each_event_of_a_long_stream_is_read_twice_at_most(
    counting: CountingReads, feed: Feed
) -> None:
    """Once to be listed, and once for the state before the first one that is wanted."""
    fill(counting, 3_000)
    audit = audit_of(counting, feed)
    assert len(lines_of(audit, AskAudit(stream="c-1"))) == 3_002
    assert sum(counting.reads) == 3_000
    counting.reads.clear()
    assert len(lines_of(audit, AskAudit())) == 3_002
    assert sum(counting.reads) == 0  # the feed has them all


def test_a_state_is_not_made_of_a_stream_that_lacks_events(
    store: BusyStore, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was before an event cannot be told then: the audit ends, and says so."""
    fill(store, 5)
    fill(store, 5, "c-2")
    read = store.read
    monkeypatch.setattr(store, "read", lambda *asked: read(*asked)[:1])
    with pytest.raises(StoreUnavailable, match="lacks events"):
        lines_of(audit_of(store, feed, kept=0), AskAudit())


def test_a_feed_that_becomes_another_ends_the_audit(
    store: BusyStore, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read before belongs to a history that did not happen."""
    monkeypatch.setattr("app.application.audit.audit.AT_ONCE", 2)
    fill(store, 5)
    pages = audit_of(store, feed).pages(AskAudit(), soon)
    assert next(pages)
    feed.renew(soon())
    with pytest.raises(FeedRenewed):
        list(pages)


def test_periods_of_a_former_feed_do_not_count(
    store: BusyStore, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restore gives positions to other events, with other moments."""
    monkeypatch.setattr("app.application.audit.spans.SPAN", 5)
    monkeypatch.setattr("app.application.audit.audit.SPAN", 5)
    made = Renamed(store, 1, 5)
    audit, asked = audit_of(store, feed), AskAudit(since=made.since)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed, "period", lambda *_: None)
        assert lines_of(audit, asked) == []
    assert lines_of(audit, asked) == []  # of the same feed it is known
    feed.renew(soon())
    assert made.found(lines_of(audit, asked)) == made.said()
