"""What is to be from a day on. It counts on that day without anybody's doing; the first command
from then on that changes anything records that it took effect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from tests.support.model import pools
from tests.support.model.carrier import (
    ANY,
    INVALID,
    THERE,
    Carrier,
    Choice,
    Model,
    Refused,
    Scheduled,
    Sent,
    Step,
    needs,
)
from tests.support.model.themes.identity import needs_free_address, profile

OPEN_MAX: Final = 20
"""So many changes of a carrier can be to come."""


def schedule(carrier: Carrier, sent: Sent) -> Iterator[Step]:
    """In full, also what is the case already; nothing that waits for a second person. An address is
    taken at once."""
    changes = {
        name: sent.body[name] for name in sent.body if name not in ("effective_on", "reason")
    }
    day = sent.body["effective_on"]
    is_over = day < carrier.today(sent.at)
    if not changes or is_over or sent.guarded & changes.keys():
        raise Refused(INVALID)
    needs(carrier, THERE)
    said = (day, changes, sent.reason)
    if said in [(each.effective_on, each.changes, each.reason) for each in carrier.open.values()]:
        return
    if len(carrier.open) >= OPEN_MAX:
        raise Refused(INVALID)
    if "email" in changes:
        needs_free_address(carrier, sent, changes["email"])
    new = Scheduled(day, changes, sent.reason, sent.who, carrier.version + 1)
    data = {"change_id": len(carrier.scheduled) + 1, **new.said}
    scheduled = (*carrier.scheduled, new)
    yield Step("CarrierChangeScheduled", data, replace(carrier, scheduled=scheduled))


def cancel(carrier: Carrier, sent: Sent) -> Iterator[Step]:
    """Before its day, once."""
    number = sent.body["change_id"]
    if number > len(carrier.scheduled):
        raise Refused(INVALID)
    change = carrier.scheduled[number - 1]
    if change.ended not in (None, sent.reason):
        raise Refused(INVALID)
    needs(carrier, ANY)
    if change.ended is None:
        cancelled = carrier.with_change(number, replace(change, ended=sent.reason))
        yield Step("CarrierScheduledChangeCancelled", sent.body, cancelled)


def _change(choice: Choice) -> dict[str, Any]:
    """Soon, mostly, so that it takes effect in the walk."""
    end = 6 if choice.random.random() < 0.7 else 60
    changes = profile(choice)
    if choice.random.random() < 0.3:
        changes["name"] = pools.name(choice.random)
    if choice.random.random() < 0.3:
        changes["email"] = pools.email(choice.random)
    days = {"effective_on": pools.days_away(choice, choice.random.randrange(-1, end))}
    return {**changes, **days, "reason": pools.reason(choice)}


def _which(choice: Choice) -> dict[str, Any]:
    number = pools.number(choice, len(choice.carrier.scheduled))
    return {"change_id": number, "reason": pools.reason(choice)}


COMMANDS: Final = {
    "schedule-change": Model(schedule, _change, ("effective_on", "reason"), 14),
    "cancel-scheduled-change": Model(
        cancel, _which, ("change_id", "reason"), 5, lambda carrier: bool(carrier.scheduled)
    ),
}
