"""Faults in the embedded store."""

from __future__ import annotations

from tests.support.sabotages.sabotage import OVER_SQLITE, Sabotage

_SCHEMA = "app/infrastructure/sqlite/schema.py"

IN_SQLITE = (
    Sabotage(
        "a group is acknowledged before it is committed",
        "app/infrastructure/sqlite/append.py",
        (
            (
                "            rows = [row for ticket in tickets for row in ticket.work.rows()]\n",
                "            for ticket in tickets:\n"
                "                ticket.settle(ticket.work.done)\n"
                "            rows = [row for ticket in tickets for row in ticket.work.rows()]\n",
            ),
        ),
        (OVER_SQLITE,),
    ),
    Sabotage(
        "a refused commit is taken for one of its own",
        "app/infrastructure/sqlite/append.py",
        (
            (
                "if row is None or row[0] != str(work.events[0].event_id):",
                "if row is None:",
            ),
        ),
        (OVER_SQLITE,),
    ),
    Sabotage(
        "an address may be claimed though another carrier has it",
        _SCHEMA,
        (("AND owner <> new.aggregate_id;\n", "AND owner = 'nobody';\n"),),
        (OVER_SQLITE,),
    ),
    Sabotage(
        "a freed address stays claimed",
        _SCHEMA,
        (("AND owner = new.aggregate_id\n", "AND owner = 'nobody'\n"),),
        (OVER_SQLITE,),
    ),
    Sabotage(
        "the feed is read one position too far on",
        "app/infrastructure/sqlite/feed.py",
        (
            (
                "values = (min(after, _LAST_POSITION), max(limit, 0))",
                "values = (min(after + (after % 50 == 49), _LAST_POSITION), max(limit, 0))",
            ),
        ),
        (OVER_SQLITE,),
    ),
    Sabotage(
        "the checkpoint of a view is moved, and not every row is written",
        "app/infrastructure/sqlite/views/store.py",
        (
            (
                "write_rows(connection, number, changes.rows)",
                "write_rows(connection, number, changes.rows[:3])",
            ),
        ),
        (OVER_SQLITE,),
    ),
)
