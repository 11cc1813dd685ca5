"""The time."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time, so that nothing in the application has to ask for it."""

    def __call__(self) -> datetime:
        """Now, in UTC, to the millisecond: what every store can keep."""
        ...
