"""Finds out of the event right before each append, in its stream, which intent it belongs to. Used
by the sequencer; `ordering` says what that is for.

Events from before there was a feed belong to no intent: they come with the intent after them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.application.deadline import Deadline
from app.infrastructure.cassandra.append.intent_log import IntentId
from app.infrastructure.cassandra.feed.draft import FeedRow
from app.infrastructure.cassandra.feed.ordering import EventKey, wanted_owners
from app.infrastructure.cassandra.feed.outcome import Intent, Outcome
from app.infrastructure.cassandra.feed.owners import owner_of
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.rows import recorded
from app.infrastructure.cassandra.session import Row
from app.infrastructure.cassandra.statements import STATEMENTS

STATEMENTS.register(
    read_before=(
        "SELECT version, event_type, payload, created_at, event_id, metadata, lane, seq"
        " FROM events WHERE aggregate_id = ? AND version < ?"
    ),
)


@dataclass(frozen=True, slots=True)
class Predecessors:
    """`owners` has the intent of each event that was asked about and has one; `are_any`: whether
    any of the events was there."""

    owners: Mapping[EventKey, IntentId]
    are_any: bool


class PredecessorReader:
    """Raises what `Requests` raises."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def read(
        self, intents: dict[IntentId, Intent], versions: Mapping[str, int], deadline: Deadline
    ) -> Predecessors:
        """Ask about the event before each append, unless it is among the intents or, by `versions`,
        in the feed. In `intents` an append gets the events before it that belong to no intent."""
        keys = list(wanted_owners(intents, versions))
        answers = self._requests.execute_all(
            (self._requests.bind(deadline, "read_owner", *key) for key in keys), deadline
        )
        found = {key: owner_of(rows[0]) for key, rows in zip(keys, answers, strict=True) if rows}
        owners = {key: owner for key, owner in found.items() if owner is not None}
        for intent in list(intents.values()):
            if intent.outcome is Outcome.APPENDED:
                key = (intent.stream, intent.first - 1)
                if key in found and key not in owners:
                    self._bring_along(intent, intents, owners, deadline)
        return Predecessors(owners, bool(found))

    def _bring_along(
        self,
        intent: Intent,
        intents: dict[IntentId, Intent],
        owners: dict[EventKey, IntentId],
        deadline: Deadline,
    ) -> None:
        rows = self._requests.select_plain(deadline, "read_before", intent.stream, intent.first)
        past: list[FeedRow] = []
        owner: IntentId | None = None
        while rows and (owner := owner_of(rows[-1])) is None:
            past.append(_feed_row(intent.stream, rows.pop()))
        extended = replace(intent, events=[*reversed(past), *intent.events])
        intents[intent.id] = extended
        if owner is not None:
            owners[extended.stream, extended.first - 1] = owner


def _feed_row(stream: str, row: Row) -> FeedRow:
    event = recorded(stream, row)
    data = event.data
    return FeedRow(
        event.stream,
        event.version,
        data.event_id,
        data.event_type,
        data.payload,
        data.metadata,
        data.created_at,
    )
