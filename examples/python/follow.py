#!/usr/bin/env python3
"""Follow the feed into a database of your own: every event exactly once, in order.

The position is kept in the same transaction as what was made of the events before it. Whenever this
program is killed, both are there or neither is, so it goes on where its database stands.

An API key is taken from CARRIERS_API_KEY. Exit codes: 0 --once and caught up, 1 refused, 3 the feed
is another one than the database was made from.
"""

import argparse
import http.client
import json
import os
import sqlite3
import sys
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode

LATER = {429, 502, 503, 504}
ANOTHER_FEED = 410
LIMIT = 500

TABLES = """
CREATE TABLE IF NOT EXISTS follower
    (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), feed TEXT, position INTEGER NOT NULL);
INSERT OR IGNORE INTO follower VALUES (1, NULL, 0);
CREATE TABLE IF NOT EXISTS events
    (position INTEGER PRIMARY KEY, id TEXT UNIQUE, type TEXT, carrier_id TEXT, data TEXT);
CREATE TABLE IF NOT EXISTS happened (type TEXT PRIMARY KEY, times INTEGER NOT NULL);
"""


class Later(Exception):
    """No page just now; ask again after so many seconds."""


def page(url: str, feed: str | None, after: int, wait: int) -> dict[str, Any]:
    """The events behind the position. Raises Later; ends the program if asking is of no use."""
    query = {"after": after, "limit": LIMIT, "wait": wait} | ({"feed": feed} if feed else {})
    request = urllib.request.Request(f"{url}/events?{urlencode(query)}")
    if api_key := os.environ.get("CARRIERS_API_KEY"):
        request.add_header("Authorization", f"Bearer {api_key}")
    try:
        with urllib.request.urlopen(request, timeout=wait + 40) as answer:
            found: dict[str, Any] = json.load(answer)["data"]
            return found
    except urllib.error.HTTPError as refusal:
        with refusal:
            content = refusal.read().decode()
        if refusal.code in LATER:
            after_seconds = refusal.headers.get("Retry-After", "")
            raise Later(float(after_seconds) if after_seconds.isdigit() else 1.0) from None
        print(f"{refusal.code}: {content}", file=sys.stderr)
        sys.exit(3 if refusal.code == ANOTHER_FEED else 1)
    except (OSError, http.client.HTTPException, ValueError):  # no answer, or not all of it
        raise Later(1.0) from None


def take(database: sqlite3.Connection, found: dict[str, Any], feed: str | None, after: int) -> None:
    """Put what follows from the page, and the position behind it, into one transaction."""
    with database:
        moved = database.execute(
            "UPDATE follower SET position = ?, feed = ? WHERE position = ? AND feed IS ?",
            (found["next"], found.get("feed", feed), after, feed),
        )
        if moved.rowcount == 0:
            return  # another process follows into the same database and was quicker
        for event in found["events"]:
            row = (int(event["position"]), event["id"], event["type"], event["subject"])
            database.execute(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?)", (*row, json.dumps(event["data"]))
            )
            # Not to be done twice: this is where your own effect goes.
            database.execute(
                "INSERT INTO happened VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1",
                (event["type"],),
            )


def follow(url: str, database: sqlite3.Connection, once: bool) -> None:
    """Until nothing is left, or for ever."""
    while True:
        feed, after = database.execute("SELECT feed, position FROM follower").fetchone()
        try:
            found = page(url, feed, after, wait=0 if once else 20)
        except Later as pause:
            time.sleep(pause.args[0])
            continue
        if feed and found.get("feed", feed) != feed:
            sys.exit(f"the feed is {found['feed']} and this database was made from {feed}")
        take(database, found, feed, after)
        if once and len(found["events"]) < LIMIT:
            return


def main() -> None:
    """Read the command line and follow."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--into", default="carriers.sqlite3", help="your database (SQLite)")
    parser.add_argument("--once", action="store_true", help="end when what there is has been taken")
    given = parser.parse_args()
    database = sqlite3.connect(given.into, timeout=30)
    database.executescript(TABLES)
    follow(given.url, database, given.once)


if __name__ == "__main__":
    main()
