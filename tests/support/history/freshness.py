"""No answer is older than what was acknowledged before it was asked for: a carrier, its history,
and the directory for whoever sends the token of a write."""

from __future__ import annotations

from collections.abc import Iterator

from tests.support.history.records import History
from tests.support.history.versions import known_versions


def check_freshness(history: History) -> Iterator[str]:
    """One sentence for each answer that is too old."""
    known = known_versions(history)

    def at_least(carrier: str, begin: float) -> int:
        return max((version for end, version in known.get(carrier, ()) if end < begin), default=0)

    for look in history.shown:
        version = look.fields["version"] if look.fields else 0
        if version < (least := at_least(look.carrier, look.begin)):
            yield f"{look.carrier} was shown at {version} after {least} was acknowledged"
    for told in history.told:
        if len(told.events) < (least := at_least(told.carrier, told.begin)):
            yield f"the history of {told.carrier} ended before {least}, which was acknowledged"
    for listed in history.listed:
        if listed.carrier:
            rows = {row["carrier_id"]: row["version"] for row in listed.rows}
            if rows.get(listed.carrier, 0) < listed.version:
                found = rows.get(listed.carrier)
                yield f"a token of {listed.carrier} at {listed.version} was answered with {found}"
