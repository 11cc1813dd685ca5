"""Views: what projections make of the feed, kept so that they can be thrown away and made again.

A view is one generation of one projection. The projector (`projector.py`) writes it, the queries
(`app/application/directory`) read it. Whatever is written follows from the streams alone, and
`commit` is conditional on the checkpoint; so repeats, and projectors that were paused and wake up
late, change nothing. The port has one contract suite (`tests/contracts/view_*.py`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.application.deadline import Deadline

WHOLE_SORTS = ("name", "registered_at")
"""The orders in which every row stands, and in which a store can put what a prefix finds."""

SORTS = (*WHOLE_SORTS, "next_expiry")
"""The orders that a view of rows is kept in. In the last one only those rows stand that have a key
of it."""

SHARED_SORT = "registered_at"
"""The order in which rows are found by their shared terms as well."""


@dataclass(frozen=True, slots=True)
class View:
    """One generation of a projection's result. `projection` is the name and the version of the
    code that fills the view (`Projection.key`), so that no other code reads it or writes to it."""

    projection: str
    generation: int

    @property
    def name(self) -> str:
        """The projection's name, without the version."""
        return self.projection.partition(".v")[0]

    @property
    def version(self) -> str:
        """The version of the code that fills the view; empty for the first releases' views."""
        return self.projection.partition(".v")[2]


@dataclass(frozen=True, slots=True)
class Row:
    """A carrier in a view. `body` is JSON and is opaque to stores.

    `keys` maps each of WHOLE_SORTS, and of SORTS as far as the row stands in the order, to text
    whose code points give the order. `terms` are what it can be found by as a whole
    (`status:active`), `words` those of which any prefix finds it, folded. `shared` are terms that
    it has in common with rows of the same company: a row has many of them, and each order that they
    stood in would be as many writes more, so they stand in SHARED_SORT alone.
    `discarded` is how many of the carrier's events up to `version` were discarded: with that many,
    a version makes one and the same row, and the row with more of them is the later one.
    """

    carrier_id: str
    version: int
    body: str
    keys: Mapping[str, str] = field(default_factory=dict)
    terms: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()
    discarded: int = 0

    def terms_in(self, sort: str) -> frozenset[str]:
        """The terms that the row is found by in this order."""
        return self.terms | self.shared if sort == SHARED_SORT else self.terms


@dataclass(frozen=True, slots=True)
class RowChange:
    """The row as it is now, and all that it was since the last commit that held it, oldest first:
    what those could be found by and this one cannot, it must not be found by any longer."""

    row: Row
    was: Sequence[Row] = ()


@dataclass(frozen=True, slots=True)
class Parked:
    """A stream that the view has stopped following, because its event `version` cannot be applied.

    `position` is that event's, or of the one that it was parked at before a try got further;
    `through_version` is the last version of the stream that has gone by since.
    `retry` asks the projector to try again; with `discard` set, leaving that event out for good:
    the text says why.
    """

    stream: str
    version: int
    position: int
    reason: str
    through_version: int
    retry: bool = False
    discard: str | None = None


@dataclass(frozen=True, slots=True)
class Discarded:
    """An event that is left out of every generation of a projection, and why."""

    stream: str
    version: int
    reason: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a view is. `revision` changes with every commit and every request on a parked
    stream; `checkpoint` is the last position that was taken in."""

    checkpoint: int = 0
    revision: int = 0
    parked: Mapping[str, Parked] = field(default_factory=dict)
    discarded: frozenset[tuple[str, int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Changes:
    """What one commit does to a view. `counts` are absolute; those not named stay as they are.
    `parked` are new or changed, `released` are no longer parked."""

    checkpoint: int
    rows: Sequence[RowChange] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    parked: Sequence[Parked] = ()
    released: Collection[str] = ()
    discarded: Sequence[Discarded] = ()


@dataclass(frozen=True, slots=True)
class Generations:
    """Which generation readers are given, and which is being built beside it, if any. `live` is
    None as long as no generation has ever held the whole feed: there is nothing to answer with."""

    live: int | None = None
    building: int | None = None


class Overtaken(Exception):
    """The view is no longer at the progress that a commit began from; nothing counts of it."""


Place = tuple[str, str]
"""Where a row stands in an order: its sort key, then its carrier's id."""


