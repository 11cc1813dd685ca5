"""The file of views: its tables, and how it is opened. For `store.py` and `file.py`.

Places and words are found by range reads, so that a page costs the same whatever the number of
carriers.
"""

import sqlite3
from pathlib import Path
from typing import NamedTuple

from app.application.deadline import Deadline
from app.application.ports.views import WHOLE_SORTS
from app.infrastructure.sqlite.connections import use_log
from app.infrastructure.sqlite.files import connect


class Origin(NamedTuple):
    """What the views of a file are made of: the registry of this id.

    `first` is the number of the first generation of each projection.
    """

    registry: str
    first: int


# `event_id` is that of the event at the checkpoint. An older copy of the registry's events that has
# gone on by itself has another event there.
#
# The number of a view and its generation are never given again, not even after it was dropped:
# a projector that slept meanwhile must not take another view for its own.
#
# `word_index` keeps, for each word, the rows that have it. Rows keep their words as they are in
# there, because what is taken out of it has to be named. `word_list` shows it word by word: a
# prefix is a range of it that can be left after any number of rows, where MATCH would put
# together all rows of all words first.
_SCHEMA = f"""
CREATE TABLE origin (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    registry TEXT NOT NULL,
    first    INTEGER NOT NULL
);
CREATE TABLE views (
    view       INTEGER PRIMARY KEY,
    projection TEXT NOT NULL,
    generation INTEGER NOT NULL,
    checkpoint INTEGER NOT NULL DEFAULT 0,
    event_id   TEXT NOT NULL DEFAULT '',
    revision   INTEGER NOT NULL DEFAULT 0,
    dropped    INTEGER NOT NULL DEFAULT 0,
    UNIQUE (projection, generation)
);
CREATE TABLE generations (
    projection TEXT PRIMARY KEY,
    live       INTEGER NOT NULL,
    building   INTEGER
) WITHOUT ROWID;
CREATE TABLE rows (
    row        INTEGER PRIMARY KEY,
    view       INTEGER NOT NULL,
    carrier_id TEXT NOT NULL,
    version    INTEGER NOT NULL,
    {", ".join(f"{sort} TEXT NOT NULL" for sort in WHOLE_SORTS)},
    words      TEXT NOT NULL,
    body       TEXT NOT NULL,
    UNIQUE (view, carrier_id)
);
CREATE TABLE places (
    view       INTEGER NOT NULL,
    sort       INTEGER NOT NULL,
    term       TEXT NOT NULL,
    key        TEXT NOT NULL,
    carrier_id TEXT NOT NULL,
    PRIMARY KEY (view, sort, term, key, carrier_id)
) WITHOUT ROWID;
CREATE VIRTUAL TABLE word_index USING fts5 (
    words, content = rows, content_rowid = row, detail = none, columnsize = 0, tokenize = ascii
);
CREATE VIRTUAL TABLE word_list USING fts5vocab (word_index, instance);
CREATE TABLE counts (
    view  INTEGER NOT NULL,
    name  TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (view, name)
) WITHOUT ROWID;
CREATE TABLE parked (
    view         INTEGER NOT NULL,
    stream       TEXT NOT NULL,
    version      INTEGER NOT NULL,
    position     INTEGER NOT NULL,
    reason       TEXT NOT NULL,
    upto         INTEGER NOT NULL,
    retry        INTEGER NOT NULL,
    discard      TEXT,
    PRIMARY KEY (view, stream)
) WITHOUT ROWID;
CREATE TABLE discarded (
    view    INTEGER NOT NULL,
    stream  TEXT NOT NULL,
    version INTEGER NOT NULL,
    reason  TEXT NOT NULL,
    PRIMARY KEY (view, stream, version)
) WITHOUT ROWID;
"""
_MAKE_ORIGIN = "INSERT INTO origin (one, registry, first) VALUES (1, ?, ?)"
_OPEN_SECONDS = 5.0
_LOG_PAGES = 8 * 1024
_LOG_LIMIT_BYTES = 64 * 1024 * 1024
# A batch of a rebuild touches pages all over the indexes; 2 MB, SQLite's own, hold too few.
_WRITER_CACHE_KIB = 32 * 1024


def make_tables(connection: sqlite3.Connection, origin: Origin) -> None:
    """In a file that is empty. Raises sqlite3.Error."""
    use_log(connection, Deadline.after(_OPEN_SECONDS))
    connection.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}")
    connection.execute(_MAKE_ORIGIN, origin)
    connection.execute("COMMIT")


def open_writer(path: Path) -> sqlite3.Connection:
    """Open the file. What a power cut takes of it is made again from the feed, so a commit does
    not wait for the disk; its checkpoint goes with it."""
    connection = connect(path)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {_LOG_LIMIT_BYTES}")
    return connection
