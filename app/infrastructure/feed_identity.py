"""A feed's id as a process remembers it for a moment: asking the store each time would cost every
command and every page a read."""

from collections.abc import Callable

from app.application.deadline import Deadline
from app.application.ports.feed import IDENTITY_SECONDS


class RecentIdentity:
    """`ask` reads the id from the store; it raises StoreUnavailable."""

    def __init__(self, ask: Callable[[Deadline], str], seconds: float = IDENTITY_SECONDS) -> None:
        self._ask = ask
        self._seconds = seconds
        self._known: tuple[str, Deadline] | None = None

    def get(self, deadline: Deadline) -> str:
        """The id, as it was at most that long ago. Raises StoreUnavailable."""
        known = self._known
        if known is None or known[1].expired:
            # From before the question on: the answer may be as old as that.
            known_until = Deadline.after(self._seconds)
            self._known = known = self._ask(deadline), known_until
        return known[0]

    def forget(self) -> None:
        """Ask again next time."""
        self._known = None
