"""API keys in Cassandra, all in one partition. Implements `ports.keys.KeyStore`.

Every write of a key is conditional and may be sent again, so one whose fate is unknown is sent
again until it is known or the time is over. When keys were used is in a table of its own, in which
every write is plain and dated with the use, so that the later use wins.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import uuid4

from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.application.ports.keys import ApiKey, NameTaken, known_scopes
from app.infrastructure.cassandra.errors import RequestFailed
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.retries import backing_off, writing
from app.infrastructure.cassandra.session import Row
from app.infrastructure.cassandra.statements import STATEMENTS
from app.infrastructure.clock import to_milliseconds

STATEMENTS.register(
    keys_read=(
        "SELECT prefix, digest, name, scopes, created_at, revoked_at, expires_at,"
        " sessions_ended_at, revision FROM api_keys WHERE ring = ?"
    ),
    keys_move_revision="UPDATE api_keys SET revision = ? WHERE ring = ? IF revision = ?",
    keys_insert=(
        "INSERT INTO api_keys (ring, prefix, digest, name, scopes, created_at, expires_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS"
    ),
    keys_revoke=(
        "UPDATE api_keys SET revoked_at = ? WHERE ring = ? AND prefix = ?"
        " IF name != null AND revoked_at = null"
    ),
    keys_end_sessions=(
        "UPDATE api_keys SET sessions_ended_at = ? WHERE ring = ? AND prefix = ?"
        " IF name != null AND sessions_ended_at = ?"
    ),
    keys_note_use=(
        "INSERT INTO api_key_uses (ring, prefix, used_at) VALUES (?, ?, ?) USING TIMESTAMP ?"
    ),
    keys_read_uses="SELECT prefix, used_at FROM api_key_uses WHERE ring = ?",
)

RING = "api"


class CassandraKeyStore:
    """`ring` is the partition: whoever names another one has other keys."""

    def __init__(self, requests: Requests, ring: str = RING) -> None:
        self._requests = requests
        self._ring = ring

    def add(self, key: ApiKey, deadline: Deadline) -> None:
        """See `KeyStore`. Reads, decides and writes under the revision that it read, again
        and again until nobody was in between."""
        writing(deadline, lambda: self._try_to_add(key, deadline))

    def read_all(self, deadline: Deadline) -> list[ApiKey]:
        """See `KeyStore`."""
        try:
            rows = backing_off(
                deadline, lambda: self._requests.select_plain(deadline, "keys_read", self._ring)
            )
        except RequestFailed as error:
            raise StoreUnavailable(f"cannot read the keys: {error.cause}") from error
        return sorted(map(_key, rows), key=lambda key: (key.created_at, key.prefix))

    def revoke(self, prefix: str, moment: datetime, deadline: Deadline) -> bool:
        """See `KeyStore`."""
        return writing(deadline, lambda: self._try_to_revoke(prefix, moment, deadline))

    def end_sessions(self, prefix: str, moment: datetime, deadline: Deadline) -> bool:
        """See `KeyStore`. Reads, and writes where nobody was in between, again and again."""
        return writing(deadline, lambda: self._try_to_end_sessions(prefix, moment, deadline))

    def note_uses(self, uses: Mapping[str, datetime], deadline: Deadline) -> None:
        """See `KeyStore`."""
        times = {prefix: to_milliseconds(moment) for prefix, moment in uses.items()}
        writes = (
            self._requests.bind(deadline, "keys_note_use", self._ring, each, at, at * 1000)
            for each, at in times.items()
        )
        try:
            self._requests.execute_all(writes, deadline)
        except RequestFailed as error:
            raise StoreUnavailable(f"cannot note the use of keys: {error.cause}") from error

    def last_uses(self, deadline: Deadline) -> Mapping[str, datetime]:
        """See `KeyStore`."""
        try:
            rows = backing_off(
                deadline,
                lambda: self._requests.select_plain(deadline, "keys_read_uses", self._ring),
            )
        except RequestFailed as error:
            raise StoreUnavailable(f"cannot read the uses of keys: {error.cause}") from error
        return {row["prefix"]: row["used_at"].replace(tzinfo=UTC) for row in rows}

    def _try_to_add(self, key: ApiKey, deadline: Deadline) -> None:
        while True:
            rows = self._requests.select(deadline, "keys_read", self._ring)
            if any(row["prefix"] == key.prefix for row in rows):
                return  # an earlier try was applied: nobody else has this prefix
            if any(row["name"] == key.name and row["revoked_at"] is None for row in rows):
                raise NameTaken(key.name)
            if self._insert(key, rows[0]["revision"] if rows else None, deadline):
                return

    def _insert(self, key: ApiKey, revision: object, deadline: Deadline) -> bool:
        created_at = to_milliseconds(key.created_at)
        expires_at = key.expires_at and to_milliseconds(key.expires_at)
        values = (
            *(self._ring, key.prefix, key.digest, key.name),
            *(set(key.scopes), created_at, expires_at),
        )
        answer = self._requests.write_batch(
            deadline,
            [
                ("keys_move_revision", (uuid4(), self._ring, revision)),
                ("keys_insert", values),
            ],
        )
        return bool(answer["[applied]"])

    def _try_to_revoke(self, prefix: str, moment: datetime, deadline: Deadline) -> bool:
        row = self._requests.write(
            deadline, "keys_revoke", to_milliseconds(moment), self._ring, prefix
        )
        # Refused: there is no such key, or it was revoked before; then the row says when.
        return bool(row["[applied]"]) or row.get("revoked_at") is not None

    def _try_to_end_sessions(self, prefix: str, moment: datetime, deadline: Deadline) -> bool:
        at = to_milliseconds(moment)
        while True:
            rows = self._requests.select(deadline, "keys_read", self._ring)
            row = next((each for each in rows if each["prefix"] == prefix), None)
            if row is None:
                return False
            former = row["sessions_ended_at"]
            if former is not None and to_milliseconds(former.replace(tzinfo=UTC)) >= at:
                return True
            answer = self._requests.write(
                deadline, "keys_end_sessions", at, self._ring, prefix, former
            )
            if answer["[applied]"]:
                return True


def _key(row: Row) -> ApiKey:
    return ApiKey(
        row["prefix"],
        row["digest"],
        row["name"],
        known_scopes(row["scopes"]),
        row["created_at"].replace(tzinfo=UTC),
        row["revoked_at"] and row["revoked_at"].replace(tzinfo=UTC),
        row["expires_at"] and row["expires_at"].replace(tzinfo=UTC),
        row["sessions_ended_at"] and row["sessions_ended_at"].replace(tzinfo=UTC),
    )
