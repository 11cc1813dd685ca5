"""Views on Cassandra, written by the projector and read by queries. Implements
`ports.views.ViewStore`.

What must be exact of a view is in one partition and changes by one conditional batch, which moves
the revision that it was decided on, or does nothing: a projector that repeats a commit or wakes up
late changes nothing there. A batch on one partition may be large (10 MB were measured); the limit
that Cassandra has for batches is for those on several. Rows are another matter: they are written
first, by plain writes that can be repeated (see `rows`).

What queries read is not read SERIAL: it would get in the way of the projector's writes. A read sees
every write that was acknowledged; one still under way is met by the next conditional write. But the
counts that a commit is based on are: replicas hand each other what is read, so a revision may have
come to one without the counts that belong to it.
"""

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, replace
from uuid import UUID, uuid4

from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
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
from app.application.strict_json import NotStrictJson, parse_own
from app.infrastructure.cassandra.requests import Requests, Write
from app.infrastructure.cassandra.retries import begin_again_unless, retrying
from app.infrastructure.cassandra.session import Row as Answer
from app.infrastructure.cassandra.statements import STATEMENTS
from app.infrastructure.cassandra.views.generations import CassandraViewGenerations
from app.infrastructure.cassandra.views.rows import CassandraViewRows

STATEMENTS.register(
    # The writer is in the condition so that a refusal shows it.
    view_move=(
        "UPDATE view_state SET checkpoint = ?, revision = ?, writer = ?"
        " WHERE projection = ? AND generation = ? IF revision = ? AND writer != ?"
    ),
    view_set=(
        "INSERT INTO view_state (projection, generation, kind, key, number, body)"
        " VALUES (?, ?, ?, ?, ?, ?)"
    ),
    view_unset=(
        "DELETE FROM view_state WHERE projection = ? AND generation = ? AND kind = ? AND key = ?"
    ),
    view_unset_all=("DELETE FROM view_state WHERE projection = ? AND generation = ? AND kind = ?"),
    view_read_state=(
        "SELECT kind, key, number, body, checkpoint, revision FROM view_state"
        " WHERE projection = ? AND generation = ? AND kind IN ?"
    ),
    view_read_revision=(
        "SELECT revision FROM view_state WHERE projection = ? AND generation = ? LIMIT 1"
    ),
    view_read_counts=(
        "SELECT key, number, revision FROM view_state"
        " WHERE projection = ? AND generation = ? AND kind = 'count' AND key IN ?"
    ),
)

DROPPED = -1
"""The revision of a view that was dropped: no commit begins from it."""

_THROUGH_VERSION = "upto"
"""What `Parked.through_version` is called in stored rows, also by releases before this one."""

COUNT, PARKED, DISCARDED, SELF = KINDS = ("count", "parked", "discarded", "self")
"""The kinds of rows in a view's partition. SELF is one that is there as soon as the view is, so
that a read by kinds always finds the partition's static columns."""


