"""Asks the streams about appends that are in doubt, as drawn in `outcome`. Used by the
sequencer."""

import logging
import time
from dataclasses import replace

from app.application.deadline import Deadline
from app.infrastructure.cassandra.append.claims import CassandraClaims
from app.infrastructure.cassandra.append.intent_log import IntentId
from app.infrastructure.cassandra.feed.outcome import Intent, Outcome, outcome_by_stream
from app.infrastructure.cassandra.feed.owners import owner_of
from app.infrastructure.cassandra.requests import Requests

log = logging.getLogger(__name__)


class OutcomeResolver:
    """Raises what `Requests` raises. An append that has not come after `grace_seconds` is fenced
    off."""

    def __init__(self, requests: Requests, grace_seconds: float) -> None:
        self._requests = requests
        self._claims = CassandraClaims(requests)
        self._grace_seconds = grace_seconds

    def resolve(self, intents: dict[IntentId, Intent], deadline: Deadline) -> None:
        """Ask about every intent that is due; what is found out is put into `intents` at once, so
        that a request that fails takes back nothing."""
        for intent in list(intents.values()):
            if intent.is_due(time.monotonic()):
                asked = replace(intent, asked_at=time.monotonic())
                intents[intent.id] = asked
                intents[intent.id] = replace(asked, outcome=self._outcome(asked, deadline))

    def _outcome(self, intent: Intent, deadline: Deadline) -> Outcome:
        owner = self._owner(intent, deadline)
        outcome = outcome_by_stream(intent.id, owner, is_fenced=False)
        if outcome is not Outcome.IN_DOUBT or not intent.is_overdue(self._grace_seconds):
            return outcome
        if not self._claims.fence_off(intent.stream, deadline):
            return outcome
        owner = self._owner(intent, deadline)
        outcome = outcome_by_stream(intent.id, owner, is_fenced=True)
        if outcome is Outcome.NOT_APPENDED:
            log.info("an append that was prepared never came; it is fenced off")
        return outcome

    def _owner(self, intent: Intent, deadline: Deadline) -> IntentId | None:
        """The intent that the event at the first version belongs to; None if there is no such
        event, or if it has no intent."""
        rows = self._requests.select(deadline, "read_owner", intent.stream, intent.first)
        return owner_of(rows[0]) if rows else None
