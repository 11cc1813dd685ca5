"""For tests of projections: streams on a real store, views, and what a view should show.

`expected` folds every stream from the start, in the simplest possible way.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from app.application.deadline import Deadline
from app.application.ports.event_store import NO_STREAM, EventData
from app.application.ports.views import (
    SHARED_SORT,
    SORTS,
    Changes,
    Place,
    Progress,
    Row,
    View,
    ViewStore,
)
from app.application.projections import PROJECTIONS
from app.application.projections.carriers import ALL, row_of
from app.application.projections.projector import Projector
from app.application.projections.replay import Folded
from app.domain.carrier import Carrier, CarrierState
from app.domain.command import CarrierEvent
from app.domain.eligibility import day_of, sets_the_profile
from app.infrastructure.codec import JsonCodec
from app.infrastructure.sqlite.event_store import SqliteEventStore
from app.infrastructure.sqlite.feed import SqliteFeed
from app.infrastructure.sqlite.views.store import SqliteViewStore
from tests.support.commits import MOMENT, event
from tests.support.stores import soon

CARRIERS, STATISTICS = (View(PROJECTIONS[name].key, 1) for name in ("carriers", "statistics"))
VIEWS = tuple(View(each.key, 1) for each in PROJECTIONS.values())
MOST = 1_000_000

Shown = dict[str, Any]


class BusyViews(SqliteViewStore):
    """A real view store that calls another process's work between two calls: before each commit
    the next entry of `meanwhile`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.meanwhile: list[Callable[[], object]] = []
        self.commits = 0

    def commit(self, view: View, base: Progress, changes: Changes, deadline: Deadline) -> None:
        """See `ports.views.ViewStore`."""
        if self.meanwhile:
            self.meanwhile.pop(0)()
        super().commit(view, base, changes, deadline)
        self.commits += 1


class World:
    """One store, its feed and its views, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.events = SqliteEventStore(folder / "events.sqlite3")
        self.feed = SqliteFeed(folder / "events.sqlite3")
        self.views = BusyViews(folder / "views.sqlite3")
        for view in VIEWS:
            if self.views.generations(view.projection, soon()).live is None:
                self.views.swap(self.views.begin(view.projection, soon()), soon())
        self.versions: Counter[str] = Counter()
        self.discarded: set[tuple[str, int]] = set()

    def close(self) -> None:
        """Close the files."""
        self.feed.close()
        self.views.close()
        self.events.close()

    def append(self, stream: str, event_type: str, **payload: object) -> None:
        """Append the stream's next event, dated a minute after the event before it."""
        before = self.versions[stream]
        data = replace(
            event(event_type, json.dumps(payload)), created_at=MOMENT + timedelta(minutes=before)
        )
        self._append(stream, [data])

    def register(self, stream: str, name: str = "FedEx") -> None:
        """Append the registration of a new carrier."""
        self.append(stream, "CarrierRegistered", name=name, email=f"{stream}@carrier.example")

    def cover(self, stream: str, service: str, *countries: str) -> None:
        """Set the carrier's whole coverage to one service in these countries."""
        coverage = [{"service": service, "countries": countries}]
        self.append(stream, "CarrierProfileUpdated", changes={"coverage": coverage})

    def _append(self, stream: str, events: list[EventData]) -> None:
        before = self.versions[stream]
        self.events.append(stream, before or NO_STREAM, events, uuid4(), soon())
        self.versions[stream] += len(events)

    def projector(
        self,
        name: str = "carriers",
        batch: int = 3,
        max_kept: int = 100,
        views: ViewStore | None = None,
    ) -> Projector:
        """A new projector, as another process would have one."""
        store = views or self.views
        return Projector(
            PROJECTIONS[name], self.feed, store, self.events, JsonCodec(), batch, max_kept
        )

    def take_in(self, *names: str) -> None:
        """Bring the live views up to the feed's head."""
        for name in names or PROJECTIONS:
            projector = self.projector(name)
            caught_up(projector, live_of(projector))

    def progress(self, view: View = CARRIERS) -> Progress:
        """The view's progress."""
        return self.views.progress(view, soon())

    def shown(self, view: View, through_version: dict[str, int] | None = None) -> Shown:
        """All that a view answers, by every term, word, order and count that it could have."""
        possible = self._rows(through_version or {})
        rows = self.views.rows(view, self.versions, soon())
        found = {
            term: self.views.find(view, "name", [term], None, MOST, soon())
            for term in _all(row.terms for row in possible)
        }
        shared = {
            term: self.views.find(view, SHARED_SORT, [term], None, MOST, soon())
            for term in _all(row.shared for row in possible)
        }
        words = {
            word: self.views.find_prefix(view, "name", word, None, MOST, soon())
            for word in _all(row.words for row in possible)
        }
        orders = {sort: self.views.find(view, sort, [ALL], None, MOST, soon()) for sort in SORTS}
        counts = {key: n for key, n in self.views.counts(view, soon()).items() if n}
        bodies = {row.carrier_id: row.body for row in rows.values()}
        return {
            "bodies": bodies,
            "terms": {term: places for term, places in found.items() if places},
            "shared": {term: places for term, places in shared.items() if places},
            "words": {word: places for word, places in words.items() if places},
            "orders": orders,
            "counts": counts,
        }

    def expected(self, projection: str, through_version: dict[str, int] | None = None) -> Shown:
        """What a view should show. A stream in `through_version` counts only up to that version."""
        rows = list(self._rows(through_version or {}))
        if (counted := PROJECTIONS[projection].counted) is not None:
            counts = Counter[str]()
            for each in self._folded(through_version or {}):
                counts.update(counted(each))
            return {
                "bodies": {},
                "terms": {},
                "shared": {},
                "words": {},
                "orders": {sort: [] for sort in SORTS},
                "counts": dict(counts),
            }
        return {
            "bodies": {row.carrier_id: row.body for row in rows},
            "terms": _places(
                rows, _all(row.terms for row in rows), lambda row, term: term in row.terms
            ),
            "shared": _places(
                rows,
                _all(row.shared for row in rows),
                lambda row, term: term in row.shared,
                SHARED_SORT,
            ),
            "words": _places(
                rows,
                _all(row.words for row in rows),
                lambda row, prefix: any(word.startswith(prefix) for word in row.words),
            ),
            "orders": {
                sort: sorted((row.keys[sort], row.carrier_id) for row in rows if sort in row.keys)
                for sort in SORTS
            },
            "counts": {},
        }

    def _rows(self, through_version: dict[str, int]) -> list[Row]:
        return [row_of(each) for each in self._folded(through_version)]

    def _folded(self, through_version: dict[str, int]) -> list[Folded]:
        return [
            folded
            for stream in self.versions
            if (folded := self._fold(stream, through_version.get(stream, MOST))) is not None
        ]

    def _fold(self, stream: str, through_version: int) -> Folded | None:
        recorded = self.events.read(stream, soon(), through_version=through_version)
        counting = [each for each in recorded if (stream, each.version) not in self.discarded]
        state: CarrierState | None = None
        for each in counting:
            state = Carrier.evolve(state, JsonCodec().decode(each))
        if state is None:
            return None
        moments = [each.data.created_at for each in counting]
        profile_of = last_profile_day([JsonCodec().decode(each) for each in counting], moments)
        return Folded(stream, recorded[-1].version, state, moments[0], moments[-1], profile_of)


