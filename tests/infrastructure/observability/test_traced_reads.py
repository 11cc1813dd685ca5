"""A traced view store and a traced feed do what those do that they wrap, whoever is traced."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from app.application.ports.event_store import EventStore
from app.application.ports.feed import Feed
from app.application.ports.tracing import NO_TRACING
from app.application.ports.views import ViewStore
from app.infrastructure.observability.traced_feed import TracedFeed
from app.infrastructure.observability.traced_views import TracedViewStore
from app.infrastructure.sqlite.event_store import SqliteEventStore
from app.infrastructure.sqlite.feed import SqliteFeed
from app.infrastructure.sqlite.views.store import SqliteViewStore
from tests.contracts.feed import FeedContract
from tests.contracts.view_store import ViewStoreContract


class TestTracedViews(ViewStoreContract):
    """All of the contract."""

    @pytest.fixture
    def views(self, tmp_path: Path) -> Iterator[ViewStore]:
        with closing(SqliteViewStore(tmp_path / "views.sqlite3")) as views:
            yield TracedViewStore(views, NO_TRACING)


class TestTracedFeed(FeedContract):
    """All of the contract."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[EventStore]:
        with closing(SqliteEventStore(tmp_path / "events.sqlite3")) as store:
            yield store

    @pytest.fixture
    def feed(self, store: EventStore, tmp_path: Path) -> Iterator[Feed]:
        with closing(SqliteFeed(tmp_path / "events.sqlite3")) as feed:
            yield TracedFeed(feed, NO_TRACING)

    @pytest.fixture
    def sequenced(self) -> Callable[[], object]:
        return lambda: None  # an append gives the positions itself
