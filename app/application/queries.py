"""What can be asked of one carrier, of the counts and of the feed; of all carriers it is
`directory.query.Query`. Made by the API's schemas."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ShowCarrier:
    """The carrier as it was at a version or at a moment (UTC offset included); as it is now, if
    neither is given."""

    version: int | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ShowOnDay(ShowCarrier):
    """What a carrier had then, such as its documents, and whether each holds on the day `on`
    (YYYY-MM-DD): today where the carrier is, if no day is given."""

    on: str | None = None


@dataclass(frozen=True, slots=True)
class ShowHistory:
    """A page of a carrier's history: at most `limit` events behind the version `after`."""

    after: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class JudgeEligibility:
    """Whether a carrier can be given work of this service in this country (alpha-2), for this
    customer; None if nobody says for whom. `on` is the day of the work (YYYY-MM-DD), None for
    today; `at` the moment until which something had been recorded, None for now."""

    country: str
    service: str
    customer: str | None = None
    on: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AskAudit:
    """What was recorded from `since` on and before `until` (UTC offset included), by this actor, in
    this stream; None: whenever, by whomever, in all."""

    since: datetime | None = None
    until: datetime | None = None
    actor: str | None = None
    stream: str | None = None

    @property
    def has_period(self) -> bool:
        """Whether anything is asked of the moment."""
        return self.since is not None or self.until is not None

    def overlaps(self, first: datetime, last: datetime) -> bool:
        """Whether a moment from the first to the last may be asked for."""
        return (self.since is None or last >= self.since) and (
            self.until is None or first < self.until
        )

    def includes(self, moment: datetime) -> bool:
        """Whether what was recorded at this moment is asked for."""
        return self.overlaps(moment, moment)


@dataclass(frozen=True, slots=True)
class CountCarriers:
    """The counts, with the last `days` on which a carrier was registered."""

    days: int = 30


@dataclass(frozen=True, slots=True)
class FollowFeed:
    """The feed behind a position of the feed with this id, of these types only; None: of
    whichever feed, of all types."""

    feed: str | None = None
    after: int = 0
    types: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class ReadFeed(FollowFeed):
    """A page of it: at most `limit` events, waiting `wait` seconds if there is none yet."""

    limit: int = 100
    wait: int = 0