def last_profile_day(events: Sequence[CarrierEvent], moments: Sequence[datetime]) -> date | None:
    """The day of the last event that set the profile."""
    both = list(zip(events, moments, strict=True))
    return next((day_of(*each) for each in reversed(both) if sets_the_profile(each[0])), None)


def agrees(world: World, *views: View, through_version: dict[str, int] | None = None) -> None:
    """Assert that these views, or all of VIEWS, show what the streams say."""
    for view in views or VIEWS:
        assert world.shown(view, through_version) == world.expected(view.name, through_version)


def _places(
    rows: list[Row], by: Collection[str], fits: Callable[[Row, str], bool], sort: str = "name"
) -> Shown:
    def place(row: Row) -> Place:
        return row.keys[sort], row.carrier_id

    ordered = sorted(rows, key=place)
    return {each: [place(row) for row in ordered if fits(row, each)] for each in by}


def _all(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset(chain.from_iterable(sets))


def write_history(world: World, seed: int, streams: int, events: int) -> None:
    """Append random histories of carriers; the same seed gives the same histories."""
    chance = random.Random(seed)
    names = ["Müller Spedition", "Straße & Co", "FedEx", "Blue Harbor", "Ærø Fragt", "Zoë"]
    countries = ["DE", "FR", "US", "PL"]
    ids = [str(UUID(int=chance.getrandbits(128))) for _ in range(streams)]
    for _ in range(events):
        stream = chance.choice(ids)
        name = chance.choice(names)
        if not world.versions[stream]:
            world.register(stream, name)
            continue
        match chance.randrange(6):
            case 0:
                world.append(stream, "CarrierRenamed", name=name)
            case 1:
                world.append(
                    stream, "CarrierEmailChanged", email=f"{chance.choice('abc')}@x.example"
                )
            case 2:
                chosen = chance.choice([["worldwide"], chance.sample(countries, 2)])
                world.cover(stream, chance.choice(["air", "parcel"]), *chosen)
            case 3:
                identifiers = [{"scheme": "scac", "value": chance.choice(["ABCD", "FDEG"])}]
                changes = {"identifiers": identifiers, "aliases": [chance.choice(names)]}
                world.append(stream, "CarrierProfileUpdated", changes=changes)
            case 4:
                kind = chance.choice(["CarrierSuspended", "CarrierReinstated"])
                world.append(stream, kind, reason="it is late", category="safety")
            case 5:
                if chance.random() < 0.3:
                    world.append(stream, "CarrierRetired", reason="it closed")


def live_of(projector: Projector) -> View:
    """The live generation of the projector's view."""
    live = projector.live(soon())
    assert live is not None
    return live


def caught_up(projector: Projector, view: View) -> int:
    """Step until the view holds all events that the feed holds now, whichever projector applies
    them; return the view's checkpoint."""
    deadline = soon()
    head = projector.feed.head(deadline)
    projector.step(view, deadline)
    while (at := projector.views.progress(view, deadline).checkpoint) < head:
        assert not deadline.expired
        projector.step(view, deadline)
    return at
