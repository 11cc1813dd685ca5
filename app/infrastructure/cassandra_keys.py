"""API keys in Cassandra, all in one partition. Implements `access.KeyStore`.

Every write is conditional and may be sent again, so one whose fate is unknown is sent again until
it is known or the time is over.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar
from uuid import uuid4

from cassandra.query import BatchStatement

from app.application.access import ApiKey, NameTaken, known_scopes
from app.application.deadline import Deadline
from app.application.ports import OutcomeUnknown, StoreUnavailable
from app.infrastructure.cassandra_errors import RequestFailed
from app.infrastructure.cassandra_retries import backing_off
from app.infrastructure.cassandra_session import CassandraSession, Row
from app.infrastructure.clock import to_milliseconds

STATEMENTS = {
    "keys_read": (
        "SELECT prefix, digest, name, scopes, created_at, revoked_at, revision FROM api_keys"
        " WHERE ring = ?"
    ),
    "keys_move_revision": "UPDATE api_keys SET revision = ? WHERE ring = ? IF revision = ?",
    "keys_insert": (
        "INSERT INTO api_keys (ring, prefix, digest, name, scopes, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?) IF NOT EXISTS"
    ),
    "keys_revoke": (
        "UPDATE api_keys SET revoked_at = ? WHERE ring = ? AND prefix = ?"
        " IF name != null AND revoked_at = null"
    ),
}

RING = "api"
ATTEMPT_SECONDS = 2.0

Answer = TypeVar("Answer")


class CassandraKeyStore:
    """`ring` is the partition: whoever names another one has other keys."""

    def __init__(
        self, session: CassandraSession, serial_consistency: int, ring: str = RING
    ) -> None:
        self._session = session
        self._serial = serial_consistency
        self._ring = ring

    def add(self, key: ApiKey, deadline: Deadline) -> None:
        """See `access.KeyStore`. Reads, decides and writes under the revision that it read, again
        and again until nobody was in between."""
        self._writing(deadline, lambda: self._try_to_add(key, deadline))

    def read_all(self, deadline: Deadline) -> list[ApiKey]:
        """See `access.KeyStore`."""
        try:
            rows = backing_off(deadline, lambda: self._read(deadline))
        except RequestFailed as error:
            raise StoreUnavailable(f"cannot read the keys: {error.cause}") from error
        return sorted(map(_key, rows), key=lambda key: (key.created_at, key.prefix))

    def revoke(self, prefix: str, moment: datetime, deadline: Deadline) -> bool:
        """See `access.KeyStore`."""
        return self._writing(deadline, lambda: self._try_to_revoke(prefix, moment, deadline))

    def _try_to_add(self, key: ApiKey, deadline: Deadline) -> None:
        while True:
            rows = self._read(deadline, serial=True)
            if any(row["prefix"] == key.prefix for row in rows):
                return  # an earlier try was applied: nobody else has this prefix
            if any(row["name"] == key.name and row["revoked_at"] is None for row in rows):
                raise NameTaken(key.name)
            if self._insert(key, rows[0]["revision"] if rows else None, deadline):
                return

    def _insert(self, key: ApiKey, revision: object, deadline: Deadline) -> bool:
        prepared = self._session.prepared
        batch = BatchStatement(serial_consistency_level=self._serial)
        batch.add(prepared("keys_move_revision", deadline), (uuid4(), self._ring, revision))
        created_at = to_milliseconds(key.created_at)
        batch.add(
            prepared("keys_insert", deadline),
            (self._ring, key.prefix, key.digest, key.name, set(key.scopes), created_at),
        )
        return bool(self._session.execute(batch, deadline, ATTEMPT_SECONDS)[0]["[applied]"])

    def _try_to_revoke(self, prefix: str, moment: datetime, deadline: Deadline) -> bool:
        update = self._session.prepared("keys_revoke", deadline).bind(
            (to_milliseconds(moment), self._ring, prefix)
        )
        update.serial_consistency_level = self._serial
        (row,) = self._session.execute(update, deadline, ATTEMPT_SECONDS)
        # Refused: there is no such key, or it was revoked before; then the row says when.
        return bool(row["[applied]"]) or row.get("revoked_at") is not None

    def _read(self, deadline: Deadline, *, serial: bool = False) -> list[Row]:
        select = self._session.prepared("keys_read", deadline).bind((self._ring,))
        if serial:
            select.consistency_level = self._serial
        return self._session.execute(select, deadline, ATTEMPT_SECONDS)

    @staticmethod
    def _writing(deadline: Deadline, write: Callable[[], Answer]) -> Answer:
        uncertain = False

        def attempt() -> Answer:
            nonlocal uncertain
            try:
                return write()
            except RequestFailed as error:
                uncertain = uncertain or error.maybe_applied
                raise

        try:
            return backing_off(deadline, attempt)
        except (RequestFailed, StoreUnavailable) as error:
            outcome = OutcomeUnknown if uncertain else StoreUnavailable
            raise outcome(f"cannot write the keys: {error}") from error


def _key(row: Row) -> ApiKey:
    return ApiKey(
        row["prefix"],
        row["digest"],
        row["name"],
        known_scopes(row["scopes"]),
        row["created_at"].replace(tzinfo=UTC),
        row["revoked_at"] and row["revoked_at"].replace(tzinfo=UTC),
    )
