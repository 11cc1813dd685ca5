"""What some events change in one view. Between the projector, which reads and writes, and the
projection, which is pure.

A stream is parked where its first event cannot be applied, and its later ones only go by. One try
again takes them in as if they came now.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from app.application.deadline import Deadline
from app.application.ports import RecordedEvent, StoreUnavailable
from app.application.projections import Projection
from app.application.projections.folding import NOTHING, Folded, Folder, IncompleteStream
from app.application.repository import UnreadableEvent
from app.application.views import Changes, Discarded, Parked, Progress, Row, RowChange

_NOT_THE_EVENTS_FAULT = (StoreUnavailable, MemoryError)
_FORESEEN = (UnreadableEvent, IncompleteStream)
_NO_KEYS: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Failure:
    """An event that could not be applied. `unforeseen` is the error if it is a flaw of ours."""

    parked: Parked
    event_type: str
    unforeseen: Exception | None


class Batch:
    """Collects the changes from a view's progress on. Nothing is written here, so it can be thrown
    away at any time."""

    def __init__(
        self, projection: Projection, folder: Folder, base: Progress, deadline: Deadline
    ) -> None:
        self.failures: list[Failure] = []
        self._row = projection.row
        self._counted = projection.counted
        self._folder = folder
        self._base = base
        self._deadline = deadline
        self._parked = dict(base.parked)
        self._discarded: list[Discarded] = []
        self._left_out: dict[str, frozenset[int]] = {}
        for stream, version in base.discarded:
            self._leave_out(stream, version)
        self._rows: dict[str, list[Row]] = {}
        self._found_by = 0
        self._deltas: dict[str, int] = {}

    def take_in(self, position: int, event: RecordedEvent) -> None:
        """Apply the event, or park its stream. Raises StoreUnavailable."""
        parked = self._parked.get(event.stream)
        if parked is not None:
            self._parked[event.stream] = replace(parked, upto=event.version)
            return
        try:
            self._apply(event)
        except _NOT_THE_EVENTS_FAULT:
            raise
        except Exception as error:  # noqa: BLE001 - it is parked, reported, and stops no other
            parked = Parked(event.stream, event.version, position, _reason(error), event.version)
            self._park(parked, event.data.event_type, error)

    def try_again(self, asked: Parked) -> None:
        """Take in the events that a parked stream has left aside, with or without the one that it
        was parked at, as is asked for. Raises StoreUnavailable."""
        left_out = self._left_out.get(asked.stream, NOTHING)
        try:
            aside = self._folder.recorded(
                asked.stream, asked.version - 1, asked.upto, self._deadline
            )
            # If it is not this event that fails, leaving it out would help nobody.
            self._folder.upto(asked.stream, asked.version - 1, left_out, self._deadline)
        except _NOT_THE_EVENTS_FAULT:
            raise
        except Exception as error:  # noqa: BLE001 - see take_in
            again = replace(asked, reason=_reason(error), retry=False, discard=None)
            self._park(again, "with all before it", error)
            return
        del self._parked[asked.stream]
        if asked.discard is not None:
            self._discarded.append(Discarded(asked.stream, asked.version, asked.discard))
            self._leave_out(asked.stream, asked.version)
        for event in aside:
            self.take_in(asked.position, event)

    @property
    def found_by(self) -> int:
        """How many terms and words its rows have in all: what a commit of them costs."""
        return self._found_by

    @property
    def counted(self) -> Collection[str]:
        """The counts that change."""
        return self._deltas.keys()

    def changes(self, checkpoint: int, counts: Mapping[str, int]) -> Changes:
        """All of it, for a view whose counts are these."""
        base = self._base.parked
        return Changes(
            checkpoint=checkpoint,
            rows=[RowChange(rows[-1], rows[:-1]) for rows in self._rows.values()],
            counts={key: counts.get(key, 0) + delta for key, delta in self._deltas.items()},
            parked=[each for each in self._parked.values() if base.get(each.stream) != each],
            released=[stream for stream in base if stream not in self._parked],
            discarded=self._discarded,
        )

    def _apply(self, event: RecordedEvent) -> None:
        """All or nothing: what can fail comes first."""
        stream = event.stream
        left_out = self._left_out.get(stream, NOTHING)
        before = self._folder.upto(stream, event.version - 1, left_out, self._deadline)
        after = self._folder.after(before, event, left_out)
        if after is None:
            return
        row = self._row and self._row(after)
        rows = self._rows.get(stream) or self._row_of(before)
        was = self._keys_of(before)
        now = self._keys_of(after)
        if row:
            gone = sum(version <= event.version for version in left_out)
            rows.append(replace(row, left_out=gone) if gone else row)
            self._found_by += len(row.terms) + len(row.words)
            self._rows[stream] = rows
        # A count that comes back to what it was is written too: so what is written does not depend
        # on where batches begin and end.
        for key in now ^ was:
            self._deltas[key] = self._deltas.get(key, 0) + (1 if key in now else -1)

    def _row_of(self, folded: Folded | None) -> list[Row]:
        return [self._row(folded)] if self._row and folded else []

    def _keys_of(self, folded: Folded | None) -> frozenset[str]:
        return self._counted(folded) if self._counted and folded else _NO_KEYS

    def _park(self, parked: Parked, event_type: str, error: Exception) -> None:
        self._parked[parked.stream] = parked
        unforeseen = None if isinstance(error, _FORESEEN) else error
        self.failures.append(Failure(parked, event_type, unforeseen))

    def _leave_out(self, stream: str, version: int) -> None:
        self._left_out[stream] = self._left_out.get(stream, NOTHING) | {version}


def _reason(error: Exception) -> str:
    """One sentence. What an unforeseen error says may name a person, and stays out."""
    if isinstance(error, _FORESEEN):
        return str(error)
    return f"{type(error).__name__} was raised when it was applied"
