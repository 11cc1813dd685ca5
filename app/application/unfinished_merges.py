"""Looks for merges that are half done: a process manager, which follows the feed.

A merge is steps on two streams (`merging.py`), and the process that takes them may die in between.
Whatever the feed shows begun and does not show ended by the time that its request must have been
answered is brought to its end here. It may be under way still, or somebody else may finish it at
the same moment: each step is taken once, whoever takes it, so nothing rests on the patience.

Nothing is stored. A process that starts looks back over the last LOOK_BACK events: a merge is half
done only if whoever began it has ended since, and those who follow the feed have too.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from app.application.command_context import CommandContext
from app.application.deadline import Deadline
from app.application.ports.codec import Codec, UnreadableEvent
from app.application.ports.errors import StoreError
from app.application.ports.event_store import RecordedEvent
from app.application.ports.feed import Feed
from app.application.shown import AggregateNotFound
from app.domain.commands.merge import CarrierMerged
from app.domain.commands.unmerge import CarrierUnmerged
from app.domain.merging import CarrierAbsorbed, CarrierMergeRefused, CarrierSeparated

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 5.0
"""The time beyond a request's budget that its sender is given to send it again."""

LOOK_BACK = 10_000
"""So many events before the feed's head are looked at after a start."""

STEP_SECONDS = 10.0
"""The time limit of one step, and of finishing one merge."""

_PAGE = 1_000
_EVENTS = (
    CarrierMerged,
    CarrierAbsorbed,
    CarrierMergeRefused,
    CarrierSeparated,
    CarrierUnmerged,
)
_TYPES = frozenset(each.__name__ for each in _EVENTS)

Finish = Callable[[str, CommandContext], bool]
"""Brings the merge of the carrier of this id to its end; returns whether it was half done."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """A merge whose last step is to come. `since` is of the monotonic clock, in seconds; the events
    that are left get the actor and the correlation id of the one that was seen."""

    since: float
    actor: str
    correlation_id: str


class UnfinishedMerges:
    """Finishes the merges that stay half done for `patience_seconds` after they were seen. One a
    process."""

    def __init__(
        self,
        feed: Feed,
        codec: Codec,
        finish: Finish,
        patience_seconds: float,
    ) -> None:
        self._feed = feed
        self._codec = codec
        self._finish = finish
        self._patience_seconds = patience_seconds
        self._read: tuple[str, int] | None = None  # the feed's id, and the position
        self._begun: dict[tuple[str, int], _Begun] = {}

    def step(self) -> bool:
        """Read on in the feed, and behind the last page finish what has waited long enough; return
        whether there is more to read now. Raises StoreUnavailable."""
        more = self._look(Deadline.after(STEP_SECONDS))
        if not more:
            self._finish_all()
        return more

    def _look(self, deadline: Deadline) -> bool:
        now = self._feed.standing(deadline)
        if self._read is None or self._read[0] != now.feed:
            self._begun.clear()
            self._read = now.feed, max(0, now.head - LOOK_BACK)
        _, after = self._read
        events = self._feed.read(after, _PAGE, deadline) if after < now.head else []
        for each in events:
            if each.event.data.event_type in _TYPES:
                self._note(each.event)
        self._read = now.feed, after + len(events)
        # A feed with a hole gives nothing, whatever its head is: then there is no more for now.
        return bool(events) and after + len(events) < now.head

    def _note(self, recorded: RecordedEvent) -> None:
        try:
            event = self._codec.decode(recorded)
        except UnreadableEvent:  # of a later release, which finishes it by itself
            return
        match event:
            case CarrierMerged():
                self._begun[recorded.stream, event.merge_id] = self._as_begun(recorded)
            case CarrierMergeRefused() | CarrierSeparated():
                self._begun[event.merged, event.merge_id] = self._as_begun(recorded)
            case CarrierAbsorbed():
                self._begun.pop((event.merged, event.merge_id), None)
            case CarrierUnmerged():
                self._begun.pop((recorded.stream, event.merge_id), None)

    def _as_begun(self, recorded: RecordedEvent) -> _Begun:
        origin, nobody = self._codec.origin(recorded), str(recorded.data.event_id)
        return _Begun(time.monotonic(), origin.actor or nobody, origin.correlation_id or nobody)

    def _finish_all(self) -> None:
        until = time.monotonic() - self._patience_seconds
        for key, begun in list(self._begun.items()):
            if begun.since <= until and self._settle(key[0], begun):
                self._begun.pop(key)

    def _settle(self, carrier_id: str, begun: _Begun) -> bool:
        """Finish the carrier's merge; return whether nothing is left to do for it here."""
        deadline = Deadline.after(STEP_SECONDS)
        context = CommandContext(uuid4(), begun.correlation_id, begun.actor, deadline)
        try:
            was_half_done = self._finish(carrier_id, context)
        except StoreError as error:
            log.warning("carrier %s: its merge is half done, and waits: %s", carrier_id, error)
            return False
        except (UnreadableEvent, AggregateNotFound) as error:
            log.warning("carrier %s: its merge is half done, and stays so: %s", carrier_id, error)
            return True
        except Exception:  # those behind it must not wait for a defect to be mended
            log.exception("carrier %s: its merge is half done, and stays so", carrier_id)
            return True
        if was_half_done:
            log.info("carrier %s: its merge was half done, and is finished", carrier_id)
        return True
