"""Which carrier a row means: that of its id, if it names one; else by identifier, then by e-mail
address.

Identifiers are looked up in the directory's view, which may lag; so each carrier found is read
from its stream, where it must still have the identifier. Ids and addresses are exact. A carrier
is read once: what is planned for it rests on the very state that it was found by.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from app.application.command_context import CommandContext
from app.application.deadline import Deadline
from app.application.directory.pages import Directory
from app.application.directory.query import Query
from app.application.imports.columns import CARRIER_ID, IDENTIFIERS, Columns
from app.application.imports.plan import ImportId
from app.application.imports.rows import RefusedRow, Row
from app.application.merging import Merging
from app.application.ports.event_store import Claim, EventStore
from app.application.repository import CarrierRepository, LoadedCarrier
from app.domain.documents import today
from app.domain.state import GONE
from app.domain.values import comparable_email

_AT_ONCE = 100
_PAGE = 500

Identifier = tuple[str, str]

Found = tuple[LoadedCarrier, Sequence[UUID | None]]
"""A carrier, and for each of its events the commit; None for those that are not of the import."""


@dataclass(frozen=True, slots=True)
class Matching:
    """Finds the carriers of an import's rows. `deadline` gives each look its own, `asking` the
    context in which merges that stand in its way half done are brought to their end, as a command
    would."""

    id: ImportId
    carriers: CarrierRepository
    merging: Merging
    store: EventStore
    directory: Directory
    columns: Columns
    deadline: Callable[[], Deadline]
    asking: Callable[[], CommandContext]

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

    def carrier_of(self, row: Row, known: Mapping[Identifier, set[str]]) -> Found | None:
        """The carrier that the row means; None if none does yet. One that the row names by an id
        need not be there. Raises RefusedRow if the row may mean several."""
        candidates = set[str]().union(*(known.get(each, ()) for each in row.identifiers))
        if row.carrier_id is not None:
            return self._by_id(row, row.carrier_id, candidates)
        mine = self._having_one_of(row.identifiers, candidates)
        if not mine:
            return self.owner(row)
        if len(mine) == 1:
            return mine[0]
        if (owner := self.owner(row)) and owner[0].id in {carrier.id for carrier, _ in mine}:
            return owner
        raise RefusedRow(
            "Several carriers have the identifiers of this row: give the carrier_id",
            self._identifying(),
        )

    def owner(self, row: Row) -> Found | None:
        """The carrier that may use the row's e-mail address; None if anybody may have it."""
        if row.email is None:
            return None
        claim = Claim("email", comparable_email(row.email))
        owner = self.store.owner(claim, self.deadline())
        if owner is None:
            return None
        found = self.found(owner)
        if not _is_merged(found):
            return found
        user = self.merging.user_of(owner, self.asking())
        return None if user is None else self.found(user)

    def found(self, carrier_id: str) -> Found:
        """The carrier with this id, which need not be there. Raises UnreadableEvent."""
        return self.carriers.with_commits(carrier_id, self.id.correlation_id, self.deadline())

    def _by_id(self, row: Row, carrier_id: str, candidates: set[str]) -> Found:
        if carrier_id not in candidates and self._having_one_of(row.identifiers, candidates):
            raise RefusedRow(
                "The identifiers are another carrier's than the one with this carrier_id",
                self._identifying(),
            )
        found = self.found(carrier_id)
        if _is_merged(found) and self.merging.finish(carrier_id, self.asking()):
            return self.found(carrier_id)
        return found

    def _having_one_of(
        self, identifiers: frozenset[Identifier], candidates: Iterable[str]
    ) -> list[Found]:
        """The candidates of whose streams that is true. One that is retired or merged is nobody's
        to be changed."""
        found = [self.found(each) for each in candidates]
        return [each for each in found if self._has_one_of(each[0], identifiers)]

    def _has_one_of(self, carrier: LoadedCarrier, identifiers: frozenset[Identifier]) -> bool:
        if carrier.state is None or carrier.state.state in GONE:
            return False
        return any(
            (each["scheme"], each["value"]) in identifiers
            for each in self.carriers.current(carrier.state).profile.identifiers
        )

    def _identifying(self) -> str:
        field = IDENTIFIERS if IDENTIFIERS in self.columns.fields else self.columns.schemes[0]
        return self.columns.name_of(field or CARRIER_ID)


def _is_merged(found: Found) -> bool:
    state = found[0].state
    return state is not None and state.merge is not None
