"""The system's clock. Implements `ports.clock.Clock`."""

from datetime import UTC, datetime


def system_clock() -> datetime:
    """Now, in UTC, cut to the millisecond: Cassandra's timestamp keeps no more."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def to_milliseconds(moment: datetime) -> int:
    """Milliseconds since the epoch; exact, where `timestamp() * 1000` could be one off."""
    return round(moment.timestamp() * 1000)


def from_milliseconds(milliseconds: int) -> datetime:
    """The moment in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
