"""Rows of events as the application knows them. Used by whatever reads the tables `events` and
`feed`."""

from datetime import UTC, datetime
from uuid import UUID, uuid5

from app.application.ports.event_store import EventData, RecordedEvent
from app.infrastructure.cassandra.session import Row

_NO_METADATA = "{}"
_NO_MOMENT = datetime(1970, 1, 1)  # noqa: DTZ001 - as the driver gives moments


def recorded(stream: str, row: Row) -> RecordedEvent:
    """The event of a row. Rows of the original registry have neither id nor metadata; their id
    follows from their place, so that it is the same at every reading. What else a row lacks was
    damaged: it reads as an empty text, as damaged texts do, and stops neither feed nor carrier."""
    return RecordedEvent(
        stream,
        row["version"],
        EventData(
            event_id=row["event_id"] or _legacy_id(stream, row["version"]),
            event_type=row["event_type"] or "",
            payload=row["payload"] or "",
            metadata=row["metadata"] or _NO_METADATA,
            created_at=moment_of(row["created_at"]),
        ),
    )


def moment_of(written: datetime | None) -> datetime:
    """The moment in UTC; of a row that lacks one, the first that there is."""
    return (written or _NO_MOMENT).replace(tzinfo=UTC)


def _legacy_id(stream: str, version: int) -> UUID:
    return uuid5(UUID(int=0), f"{stream}/{version}")
