"""Active, suspended, retired. What is the case already, for the same reason, changes nothing; for
another one it is refused, as the first reason would be lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from tests.support.history.carrier import ACTIVE, RETIRED, SUSPENDED
from tests.support.model import pools
from tests.support.model.carrier import THERE, Carrier, Choice, Json, Model, Sent, Step, needs


def suspend(carrier: Carrier, sent: Sent) -> Iterator[Step]:
    """Until it is reinstated."""
    category = sent.body.get("category", "other")
    data = {"reason": sent.reason, "category": category}
    suspended = replace(carrier, state=SUSPENDED, **data)
    yield from _led(carrier, suspended, frozenset({ACTIVE}), "CarrierSuspended", data)


def reinstate(carrier: Carrier, sent: Sent) -> Iterator[Step]:
    """One that is active already, for whatever reason, stays so."""
    active = replace(carrier, state=ACTIVE, reason=None, category=None)
    data = {"reason": sent.body.get("reason")}
    yield from _led(carrier, active, frozenset({SUSPENDED}), "CarrierReinstated", data)


def retire(carrier: Carrier, sent: Sent) -> Iterator[Step]:
    """For good; its address is free again."""
    retired = replace(carrier, state=RETIRED, reason=sent.reason, category=None)
    yield from _led(carrier, retired, THERE, "CarrierRetired", {"reason": sent.reason})


def _led(
    carrier: Carrier, there: Carrier, states: frozenset[str], kind: str, data: Json
) -> Iterator[Step]:
    if carrier != there:
        needs(carrier, states)
        yield Step(kind, data, there, ("state",))


def _suspension(choice: Choice) -> dict[str, Any]:
    body = {"reason": pools.reason(choice)}
    return {**body, "category": "fraud"} if choice.random.random() < 0.3 else body


COMMANDS: Final = {
    "suspend": Model(suspend, _suspension, ("reason",), 7),
    "reinstate": Model(
        reinstate, lambda choice: choice.random.choice([{}, {"reason": "Fine again"}]), (), 7
    ),
    "retire": Model(retire, lambda choice: {"reason": pools.reason(choice)}, ("reason",), 3),
}