class ViewStore(Protocol):
    """Keeps views. Every call ends by its deadline, and raises StoreUnavailable if it cannot."""

    def generations(self, projection: str, deadline: Deadline) -> Generations:
        """A projection that was never seen has none."""
        ...

    def begin(self, projection: str, deadline: Deadline) -> View:
        """The generation that is being built; a new empty one if there is none. It begins with
        the discarded events of the live one."""
        ...

    def begin_first(
        self, projection: str, discarded: Collection[Discarded], deadline: Deadline
    ) -> View:
        """The same for a projection of which no generation is live; a new one begins with these
        discarded events. Raises Overtaken if one is live."""
        ...

    def abandon(self, projection: str, deadline: Deadline) -> list[View]:
        """Give readers no generation of the projection any more, and build none; return all that
        are kept still, for `drop`. Can be repeated. Whoever follows the projection begins a new
        generation."""
        ...

    def projections(self, deadline: Deadline) -> list[str]:
        """All projections that have a generation, live, being built or not dropped yet, in the
        order of the alphabet."""
        ...

    def swap(self, view: View, deadline: Deadline) -> None:
        """Make the generation that was being built the live one. The former one stays until it is
        dropped, for those who are still reading it. Raises Overtaken if it is not being built."""
        ...

    def drop(self, view: View, deadline: Deadline) -> None:
        """Forget a generation; no commit to it succeeds from then on. Can be repeated. Raises
        Overtaken if it is the live one."""
        ...

    def progress(self, view: View, deadline: Deadline) -> Progress:
        """How far the view is. Sees the last commit."""
        ...

    def commit(self, view: View, base: Progress, changes: Changes, deadline: Deadline) -> None:
        """Write the changes and move the checkpoint, if the view is still at `base`.

        Raises Overtaken if it is not: rows may have been written then (whoever overtook writes the
        same ones), counts, parked streams and checkpoint were not.
        """
        ...

    def request(
        self, view: View, stream: str, discard: str | None, deadline: Deadline
    ) -> Parked | None:
        """Ask for another try at a parked stream, or with a reason for `discard`, to go on without
        the event that cannot be applied. None if the stream is not parked."""
        ...

    def discarded(self, view: View, deadline: Deadline) -> list[Discarded]:
        """Everything that is left out, with the reasons."""
        ...

    def counts(
        self, view: View, deadline: Deadline, keys: Collection[str] | None = None
    ) -> dict[str, int]:
        """These counts, or all; those that were never written are left out."""
        ...

    def rows(self, view: View, carrier_ids: Iterable[str], deadline: Deadline) -> dict[str, Row]:
        """The rows by id, as far as there are; what is behind `body` may be empty."""
        ...

    def find(
        self,
        view: View,
        sort: str,
        terms: Sequence[str],
        after: Place | None,
        limit: int,
        deadline: Deadline,
    ) -> list[Place]:
        """The places behind `after` of the rows that have any of the terms, each once, in order,
        at most `limit`. May name rows that have changed since: check them."""
        ...

    def find_prefix(
        self,
        view: View,
        sort: str,
        prefix: str,
        after: Place | None,
        limit: int,
        deadline: Deadline,
    ) -> list[Place] | None:
        """The same for the rows that have a word with this prefix. None if there are too many for
        this store to put in order, or if the order is none of WHOLE_SORTS: find them another way.
        May name rows that only have a word with a similar prefix."""
        ...

    def find_words(
        self,
        view: View,
        sort: str,
        prefixes: Sequence[str],
        after: Place | None,
        limit: int,
        deadline: Deadline,
    ) -> list[Place] | None:
        """The same for the rows that have, for each of the prefixes, a word with it. It begins with
        a look through all words with them, so it takes long, which the deadline may not end. None
        also if this store has no such way."""
        ...

    def differences(self, one: View, other: View, deadline: Deadline) -> int:
        """How many rows and counts differ between two views of one projection."""
        ...
