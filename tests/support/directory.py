"""Beside the way of the data: the directory's engine over real views, filled as projections do."""

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from app.application.deadline import Deadline
from app.application.directory.pages import Directory
from app.application.directory.query import CARRIERS, Query
from app.application.feed import Tail
from app.application.ports.views import Place, Row, View
from app.application.projections import PROJECTIONS
from app.application.projections.carriers import row_of
from app.application.projections.replay import Folded
from app.domain.carrier import CarrierState
from app.domain.documents import Documents
from app.domain.profile import Profile
from app.domain.scheduled import ScheduledChanges
from app.infrastructure.sqlite.feed import SqliteFeed
from app.infrastructure.sqlite.views.store import SqliteViewStore
from tests.support.stores import soon
from tests.support.views import Written, new

LIVE = View(PROJECTIONS[CARRIERS].key, 1)
START = datetime(2026, 1, 1, tzinfo=UTC)

Json = dict[str, Any]


class Views(SqliteViewStore):
    """The store itself, which can be told to behave as one with places that are out of date, and
    as one to which every prefix is too common. `asked` counts the places that were asked for,
    `rows_read` the rows.
    `meanwhile` is called once, before it looks, and `before_rows` once, when places were found and
    their rows are not read yet."""

    former: Sequence[Place] = ()
    finds_prefixes = True
    asked = 0
    rows_read = 0
    meanwhile: Callable[[], object] | None = None
    before_rows: Callable[[], object] | None = None

    def find(
        self,
        view: View,
        sort: str,
        terms: Sequence[str],
        after: Place | None,
        limit: int,
        deadline: Deadline,
    ) -> list[Place]:
        """See `ports.views.ViewStore`."""
        self.asked += limit
        self._let_it_happen()
        found = super().find(view, sort, terms, after, limit, deadline)
        former = [place for place in self.former if after is None or place > after]
        return sorted([*found, *former])[:limit]

    def find_prefix(
        self,
        view: View,
        sort: str,
        prefix: str,
        after: Place | None,
        limit: int,
        deadline: Deadline,
    ) -> list[Place] | None:
        """See `ports.views.ViewStore`."""
        if not self.finds_prefixes:
            return None
        return super().find_prefix(view, sort, prefix, after, limit, deadline)

    def rows(self, view: View, carrier_ids: Iterable[str], deadline: Deadline) -> dict[str, Row]:
        """See `ports.views.ViewStore`."""
        happens, self.before_rows = self.before_rows, None
        if happens:
            happens()
        found = super().rows(view, carrier_ids, deadline)
        self.rows_read += len(found)
        return found

    def counts(
        self, view: View, deadline: Deadline, keys: Collection[str] | None = None
    ) -> dict[str, int]:
        """See `ports.views.ViewStore`."""
        self._let_it_happen()
        return super().counts(view, deadline, keys)

    def _let_it_happen(self) -> None:
        if self.meanwhile:
            self.meanwhile()
            self.meanwhile = None


class Filled:
    """A view, all that is in it, and the engine over it; `woken` is called when the engine wakes
    who fills the view. One place for those who wait."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "events.sqlite3"
        self.views = Views(folder / "views.sqlite3")
        for each in PROJECTIONS.values():
            self.views.swap(self.views.begin(each.key, soon()), soon())
        self.written = Written(self.views, LIVE)
        self.bodies: list[Json] = []
        self.woken: Callable[[], None] = lambda: None
        self.tail = Tail(SqliteFeed(folder / "events.sqlite3"), 1, 0.05)
        self.directory = Directory(self.views, self.wake, self.tail.listener)

    def wake(self) -> None:
        """Wake who fills the view."""
        self.woken()

    def put(self, *rows: Row) -> None:
        """Commit new rows."""
        self.written.put(*new(*rows))
        self.bodies += [json.loads(row.body) for row in rows]

    def page(self, query: Query) -> tuple[list[str], str | None]:
        """The names on a page, and where to go on."""
        page = self.directory.page(query, soon())
        return [body["name"] for body in page.rows], page.next_cursor

    def names(self, **asked: Any) -> list[str]:  # noqa: ANN401
        """The names on the first page."""
        return self.page(Query(**asked))[0]

    def walk(self, query: Query, meanwhile: Callable[[], object] = lambda: None) -> list[Json]:
        """The carriers on all pages."""
        found: list[Json] = []
        while True:
            page = self.directory.page(query, soon())
            is_last = page.next_cursor is None
            assert len(page.rows) == query.limit or (is_last and len(page.rows) < query.limit)
            found += page.rows
            if page.next_cursor is None:
                return found
            query = replace(query, cursor=page.next_cursor)
            meanwhile()


def carrier(
    number: int,
    name: str = "FedEx",
    state: str = "active",
    last_incident_on: str | None = None,
    documents: Documents | None = None,
    scheduled: ScheduledChanges | None = None,
    **profile: Any,  # noqa: ANN401
) -> Row:
    """A row as the projection makes it; it was registered that many minutes after the start."""
    moment = START + timedelta(minutes=number)
    known = CarrierState(
        name,
        f"c{number}@x.com",
        state,
        profile=Profile(**profile),
        last_incident_on=last_incident_on,
        documents=documents or {},
        scheduled=scheduled or {},
    )
    return row_of(Folded(str(UUID(int=number)), 1, known, moment, moment))


def covers(**services: list[str]) -> list[Json]:
    """The part of the profile."""
    return [{"service": name, "countries": where} for name, where in services.items()]
