"""How many requests an origin may send: the counting, which all workers of a server share."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Quota:
    """`requests` at once; each of them comes back after its part of `seconds`, so that the whole
    quota is there again after `seconds` without a request."""

    requests: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What an origin has left of its quota."""

    remaining: int
    full_after: float
    """Seconds until the whole quota is there again."""
    wait: float
    """Seconds until the next request is allowed, if this one was not; else 0."""


class QuotaCounts(Protocol):
    """Counts requests by origin."""

    def take(self, origin: str, quota: Quota) -> Standing:
        """Count one request of the origin, unless its quota is used up."""
        ...
