"""What whoever runs the registry looks after: its keys, the streams that views have stopped
following, and what could lose or leak data."""

from collections.abc import Callable
from dataclasses import dataclass

from app.application.deadline import Deadline
from app.application.doctor import Finding
from app.application.ports.clock import Clock
from app.application.ports.keys import KeyStore
from app.application.ports.views import Parked, View, ViewStore
from app.application.projections import PROJECTIONS

LONGEST_REASON = 500
"""So many characters a reason for discarding an event may have."""

BAD_REASON = f"must be 1 to {LONGEST_REASON} characters, all of them printable"


@dataclass(frozen=True, slots=True)
class Operations:
    """The parts of a registry that operators change. `examine` looks at the store of the settings,
    with connections of its own."""

    keys: KeyStore
    views: ViewStore
    clock: Clock
    examine: Callable[[], list[Finding]]

    def parked(self, deadline: Deadline) -> list[tuple[str, Parked]]:
        """The parked streams, each with its projection's name, in the order of the feed. Raises
        StoreUnavailable."""
        found = [
            (name, parked)
            for name in PROJECTIONS
            if (view := self._live(name, deadline)) is not None
            for parked in self.views.progress(view, deadline).parked.values()
        ]
        return sorted(found, key=lambda each: each[1].position)

    def settle(self, projection: str, stream: str, reason: str | None, deadline: Deadline) -> bool:
        """Ask the follower to try the stream again, or with a reason to discard the event at which
        it is parked; False if it is not parked. Raises StoreUnavailable."""
        view = self._live(projection, deadline)
        return view is not None and (self.views.request(view, stream, reason, deadline) is not None)

    def _live(self, projection: str, deadline: Deadline) -> View | None:
        key = PROJECTIONS[projection].key
        live = self.views.generations(key, deadline).live
        return None if live is None else View(key, live)


def is_reason(text: str) -> bool:
    """Whether the text can be the reason for discarding an event: BAD_REASON says which can."""
    return text.isprintable() and 0 < len(text) <= LONGEST_REASON
