"""Which intent an event in a stream belongs to: the columns `lane` and `seq` of its row. Used by
whatever asks the streams."""

from app.infrastructure.cassandra.append.intent_log import IntentId
from app.infrastructure.cassandra.session import Row
from app.infrastructure.cassandra.statements import STATEMENTS

STATEMENTS.register(
    read_owner="SELECT version, lane, seq FROM events WHERE aggregate_id = ? AND version = ?",
)


def owner_of(row: Row) -> IntentId | None:
    """The intent; None if the event was appended before there were any."""
    return None if row["lane"] is None else IntentId(row["lane"], row["seq"])
