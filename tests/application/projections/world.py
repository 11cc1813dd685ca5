"""Beside the way of the data: streams on a real store, views of them, and what these should show.

`expected` folds every stream from the start, in the simplest way there is.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from app.application.deadline import Deadline
from app.application.ports import NO_STREAM, EventData
from app.application.projections import PROJECTIONS
from app.application.projections.carriers import ALL, row_of
from app.application.projections.folding import Folded
from app.application.projections.projector import Projector
from app.application.projections.statistics import counted
from app.application.views import SORTS, Changes, Place, Progress, Row, View, ViewStore
from app.domain.carrier import Carrier, CarrierState
from app.infrastructure.codec import JsonCodec
from app.infrastructure.sqlite_feed import SqliteFeed
from app.infrastructure.sqlite_store import SqliteEventStore
from app.infrastructure.sqlite_views import SqliteViewStore
from tests.support.commits import MOMENT, event
from tests.support.stores import soon

CARRIERS, STATISTICS = View("carriers", 1), View("statistics", 1)
VIEWS = (CARRIERS, STATISTICS)
MOST = 1_000_000

Shown = dict[str, Any]


class BusyViews(SqliteViewStore):
    """The store itself, with others at work between two of its calls: each entry of `meanwhile`
    is called once before a commit, the first first."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.meanwhile: list[Callable[[], object]] = []
        self.commits = 0

    def commit(self, view: View, base: Progress, changes: Changes, deadline: Deadline) -> None:
        """See `views.ViewStore`."""
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
        self.versions: Counter[str] = Counter()
        self.discarded: set[tuple[str, int]] = set()

    def close(self) -> None:
        """Close the files."""
        self.feed.close()
        self.views.close()
        self.events.close()

    def append(self, stream: str, event_type: str, **payload: object) -> None:
        """The stream's next event, a minute after the one before it."""
        before = self.versions[stream]
        data = replace(
            event(event_type, json.dumps(payload)), created_at=MOMENT + timedelta(minutes=before)
        )
        self._append(stream, [data])

    def register(self, stream: str, name: str = "FedEx") -> None:
        """A new carrier."""
        self.append(stream, "CarrierRegistered", name=name, email=f"{stream}@carrier.example")

    def cover(self, stream: str, service: str, *countries: str) -> None:
        """All that it offers from now on."""
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
        most_kept: int = 100,
        views: ViewStore | None = None,
    ) -> Projector:
        """One of a process of its own."""
        store = views or self.views
        return Projector(
            PROJECTIONS[name], self.feed, store, self.events, JsonCodec(), batch, most_kept
        )

    def take_in(self, *names: str) -> None:
        """Bring the live views up to the feed's head."""
        for name in names or PROJECTIONS:
            projector = self.projector(name)
            caught_up(projector, projector.live(soon()))

    def progress(self, view: View = CARRIERS) -> Progress:
        """How far it is."""
        return self.views.progress(view, soon())

    def shown(self, view: View, upto: dict[str, int] | None = None) -> Shown:
        """All that can be asked of a view, by everything that it could be found by."""
        possible = self._rows(upto or {})
        rows = self.views.rows(view, self.versions, soon())
        found = {
            term: self.views.find(view, "name", [term], None, MOST, soon())
            for term in _all(row.terms for row in possible)
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
            "words": {word: places for word, places in words.items() if places},
            "orders": orders,
            "counts": counts,
        }

    def expected(self, projection: str, upto: dict[str, int] | None = None) -> Shown:
        """What a view should show; of some streams only their beginnings."""
        rows = list(self._rows(upto or {}))
        if projection == "statistics":
            counts = Counter(key for each in self._folded(upto or {}) for key in counted(each))
            return {
                "bodies": {},
                "terms": {},
                "words": {},
                "orders": {sort: [] for sort in SORTS},
                "counts": dict(counts),
            }
        return {
            "bodies": {row.carrier_id: row.body for row in rows},
            "terms": _places(
                rows, _all(row.terms for row in rows), lambda row, term: term in row.terms
            ),
            "words": _places(
                rows,
                _all(row.words for row in rows),
                lambda row, prefix: any(word.startswith(prefix) for word in row.words),
            ),
            "orders": {
                sort: sorted((row.keys[sort], row.carrier_id) for row in rows) for sort in SORTS
            },
            "counts": {},
        }

    def _rows(self, upto: dict[str, int]) -> list[Row]:
        return [row_of(each) for each in self._folded(upto)]

    def _folded(self, upto: dict[str, int]) -> list[Folded]:
        return [
            folded
            for stream in self.versions
            if (folded := self._fold(stream, upto.get(stream, MOST))) is not None
        ]

    def _fold(self, stream: str, upto: int) -> Folded | None:
        recorded = self.events.read(stream, soon(), upto=upto)
        counting = [each for each in recorded if (stream, each.version) not in self.discarded]
        state: CarrierState | None = None
        for each in counting:
            state = Carrier.evolve(state, JsonCodec().decode(each))
        if state is None:
            return None
        first, last = counting[0].data.created_at, counting[-1].data.created_at
        return Folded(stream, recorded[-1].version, state, first, last)


def agrees(world: World, *views: View, upto: dict[str, int] | None = None) -> None:
    """Assert that the views, or else all live ones, show what the streams say."""
    for view in views or VIEWS:
        assert world.shown(view, upto) == world.expected(view.projection, upto)


def _places(rows: list[Row], by: Collection[str], fits: Callable[[Row, str], bool]) -> Shown:
    ordered = [(row.keys["name"], row.carrier_id, row) for row in sorted(rows, key=_place)]
    return {each: [(key, id_) for key, id_, row in ordered if fits(row, each)] for each in by}


def _place(row: Row) -> Place:
    return row.keys["name"], row.carrier_id


def _all(sets: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset(chain.from_iterable(sets))


def write_history(world: World, seed: int, streams: int, events: int) -> None:
    """Carriers that come, change and go, the same for a seed."""
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


def caught_up(projector: Projector, view: View) -> int:
    """Steps until the view holds all that the feed holds now, whoever takes it in; gives its
    checkpoint."""
    deadline = soon()
    head = projector._feed.head(deadline)
    projector.step(view, deadline)
    while (at := projector._views.progress(view, deadline).checkpoint) < head:
        assert not deadline.expired
        projector.step(view, deadline)
    return at
