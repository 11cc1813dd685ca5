"""Beside the way of the data: rows for views, and a projector that follows one of them."""

from collections.abc import Sequence
from uuid import uuid4

import pytest

from app.application.ports.views import (
    Changes,
    Parked,
    Place,
    Progress,
    Row,
    RowChange,
    View,
    ViewStore,
)
from tests.support.stores import soon

ALL = "all"


def row(
    carrier_id: str,
    name: str = "fedex",
    version: int = 1,
    terms: Sequence[str] = (ALL,),
    words: Sequence[str] | None = None,
    next_expiry: str | None = None,
    shared: Sequence[str] = (),
) -> Row:
    """A row with its name as one key, and the name's words, unless others are given."""
    expiry = {"next_expiry": next_expiry} if next_expiry else {}
    return Row(
        carrier_id,
        version,
        f'{{"name":"{name}","version":{version}}}',
        {"name": name, "registered_at": f"2026-01-{version:02}", **expiry},
        frozenset(terms),
        frozenset(name.split() if words is None else words),
        frozenset(shared),
    )


def new(*rows: Row) -> list[RowChange]:
    """The changes that make rows which were not there before."""
    return [RowChange(each) for each in rows]


def parked(stream: str, version: int = 1, reason: str = "It cannot be read: Größe '🚚'") -> Parked:
    """A stream that stopped at this version, which was the last one."""
    return Parked(stream, version, 10 + version, reason, version)


def without_source(rows: dict[str, Row]) -> dict[str, tuple[int, str]]:
    """What a store has to give back of rows."""
    return {carrier_id: (each.version, each.body) for carrier_id, each in rows.items()}


class Written:
    """A view and a projector that follows it: its commits begin where the last one ended."""

    def __init__(self, views: ViewStore, view: View) -> None:
        self.views = views
        self.view = view

    def progress(self) -> Progress:
        """How far the view is."""
        return self.views.progress(self.view, soon())

    def commit(self, changes: Changes, base: Progress | None = None) -> Progress:
        """Commit at the present progress, or at an earlier one; gives the one it began from."""
        base = base or self.progress()
        self.views.commit(self.view, base, changes, soon())
        return base

    def put(self, *changes: RowChange) -> None:
        """Commit rows."""
        self.commit(Changes(self.progress().checkpoint + len(changes), changes))

    def find(
        self,
        *terms: str,
        sort: str = "name",
        after: Place | None = None,
        limit: int = 100,
    ) -> list[Place]:
        """Places of rows that have any of the terms; ALL if none is given."""
        return self.views.find(self.view, sort, terms or (ALL,), after, limit, soon())

    def ids(self, *terms: str, sort: str = "name") -> list[str]:
        """The carriers in that order."""
        return [carrier_id for _, carrier_id in self.find(*terms, sort=sort)]

    def starting(
        self, prefix: str, sort: str = "name", after: Place | None = None, limit: int = 100
    ) -> list[Place] | None:
        """Places of rows with a word that has this prefix."""
        return self.views.find_prefix(self.view, sort, prefix, after, limit, soon())

    def has_prefix(self, prefix: str, place: Place) -> bool:
        """Whether the row is found by the prefix, as far as this store can answer at all."""
        found = self.starting(prefix)
        return found is None or place in found

    def rows(self, *carrier_ids: str) -> dict[str, tuple[int, str]]:
        """Version and body of the rows."""
        return without_source(self.views.rows(self.view, carrier_ids, soon()))

    def counts(self, *keys: str) -> dict[str, int]:
        """These counts, or all."""
        return self.views.counts(self.view, soon(), keys or None)


def made_live(views: ViewStore, projection: str = "carriers") -> View:
    """A new generation with nothing in it, which readers are given."""
    view = views.begin(projection, soon())
    views.swap(view, soon())
    return view


class OneProjection:
    """What the parts of the contract of view stores begin with."""

    @pytest.fixture
    def views(self) -> ViewStore:
        """The store that is tested."""
        raise NotImplementedError

    @pytest.fixture
    def projection(self) -> str:
        """The name of a projection that was never seen."""
        return f"carriers-{uuid4()}"

    @pytest.fixture
    def live(self, views: ViewStore, projection: str) -> Written:
        """Its live view, with nothing in it."""
        return Written(views, made_live(views, projection))
