"""When all is quiet the directory and the statistics say what the carriers' own events say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.support.history.carrier import STATES, folded, read
from tests.support.history.records import History


def check_views(history: History) -> Iterator[str]:
    """One sentence for each row or count that is another one, and for each that is missing."""
    expected = {carrier: folded(events) for carrier, events in history.streams.items()}
    for listed in history.listed:
        if not listed.is_final:
            continue
        rows = {row["carrier_id"]: read(row) for row in listed.rows}
        if len(rows) < len(listed.rows):
            yield "the directory lists a carrier twice"
        for carrier in rows.keys() | expected.keys():
            known = expected[carrier].shown if carrier in expected else None
            if rows.get(carrier) != known:
                yield f"{carrier} is {known}; the directory has {rows.get(carrier)}"
    states = dict.fromkeys((*STATES, "merged"), 0) | Counter(
        carrier.state for carrier in expected.values()
    )
    for counted in history.counted:
        if (counted.total, dict(counted.states)) != (len(expected), states):
            yield f"there are {states}; the statistics have {counted.total}, {counted.states}"
