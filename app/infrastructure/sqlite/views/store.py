"""Views in an SQLite file of their own: making them never holds the lock that appends need.

Implements `ports.views.ViewStore`. A commit is one transaction, so whatever was overtaken has
written nothing at all. Readers never wait (WAL); whoever writes waits for the lock until its
deadline.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from app.application.deadline import Deadline
from app.application.ports.views import (
    Changes,
    Discarded,
    Generations,
    Overtaken,
    Parked,
    Place,
    Progress,
    Row,
    View,
)
from app.infrastructure.sqlite.connections import transaction
from app.infrastructure.sqlite.registry import SqliteRegistry
from app.infrastructure.sqlite.views.file import ViewFile
from app.infrastructure.sqlite.views.generations import (
    abandon,
    begin,
    forget,
    generations_of,
    number_of,
    projections,
    set_generations,
)
from app.infrastructure.sqlite.views.progress import (
    advance,
    counts_of,
    discard,
    discarded_of,
    inherit,
    progress_of,
    request,
)
from app.infrastructure.sqlite.views.rows import (
    differences,
    find_places,
    find_word,
    find_words,
    remove_some,
    rows_of,
    write_rows,
)

_CHUNK = 1000
"""So many rows are removed at a time: others write in between."""

REBUILD_BATCH = 50_000
"""Events a commit of a rebuild. Each commit writes pages all over the indexes, so fewer and larger
ones write less: a third of what it was with 5,000."""


class SqliteViewStore:
    """Makes the file and its folder where missing, whenever it is missing: see `ViewFile`."""

    def __init__(self, path: Path, registry: SqliteRegistry | None = None) -> None:
        """Without a registry the views are of nothing in particular, and are never compared."""
        self._registry = registry
        self._file = ViewFile(path, registry)

    def open(self, deadline: Deadline) -> None:
        """Make or mend the file now, not at the first use. Raises StoreUnavailable."""
        with self._file.lent(deadline):
            pass

    def generations(self, projection: str, deadline: Deadline) -> Generations:
        """See `ports.views.ViewStore`."""
        with self._file.lent(deadline) as connection:
            return generations_of(connection, projection)

    def begin(self, projection: str, deadline: Deadline) -> View:
        """See `ports.views.ViewStore`."""
        with self._writing(deadline) as connection:
            now = generations_of(connection, projection)
            if now.building is not None:
                return View(projection, now.building)
            view = begin(connection, projection, now)
            if now.live is not None:
                live = View(projection, now.live)
                inherit(connection, number_of(connection, view), number_of(connection, live))
            return view

    def begin_first(
        self, projection: str, discarded: Collection[Discarded], deadline: Deadline
    ) -> View:
        """See `ports.views.ViewStore`."""
        with self._writing(deadline) as connection:
            now = generations_of(connection, projection)
            if now.live is not None:
                raise Overtaken
            if now.building is not None:
                return View(projection, now.building)
            view = begin(connection, projection, now)
            discard(connection, number_of(connection, view), discarded)
            return view

    def abandon(self, projection: str, deadline: Deadline) -> list[View]:
        """See `ports.views.ViewStore`."""
        with self._writing(deadline) as connection:
            return abandon(connection, projection)

    def projections(self, deadline: Deadline) -> list[str]:
        """See `ports.views.ViewStore`."""
        with self._file.lent(deadline) as connection:
            return projections(connection)

    def swap(self, view: View, deadline: Deadline) -> None:
        """See `ports.views.ViewStore`."""
        with self._writing(deadline) as connection:
            if generations_of(connection, view.projection).building != view.generation:
                raise Overtaken
            set_generations(connection, view.projection, Generations(view.generation))

    def drop(self, view: View, deadline: Deadline) -> None:
        """See `ports.views.ViewStore`. If the time is over before all is removed, nobody sees the
        rest; to repeat it goes on from there."""
        with self._writing(deadline) as connection:
            now = generations_of(connection, view.projection)
            if now.live == view.generation:
                raise Overtaken
            if now.building == view.generation:
                set_generations(connection, view.projection, Generations(now.live))
            number = forget(connection, view)
        more = True
        while more:
            with self._writing(deadline) as connection:
                more = remove_some(connection, number, _CHUNK)

    def progress(self, view: View, deadline: Deadline) -> Progress:
        """See `ports.views.ViewStore`."""
        with self._reading(deadline) as connection:
            return progress_of(connection, number_of(connection, view))

    def commit(self, view: View, base: Progress, changes: Changes, deadline: Deadline) -> None:
        """See `ports.views.ViewStore`."""
        event_id = self._event_id(changes.checkpoint, deadline)
        with self._writing(deadline) as connection:
            number = number_of(connection, view)
            advance(connection, number, base, changes, event_id)
            if changes.rows:
                write_rows(connection, number, changes.rows)

    def request(
        self, view: View, stream: str, discard: str | None, deadline: Deadline
    ) -> Parked | None:
        """See `ports.views.ViewStore`."""
        with self._writing(deadline) as connection:
            return request(connection, number_of(connection, view), stream, discard)

    def discarded(self, view: View, deadline: Deadline) -> list[Discarded]:
        """See `ports.views.ViewStore`."""
        with self._file.lent(deadline) as connection:
            return discarded_of(connection, number_of(connection, view))

    def counts(
        self, view: View, deadline: Deadline, keys: Collection[str] | None = None
    ) -> dict[str, int]:
        """See `ports.views.ViewStore`."""
        with self._file.lent(deadline) as connection:
            return counts_of(connection, number_of(connection, view), keys)

    def rows(self, view: View, carrier_ids: Iterable[str], deadline: Deadline) -> dict[str, Row]:
        """See `ports.views.ViewStore`."""
        with self._file.lent(deadline) as connection:
            return rows_of(connection, number_of(connection, view), carrier_ids)

    def find(
        self,
        view: View,
        sort: str,
        terms: Sequence[str],
        after: Place | None,
        limit: int,
        deadline: Deadline,
    ) -> list[Place]:
        """See `ports.views.ViewStore`. In one transaction, so that a row which goes from one of the
        terms to another is in one of them."""
        with self._reading(deadline) as connection:
            number = number_of(connection, view)
            return find_places(connection, number, sort, terms, after, limit)

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
        with self._reading(deadline) as connection:
            number = number_of(connection, view)
            return find_word(connection, number, sort, prefix, after, limit)

    def find_words(
        self,
        view: View,
        sort: str,
        prefixes: Sequence[str],
        after: Place | None,
        limit: int,
        deadline: Deadline,
    ) -> list[Place] | None:
        """See `ports.views.ViewStore`."""
        with self._reading(deadline) as connection:
            number = number_of(connection, view)
            return find_words(connection, number, sort, prefixes, after, limit)

    def differences(self, one: View, other: View, deadline: Deadline) -> int:
        """See `ports.views.ViewStore`."""
        with self._reading(deadline) as connection:
            numbers = number_of(connection, one), number_of(connection, other)
            return differences(connection, *numbers)

    def close(self) -> None:
        """Give back the connections."""
        self._file.close()

    def _event_id(self, position: int, deadline: Deadline) -> str:
        found = self._registry.event_id(position, deadline) if self._registry else None
        return found or ""

    @contextmanager
    def _reading(self, deadline: Deadline) -> Iterator[sqlite3.Connection]:
        """All that is read in it is of one moment."""
        with self._file.lent(deadline) as connection, transaction(connection, "DEFERRED"):
            yield connection

    @contextmanager
    def _writing(self, deadline: Deadline) -> Iterator[sqlite3.Connection]:
        """Nobody else writes meanwhile."""
        writer = self._file.lent(deadline, writes=True)
        with writer as connection, transaction(connection, "IMMEDIATE"):
            yield connection
