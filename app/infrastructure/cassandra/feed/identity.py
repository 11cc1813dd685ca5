"""The id of the feed on Cassandra: one row, written conditionally and read SERIAL.

Each request is sent again until the time is over: to make the row when it is there, or to replace
an id that the row no longer has, changes nothing.
"""

from uuid import UUID, uuid4

from app.application.deadline import Deadline
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.retries import retrying
from app.infrastructure.cassandra.statements import STATEMENTS

STATEMENTS.register(
    read_feed_identity="SELECT id FROM feed_identity WHERE registry = ?",
    make_feed_identity="INSERT INTO feed_identity (registry, id) VALUES (?, ?) IF NOT EXISTS",
    renew_feed_identity="UPDATE feed_identity SET id = ? WHERE registry = ? IF id = ?",
)

_REGISTRY = "carriers"


class CassandraFeedIdentity:
    """The one row of the table `feed_identity`."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def read(self, deadline: Deadline) -> str:
        """The id; a keyspace without one gets it here. Raises StoreUnavailable."""
        return retrying(deadline, lambda: str(self._read_or_make(deadline)))

    def renew(self, deadline: Deadline) -> str:
        """Replace the id that is there now, and return the new one. Raises StoreUnavailable if
        nothing was written, else OutcomeUnknown."""
        former, new = UUID(self.read(deadline)), uuid4()
        try:
            return retrying(deadline, lambda: self._replaced(former, new, deadline))
        except StoreUnavailable as error:
            raise OutcomeUnknown(str(error)) from error

    def _replaced(self, former: UUID, new: UUID, deadline: Deadline) -> str:
        answer = self._requests.write(deadline, "renew_feed_identity", new, _REGISTRY, former)
        # Refused: an earlier try was applied, or another process renewed the id at the same time.
        return str(new if answer["[applied]"] else answer["id"])

    def _read_or_make(self, deadline: Deadline) -> UUID:
        while True:
            rows = self._requests.select(deadline, "read_feed_identity", _REGISTRY)
            if rows and rows[0]["id"] is not None:
                found: UUID = rows[0]["id"]
                return found
            self._requests.write(deadline, "make_feed_identity", _REGISTRY, uuid4())
