"""How the event store sends its requests again: counted, and given up early while no node is
reached. Over `retries`, which says how long to wait in between."""

from collections.abc import Callable
from typing import Any, TypeVar

from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.application.ports.telemetry import Telemetry
from app.infrastructure.cassandra.errors import RequestFailed
from app.infrastructure.cassandra.retries import backing_off

NOT_SENT_PATIENCE_SECONDS = 2.0
"""How long to try while nothing can even be sent. It outlasts a connection that is made anew;
with every node down, a quick answer is worth more to the caller than a thread that waits."""

Answer = TypeVar("Answer")


class CountedRetries:
    """Tells the telemetry the cause of every retry."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def until(self, deadline: Deadline, call: Callable[[], Answer]) -> Answer:
        """Call until it succeeds or the time is over; then the last RequestFailed."""
        return backing_off(
            deadline, call, _GiveUp(deadline), lambda error: self._telemetry.retried(error.cause)
        )

    def reading(self, deadline: Deadline, call: Callable[[], Answer]) -> Answer:
        """The same for reads; in the end StoreUnavailable."""
        try:
            return self.until(deadline, call)
        except RequestFailed as error:
            raise StoreUnavailable(f"cannot read: {error.cause}") from error


class _GiveUp:
    """When to stop trying: at the deadline; earlier while nothing has been sent at all."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._patience = Deadline.after(NOT_SENT_PATIENCE_SECONDS)
        self._sent = False

    def __call__(self, error: Any) -> bool:  # noqa: ANN401 - backoff hands over any exception
        self._sent = self._sent or error.maybe_applied
        if error.permanent or self._deadline.expired:
            return True
        return self._patience.expired and not self._sent
