"""The file of events: its tables, and the rules of an append as a trigger of whoever writes."""

import sqlite3

# `position` is the rowid. Rows are never deleted and only one transaction writes at a time, so
# it is dense and in the order of commits.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    position     INTEGER PRIMARY KEY,
    aggregate_id TEXT NOT NULL,
    version      INTEGER NOT NULL,
    event_type   TEXT NOT NULL,
    payload      TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    event_id     TEXT NOT NULL,
    metadata     TEXT NOT NULL,
    UNIQUE (aggregate_id, version)
);
CREATE TABLE IF NOT EXISTS claims (
    scope TEXT NOT NULL,
    value TEXT NOT NULL,
    owner TEXT NOT NULL,
    PRIMARY KEY (scope, value)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notes (
    aggregate_id TEXT NOT NULL,
    commit_id    TEXT NOT NULL,
    version      INTEGER NOT NULL,
    text         TEXT NOT NULL,
    PRIMARY KEY (aggregate_id, commit_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS registry (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id  TEXT NOT NULL
);
"""
# Made once and kept in every copy: a file of views knows by it whose views these are.
_HAS_ID = "SELECT 1 FROM registry"
_MAKE_ID = "INSERT OR IGNORE INTO registry (one, id) VALUES (1, lower(hex(randomblob(16))))"

# The rules of an append as a trigger of the writing connection, so that a whole group of commits
# is one statement. Python gives up its lock around each statement and, with other threads busy,
# waits to get it back: between BEGIN and COMMIT that would keep the file locked meanwhile.
# One row an event; the first of a commit carries its claims. Most carry none, or free none: to ask
# for that first spares the reading of an empty list.
_COMMITS = """
CREATE TEMP VIEW commits AS
    SELECT aggregate_id, version, event_type, payload, created_at, event_id, metadata,
        '[]' AS taken, '[]' AS freed
    FROM events;
CREATE TEMP TRIGGER append INSTEAD OF INSERT ON commits BEGIN
    SELECT RAISE(ABORT, 'version conflict')
    WHERE new.version
        <> 1 + (SELECT coalesce(max(version), 0) FROM events WHERE aggregate_id = new.aggregate_id);
    DELETE FROM claims
    WHERE new.freed <> '[]' AND owner = new.aggregate_id
        AND (scope, value) IN (SELECT value ->> 0, value ->> 1 FROM json_each(new.freed));
    SELECT RAISE(ABORT, 'already claimed')
    FROM json_each(new.taken) AS wanted
    JOIN claims ON scope = wanted.value ->> 0 AND claims.value = wanted.value ->> 1
    WHERE new.taken <> '[]' AND owner <> new.aggregate_id;
    INSERT OR IGNORE INTO claims (scope, value, owner)
    SELECT value ->> 0, value ->> 1, new.aggregate_id FROM json_each(new.taken)
    WHERE new.taken <> '[]';
    INSERT INTO events
        (aggregate_id, version, event_type, payload, created_at, event_id, metadata)
    VALUES
        (new.aggregate_id, new.version, new.event_type, new.payload, new.created_at, new.event_id,
        new.metadata);
END;
"""


def make_tables(writer: sqlite3.Connection) -> None:
    """Make what is missing in the file, and give the connection the view `commits`: a row of an
    event that is inserted into it is appended under the rules. Raises sqlite3.Error."""
    writer.executescript(_SCHEMA)
    if writer.execute(_HAS_ID).fetchone() is None:
        writer.execute(_MAKE_ID)
    writer.executescript(_COMMITS)
