"""Which carrier a row means: by identifier, then id, then e-mail address.

Identifiers are looked up in the directory's view, which may lag; so each carrier found is read
from its stream, where it must still have the identifier. Ids and addresses are exact.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from app.application.deadline import Deadline
from app.application.directory.pages import Directory
from app.application.directory.query import Query
from app.application.imports.columns import CARRIER_ID, IDENTIFIERS, Columns
from app.application.imports.rows import RefusedRow, Row
from app.application.ports.event_store import Claim, EventStore
from app.application.repository import CarrierRepository
from app.domain.documents import today
from app.domain.state import GONE, CarrierState
from app.domain.values import comparable_email

_AT_ONCE = 100
_PAGE = 500

Identifier = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Matching:
    """Finds the carriers of rows. `deadline` gives each look its own."""

    carriers: CarrierRepository
    store: EventStore
    directory: Directory
    columns: Columns
    deadline: Callable[[], Deadline]

    def by_identifier(self, rows: Iterable[Row]) -> dict[Identifier, set[str]]:
        """The carriers that the view knows by the rows' identifiers, for many rows at once."""
        asked = sorted({each for row in rows for each in row.identifiers})
        found: dict[Identifier, set[str]] = {}
        day = today(self.carriers.now(), None)
        for start in range(0, len(asked), _AT_ONCE):
            some = frozenset(asked[start : start + _AT_ONCE])
            query: Query | None = Query(identifiers=some, on=day, limit=_PAGE)
            while query is not None:
                page = self.directory.page(query, self.deadline())
                for body in page.rows:
                    for each in body["identifiers"]:
                        key = each["scheme"], each["value"]
                        found.setdefault(key, set()).add(body["carrier_id"])
                more = page.next_cursor
                query = None if more is None else replace(query, cursor=more)
        return found

    def carrier_of(self, row: Row, known: dict[Identifier, set[str]]) -> str | None:
        """The carrier that the row means; None if none does yet. Raises RefusedRow if the row may
        mean several."""
        candidates = set().union(*(known.get(each, set()) for each in row.identifiers))
        if row.carrier_id is not None:
            return self._by_id(row, row.carrier_id, candidates)
        mine = {each for each in candidates if self._has_one_of(each, row.identifiers)}
        if not mine:
            return self.owner(row)
        if len(mine) == 1:
            return mine.pop()
        if (owner := self.owner(row)) in mine:
            return owner
        raise RefusedRow(
            "Several carriers have the identifiers of this row: give the carrier_id",
            self._identifying(),
        )

    def owner(self, row: Row) -> str | None:
        """The carrier that has the row's e-mail address, or that speaks for the one that has."""
        if row.email is None:
            return None
        claim = Claim("email", comparable_email(row.email))
        owner = self.store.owner(claim, self.deadline())
        while owner and (merge := self._state(owner).merge):
            owner = merge.into
        return owner

    def _state(self, carrier_id: str) -> CarrierState:
        state = self.carriers.load(carrier_id, self.deadline()).state
        assert state is not None, "it was found"  # noqa: S101
        return state

    def _by_id(self, row: Row, carrier_id: str, candidates: set[str]) -> str:
        if candidates and carrier_id not in candidates:
            others = [each for each in candidates if self._has_one_of(each, row.identifiers)]
            if others:
                raise RefusedRow(
                    "The identifiers are another carrier's than the one with this carrier_id",
                    self._identifying(),
                )
        return carrier_id

    def _has_one_of(self, carrier_id: str, identifiers: frozenset[Identifier]) -> bool:
        """Whether the stream says so. One that is retired or merged is nobody's to be
        changed."""
        carrier, _ = self.carriers.with_commits(carrier_id, self.deadline())
        if carrier.state is None or carrier.state.state in GONE:
            return False
        return any(
            (each["scheme"], each["value"]) in identifiers
            for each in self.carriers.current(carrier.state).profile.identifiers
        )

    def _identifying(self) -> str:
        field = IDENTIFIERS if IDENTIFIERS in self.columns.fields else self.columns.schemes[0]
        return self.columns.name_of(field or CARRIER_ID)