class CassandraViewStore:
    """Each try of a request is bounded by `requests`, all of them by the caller's deadline."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._generations = CassandraViewGenerations(requests, self._is_kept)
        self._rows = CassandraViewRows(requests)

    def generations(self, projection: str, deadline: Deadline) -> Generations:
        """See `ports.views.ViewStore`."""
        return self._generations.read(projection, deadline)

    def begin(self, projection: str, deadline: Deadline) -> View:
        """See `ports.views.ViewStore`."""

        def prepare(view: View, live: View | None) -> None:
            gone = self.discarded(live, deadline) if live else ()
            self._seed(view, gone, deadline)

        return self._generations.begin(projection, prepare, deadline)

    def begin_first(
        self, projection: str, discarded: Collection[Discarded], deadline: Deadline
    ) -> View:
        """See `ports.views.ViewStore`."""

        def prepare(view: View, live: View | None) -> None:
            if live is not None:
                raise Overtaken
            self._seed(view, discarded, deadline)

        view = self._generations.begin(projection, prepare, deadline)
        if self._generations.read(projection, deadline).live is not None:
            raise Overtaken
        return view

    def abandon(self, projection: str, deadline: Deadline) -> list[View]:
        """See `ports.views.ViewStore`."""
        self._generations.abandon(projection, deadline)
        return self._generations.kept(projection, deadline)

    def projections(self, deadline: Deadline) -> list[str]:
        """See `ports.views.ViewStore`."""
        named = self._generations.projections(deadline)
        return sorted(each for each in named if self._generations.kept(each, deadline))

    def swap(self, view: View, deadline: Deadline) -> None:
        """See `ports.views.ViewStore`."""
        self._generations.swap(view, deadline)

    def drop(self, view: View, deadline: Deadline) -> None:
        """See `ports.views.ViewStore`. Raises Overtaken if the generation is live."""
        self._generations.withdraw(view, deadline)
        # The rows first, which no late writer brings back: once the view is closed, nothing would
        # tell that some are left.
        self._rows.drop(view, deadline)
        retrying(deadline, lambda: self._close(view, deadline))

    def progress(self, view: View, deadline: Deadline) -> Progress:
        """See `ports.views.ViewStore`."""
        rows = self._state(view, (SELF, PARKED, DISCARDED), deadline)
        if not rows:
            return Progress()
        return Progress(
            rows[0]["checkpoint"],
            rows[0]["revision"],
            {row["key"]: _parked(row) for row in rows if row["kind"] == PARKED},
            frozenset(
                (each.stream, each.version)
                for each in (_discarded(row) for row in rows if row["kind"] == DISCARDED)
            ),
        )

    def commit(self, view: View, base: Progress, changes: Changes, deadline: Deadline) -> None:
        """See `ports.views.ViewStore`. Also Overtaken if its answer was lost and somebody has gone
        on from it."""
        self._rows.write(view, changes.rows, deadline)
        writes: list[Write] = [
            ("view_set", (COUNT, *item, None)) for item in changes.counts.items()
        ]
        writes += map(_parking, changes.parked)
        writes += [("view_unset", (PARKED, stream)) for stream in changes.released]
        writes += map(_discarding, changes.discarded)
        writer = uuid4()

        def attempt() -> bool:
            moved = (base.revision, base.revision + 1, changes.checkpoint)
            return self._write(view, moved, writes, writer, deadline)

        if not retrying(deadline, attempt):
            raise Overtaken

    def request(
        self, view: View, stream: str, discard: str | None, deadline: Deadline
    ) -> Parked | None:
        """See `ports.views.ViewStore`."""

        def attempt() -> Parked | None:
            now = self.progress(view, deadline)
            if stream not in now.parked:
                return None
            asked = replace(now.parked[stream], retry=True, discard=discard)
            self._write_or_begin_again(view, now, [_parking(asked)], deadline)
            return asked

        return retrying(deadline, attempt)

    def discarded(self, view: View, deadline: Deadline) -> list[Discarded]:
        """See `ports.views.ViewStore`."""
        return [_discarded(row) for row in self._state(view, (DISCARDED,), deadline)]

    def counts(
        self, view: View, deadline: Deadline, keys: Collection[str] | None = None
    ) -> dict[str, int]:
        """See `ports.views.ViewStore`."""
        if keys is None:
            rows = self._state(view, (COUNT,), deadline)
        else:
            wanted = sorted(set(keys))
            rows = self._read(self._requests.select, "view_read_counts", view, wanted, deadline)
        return {row["key"]: row["number"] for row in rows}

    def rows(self, view: View, carrier_ids: Iterable[str], deadline: Deadline) -> dict[str, Row]:
        """See `ports.views.ViewStore`. They may be ahead of the checkpoint."""
        return self._rows.rows(view, carrier_ids, deadline)

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
        return self._rows.find(view, sort, terms, after, limit, deadline)

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
        return self._rows.find_prefix(view, sort, prefix, after, limit, deadline)

    def find_words(
        self,
        view: View,
        sort: str,
        prefixes: Sequence[str],
        after: Place | None,
        limit: int,
        deadline: Deadline,
    ) -> list[Place] | None:
        """See `ports.views.ViewStore`: there is no such way."""
        return None

    def differences(self, one: View, other: View, deadline: Deadline) -> int:
        """See `ports.views.ViewStore`."""
        counts = [self.counts(view, deadline) for view in (one, other)]
        keys = counts[0].keys() | counts[1].keys()
        differing = sum(counts[0].get(key) != counts[1].get(key) for key in keys)
        return differing + self._rows.differences(one, other, deadline)

    def _seed(self, view: View, gone: Iterable[Discarded], deadline: Deadline) -> None:
        now = self.progress(view, deadline)
        self._write_or_begin_again(view, now, map(_discarding, gone), deadline)

    def _is_kept(self, view: View, deadline: Deadline) -> bool:
        """Whether it was written to and not dropped."""
        return self._revision(view, deadline) not in {0, DROPPED}

    def _revision(self, view: View, deadline: Deadline) -> int:
        of = (view.projection, view.generation)
        rows = self._requests.select_plain(deadline, "view_read_revision", *of)
        return (rows[0]["revision"] if rows else None) or 0

    def _close(self, view: View, deadline: Deadline) -> None:
        """Empty the view's partition, and leave it so that no commit fits on it."""
        revision = self._revision(view, deadline)
        if revision != DROPPED:
            writes: list[Write] = [("view_unset_all", (kind,)) for kind in KINDS]
            moved = (revision, DROPPED, 0)
            begin_again_unless(self._write(view, moved, writes, uuid4(), deadline))

    def _write_or_begin_again(
        self, view: View, now: Progress, writes: Iterable[Write], deadline: Deadline
    ) -> None:
        moved = (now.revision, now.revision + 1, now.checkpoint)
        begin_again_unless(self._write(view, moved, writes, uuid4(), deadline))

    def _write(
        self,
        view: View,
        moved: tuple[int, int, int],
        writes: Iterable[Write],
        writer: UUID,
        deadline: Deadline,
    ) -> bool:
        """Send a batch once; `moved` is the revision that it was decided on, the one after it, and
        the checkpoint. False if the view is at another. Raises RequestFailed."""
        before, after, checkpoint = moved
        of = (view.projection, view.generation)
        batch: list[Write] = [
            ("view_move", (checkpoint, after, writer, *of, before or None, writer))
        ]
        if after != DROPPED:
            batch.append(("view_set", (*of, SELF, "", None, None)))
        batch += [(name, (*of, *values)) for name, values in writes]
        row = self._requests.write_batch(deadline, batch)
        return bool(row["[applied]"]) or row.get("writer") == writer

    def _state(self, view: View, kinds: Sequence[str], deadline: Deadline) -> list[Answer]:
        return self._read(self._requests.select_plain, "view_read_state", view, kinds, deadline)

    @staticmethod
    def _read(
        select: Callable[..., list[Answer]],
        name: str,
        view: View,
        among: Sequence[str],
        deadline: Deadline,
    ) -> list[Answer]:
        """The rows of a view's partition as they were at one revision, however many pages."""

        def attempt() -> list[Answer]:
            rows = select(deadline, name, view.projection, view.generation, among)
            begin_again_unless(len({row["revision"] for row in rows}) <= 1)
            return rows

        return retrying(deadline, attempt)


def _parking(parked: Parked) -> Write:
    body = asdict(parked)
    body[_THROUGH_VERSION] = body.pop("through_version")
    return "view_set", (PARKED, parked.stream, None, json.dumps(body))


def _parked(row: Answer) -> Parked:
    try:
        body = parse_own(row["body"])
        return Parked(**{"through_version": body.pop(_THROUGH_VERSION), **body})
    except (NotStrictJson, AttributeError, KeyError, TypeError) as error:
        raise StoreUnavailable(
            f"what a view keeps of the parked stream {row['key']} is damaged: make the view anew"
            " with `carriers projections rebuild`"
        ) from error


def _discarding(discarded: Discarded) -> Write:
    key = f"{discarded.stream}/{discarded.version}"
    return "view_set", (DISCARDED, key, None, discarded.reason)


def _discarded(row: Answer) -> Discarded:
    stream, _, version = row["key"].rpartition("/")
    return Discarded(stream, int(version), row["body"])
