"""Limits how many requests a key, or an address without a valid key, may send.

Called by the request cycle (`app/api/http/request_cycle.py`). A request counts once: with a valid
key for the key, otherwise for its address. So nobody behind a shared address (NAT) is locked out
who has a key of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.application.ports.quotas import Quota, QuotaCounts, Standing

KEY = "key"
ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class Counted:
    """A request that was counted: for whom (`key` or `address`), and what is left."""

    kind: str
    quota: Quota
    standing: Standing


class QuotaExceeded(Exception):
    """The quota is used up; nothing was done."""

    def __init__(self, counted: Counted) -> None:
        quota = counted.quota
        super().__init__(
            f"This {'API key' if counted.kind == KEY else 'network address'} has used up its quota:"
            f" {quota.requests} requests at once, and as many in {quota.seconds} seconds; go on"
            " after the seconds in Retry-After"
        )
        self.counted = counted


@dataclass(frozen=True, slots=True)
class Quotas:
    """The quotas by kind; a kind without one is not limited."""

    counts: QuotaCounts | None = None
    by_kind: Mapping[str, Quota] = field(default_factory=dict)

    def take(self, kind: str, name: str) -> Counted | None:
        """Count a request of the key or address `name`; None if the kind is not limited. Raises
        QuotaExceeded."""
        quota = self.by_kind.get(kind)
        if quota is None or self.counts is None:
            return None
        counted = Counted(kind, quota, self.counts.take(f"{kind} {name}", quota))
        if counted.standing.wait:
            raise QuotaExceeded(counted)
        return counted
