"""The changes that some events make in one view. Between the projector, which reads and writes, and
the projection, which is pure.

A stream is parked at the first event that cannot be applied, and its later events are not applied.
Trying again applies that event and the later ones as if they came now.

A view is of carriers: events of other aggregates are passed over, and if a release that did not
know them has parked their streams, those are released.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from app.application.deadline import Deadline
from app.application.ports.codec import UnreadableEvent
from app.application.ports.errors import StoreUnavailable
from app.application.ports.event_store import RecordedEvent
from app.application.ports.views import Changes, Discarded, Parked, Progress, Row, RowChange
from app.application.projections import Projection
from app.application.projections.replay import NOTHING, Folded, IncompleteStream, Replayer
from app.domain.carrier import Carrier
from app.domain.streams import aggregate_of

_NOT_THE_EVENTS_FAULT = (StoreUnavailable, MemoryError)
_FORESEEN = (UnreadableEvent, IncompleteStream)
_NO_COUNTS: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class Failure:
    """An event that could not be applied. `unforeseen` is the error if our code is at fault."""

    parked: Parked
    event_type: str
    unforeseen: Exception | None


class Batch:
    """Collects changes on top of a view's progress. A batch writes nothing, so it can be thrown
    away at any time."""

    def __init__(
        self, projection: Projection, replayer: Replayer, base: Progress, deadline: Deadline
    ) -> None:
        self.failures: list[Failure] = []
        self._row = projection.row
        self._counted = projection.counted
        self._replayer = replayer
        self._base = base
        self._deadline = deadline
        self._parked = {
            stream: parked for stream, parked in base.parked.items() if is_followed(stream)
        }
        self._newly_discarded: list[Discarded] = []
        self._discarded: dict[str, frozenset[int]] = {}
        for stream, version in base.discarded:
            self._discard(stream, version)
        self._rows: dict[str, list[Row]] = {}
        self._found_by = 0
        self._deltas: dict[str, int] = {}

    def take_in(self, position: int, event: RecordedEvent) -> None:
        """Apply the event, or park its stream. Raises StoreUnavailable."""
        if not is_followed(event.stream):
            return
        parked = self._parked.get(event.stream)
        if parked is not None:
            self._parked[event.stream] = replace(parked, through_version=event.version)
            return
        try:
            self._apply(event)
        except _NOT_THE_EVENTS_FAULT:
            raise
        except Exception as error:  # noqa: BLE001 - parks the stream; the others go on
            parked = Parked(event.stream, event.version, position, _reason(error), event.version)
            self._park(parked, event.data.event_type, error)

    def try_again(self, asked: Parked) -> None:
        """Apply the events that a parked stream has missed. Its first one is discarded if `asked`
        says so. Raises StoreUnavailable."""
        if not is_followed(asked.stream):
            return
        discarded = self._discarded.get(asked.stream, NOTHING)
        try:
            missed = self._replayer.recorded(
                asked.stream, asked.version - 1, asked.through_version, self._deadline
            )
            # If an earlier event fails, discarding this one would not help.
            self._replayer.at(asked.stream, asked.version - 1, discarded, self._deadline)
        except _NOT_THE_EVENTS_FAULT:
            raise
        except Exception as error:  # noqa: BLE001 - see take_in
            again = replace(asked, reason=_reason(error), retry=False, discard=None)
            self._park(again, "with all before it", error)
            return
        del self._parked[asked.stream]
        if asked.discard is not None:
            self._newly_discarded.append(Discarded(asked.stream, asked.version, asked.discard))
            self._discard(asked.stream, asked.version)
        for event in missed:
            self.take_in(asked.position, event)

    @property
    def found_by(self) -> int:
        """The number of terms and words of all rows: the cost of the commit."""
        return self._found_by

    @property
    def counted(self) -> Collection[str]:
        """The keys of the counts that change."""
        return self._deltas.keys()

    def changes(self, checkpoint: int, counts: Mapping[str, int]) -> Changes:
        """All collected changes up to the checkpoint, given the view's present `counts`."""
        base = self._base.parked
        return Changes(
            checkpoint=checkpoint,
            rows=[RowChange(rows[-1], rows[:-1]) for rows in self._rows.values()],
            counts={key: counts.get(key, 0) + delta for key, delta in self._deltas.items()},
            parked=[each for each in self._parked.values() if base.get(each.stream) != each],
            released=[stream for stream in base if stream not in self._parked],
            discarded=self._newly_discarded,
        )

    def _apply(self, event: RecordedEvent) -> None:
        """Collect the event's changes, all or none: the calls that can fail come first."""
        stream = event.stream
        discarded = self._discarded.get(stream, NOTHING)
        before = self._replayer.at(stream, event.version - 1, discarded, self._deadline)
        after = self._replayer.after(before, event, discarded)
        if after is None:
            return
        row = self._row and self._row(after)
        rows = self._rows.get(stream) or self._row_of(before)
        was = self._counts_of(before)
        now = self._counts_of(after)
        if row:
            gone = sum(version <= event.version for version in discarded) if discarded else 0
            rows.append(replace(row, discarded=gone) if gone else row)
            self._found_by += len(row.terms) + len(row.words) + len(row.shared)
            self._rows[stream] = rows
        if now or was:
            self._count(was, now)

    def _count(self, was: Mapping[str, int], now: Mapping[str, int]) -> None:
        """Collect the difference. A count that returns to its former value is written too, so that
        the written keys do not depend on where batches begin and end."""
        for key in now.keys() | was.keys():
            if difference := now.get(key, 0) - was.get(key, 0):
                self._deltas[key] = self._deltas.get(key, 0) + difference

    def _row_of(self, folded: Folded | None) -> list[Row]:
        return [self._row(folded)] if self._row and folded else []

    def _counts_of(self, folded: Folded | None) -> Mapping[str, int]:
        return self._counted(folded) if self._counted and folded else _NO_COUNTS

    def _park(self, parked: Parked, event_type: str, error: Exception) -> None:
        self._parked[parked.stream] = parked
        unforeseen = None if isinstance(error, _FORESEEN) else error
        self.failures.append(Failure(parked, event_type, unforeseen))

    def _discard(self, stream: str, version: int) -> None:
        self._discarded[stream] = self._discarded.get(stream, NOTHING) | {version}


def is_followed(stream: str) -> bool:
    """Whether the events of the stream are for views to take in."""
    return aggregate_of(stream) is Carrier


def _reason(error: Exception) -> str:
    """One sentence. The message of an unforeseen error may hold personal data and is left out."""
    if isinstance(error, _FORESEEN):
        return str(error)
    return f"{type(error).__name__} was raised when it was applied"
