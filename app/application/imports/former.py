"""An import that is taken back by its id, without its file: the feed has its events, whose commits
follow from the id and the row."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

from app.application.deadline import Deadline
from app.application.imports.applying import Applier, Trial
from app.application.imports.columns import Columns
from app.application.imports.plan import REFUSE, ImportId, RowPlan
from app.application.imports.rows import RefusedRow
from app.application.imports.undoing import TakingBack
from app.application.ports.codec import UnreadableEvent
from app.application.ports.event_store import RecordedEvent
from app.application.recorded import Metadata
from app.application.services import Services
from app.application.strict_json import NotStrictJson

AT_ONCE = 1_000
"""Events of the feed that are read at a time."""

FIRST_ROW = 2
"""Row 1 is the header."""

FURTHEST = 1_000_000
"""The last row that an event can come from: no file of 50 MB has so many."""

_NO_FILE = Columns((), ())


@dataclass(frozen=True, slots=True)
class FormerImport:
    """As `actor` takes it back; `deadline` gives each request to the store its own. No row behind
    `furthest` is found."""

    id: ImportId
    services: Services
    actor: str
    deadline: Callable[[], Deadline]
    furthest: int = FURTHEST

    def undone(self, *, dry_run: bool) -> Iterator[RowPlan]:
        """What was done, or would be, to take back each row that has changed something; the last
        one first, so that each finds its address free. On merges see `Import.planned`. Raises
        StoreUnavailable, OutcomeUnknown."""
        services = self.services
        applier = Applier(self.id, _NO_FILE, services.bus, self.actor, self.deadline)
        asked = Trial(self.id, services.bus, self.actor, self.deadline)
        with closing(services.seen_keys()) as seen:
            back = TakingBack(self.id, services.carriers, asked, seen, self.deadline)
            for carrier_id, row in reversed(self._rows().items()):
                plan = self._plan(back, row, carrier_id)
                yield plan if dry_run else applier.apply(plan)

    def _plan(self, back: TakingBack, row: int, carrier_id: str) -> RowPlan:
        try:
            found = self.services.carriers.with_commits(
                carrier_id, self.id.correlation_id, self.deadline()
            )
            return back.plan(row, *found)
        except RefusedRow as refused:
            return RowPlan(row, REFUSE, carrier_id, sentence=refused.sentence)
        except UnreadableEvent as error:
            sentence = f"The carrier cannot be read: {error}"
            return RowPlan(row, REFUSE, carrier_id, sentence=sentence)

    def _rows(self) -> dict[str, int]:
        """The row that has changed each carrier, in the order of the feed."""
        rows: dict[str, int] = {}
        by_fingerprint = _Rows(self.id.fingerprint, self.furthest)
        by_new_carrier = _Rows(self.id.new_carrier_id, self.furthest)
        for event in self._events():
            if event.stream not in rows:
                fingerprint = _fingerprint(event)
                row = (
                    by_new_carrier.find(event.stream)
                    if fingerprint is None
                    else by_fingerprint.find(fingerprint)
                )
                if row is not None:
                    rows[event.stream] = row
        return rows

    def _events(self) -> Iterator[RecordedEvent]:
        """Those that name the import as what they are correlated with. Whoever sends its id as an
        X-Request-ID is among them, but has no commit of a row."""
        position, name = 0, self.id.correlation_id
        while read := self.services.feed.read(position, AT_ONCE, self.deadline()):
            position = read[-1].position
            for each in read:
                if name in each.event.data.metadata:  # most do not: spares reading it as JSON
                    yield each.event


class _Rows:
    """Rows by what their events have, made once for all events, and no further than is needed."""

    def __init__(self, name: Callable[[int], str], furthest: int) -> None:
        self._named = ((name(row), row) for row in range(FIRST_ROW, furthest + 1))
        self._known: dict[str, int] = {}

    def find(self, name: str) -> int | None:
        """The row of that name; None if there is none up to the furthest."""
        while name not in self._known:
            following = next(self._named, None)
            if following is None:
                return None
            self._known.update([following])
        return self._known[name]


def _fingerprint(event: RecordedEvent) -> str | None:
    try:
        return Metadata.of(event.data.metadata).fingerprint
    except NotStrictJson:
        return None
