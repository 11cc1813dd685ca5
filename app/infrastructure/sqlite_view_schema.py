"""The file of views: its tables, and how it is opened. For `sqlite_views.py`.

Places and words are found by range reads, so that a page costs the same whatever the number of
carriers.
"""

import sqlite3
from pathlib import Path

from app.application.deadline import Deadline
from app.application.views import SORTS
from app.infrastructure.sqlite_connections import use_log

# The number of a view and its generation are never given again, not even after it was dropped:
# a projector that slept meanwhile must not take another view for its own.
#
# `word_index` keeps, for each word, the rows that have it. Rows keep their words as they are in
# there, because what is taken out of it has to be named. `word_list` shows it word by word: a
# prefix is a range of it that can be left after any number of rows, where MATCH would put
# together all rows of all words first.
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS views (
    view       INTEGER PRIMARY KEY,
    projection TEXT NOT NULL,
    generation INTEGER NOT NULL,
    checkpoint INTEGER NOT NULL DEFAULT 0,
    revision   INTEGER NOT NULL DEFAULT 0,
    dropped    INTEGER NOT NULL DEFAULT 0,
    UNIQUE (projection, generation)
);
CREATE TABLE IF NOT EXISTS generations (
    projection TEXT PRIMARY KEY,
    live       INTEGER NOT NULL,
    building   INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rows (
    row        INTEGER PRIMARY KEY,
    view       INTEGER NOT NULL,
    carrier_id TEXT NOT NULL,
    version    INTEGER NOT NULL,
    {", ".join(f"{sort} TEXT NOT NULL" for sort in SORTS)},
    words      TEXT NOT NULL,
    body       TEXT NOT NULL,
    UNIQUE (view, carrier_id)
);
CREATE TABLE IF NOT EXISTS places (
    view       INTEGER NOT NULL,
    sort       INTEGER NOT NULL,
    term       TEXT NOT NULL,
    key        TEXT NOT NULL,
    carrier_id TEXT NOT NULL,
    PRIMARY KEY (view, sort, term, key, carrier_id)
) WITHOUT ROWID;
CREATE VIRTUAL TABLE IF NOT EXISTS word_index USING fts5 (
    words, content = rows, content_rowid = row, detail = none, columnsize = 0, tokenize = ascii
);
CREATE VIRTUAL TABLE IF NOT EXISTS word_list USING fts5vocab (word_index, instance);
CREATE TABLE IF NOT EXISTS counts (
    view  INTEGER NOT NULL,
    name  TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (view, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parked (
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
CREATE TABLE IF NOT EXISTS discarded (
    view    INTEGER NOT NULL,
    stream  TEXT NOT NULL,
    version INTEGER NOT NULL,
    reason  TEXT NOT NULL,
    PRIMARY KEY (view, stream, version)
) WITHOUT ROWID;
"""
_HAS_SCHEMA = "SELECT 1 FROM sqlite_master WHERE name = 'discarded'"
_OPEN_SECONDS = 5.0
_LOG_PAGES = 8 * 1024
_LOG_LIMIT_BYTES = 64 * 1024 * 1024
# A batch of a rebuild touches pages all over the indexes; 2 MB, SQLite's own, hold too few.
_WRITER_CACHE_KIB = 32 * 1024


def make_file(path: Path) -> None:
    """Make the file, its folder and the tables, where missing. Raises sqlite3.Error or OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, _OPEN_SECONDS, isolation_level=None)
    try:
        use_log(connection, Deadline.after(_OPEN_SECONDS))
        if connection.execute(_HAS_SCHEMA).fetchone() is None:
            connection.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}COMMIT;")
    finally:
        connection.close()


def open_reader(path: Path) -> sqlite3.Connection:
    """Open the file."""
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


def open_writer(path: Path) -> sqlite3.Connection:
    """Open the file. What a power cut takes of it is made again from the feed, so a commit does
    not wait for the disk; its checkpoint goes with it."""
    connection = open_reader(path)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {_LOG_LIMIT_BYTES}")
    return connection
