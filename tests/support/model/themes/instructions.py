"""Blocks, preferences and overrides: about some work, on some days, until they are taken back. What
becomes of them is the judge's own words (`tests/support/history`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, NamedTuple

from tests.support.history import instructions
from tests.support.history.instructions import GIVEN, TAKEN_BACK, Instruction
from tests.support.model import pools
from tests.support.model.carrier import (
    ANY,
    INVALID,
    THERE,
    Carrier,
    Choice,
    Decide,
    Model,
    Refused,
    Sent,
    Step,
    needs,
)

SAID: Final = ("rule", "country", "service", "customer", "valid_from", "valid_to", "reason")
RULES: Final = ("service", "country", "recent", "not-blocked", *pools.KINDS)
"""Those that can be overridden."""
NOUNS: Final = ("block", "preference", "override")
EVENTS: Final = {
    "block": "CarrierBlocked",
    "prefer": "CarrierPreferred",
    "override-verdict": "CarrierVerdictOverridden",
    "unblock": "CarrierUnblocked",
    "unprefer": "CarrierUnpreferred",
    "withdraw-override": "CarrierOverrideWithdrawn",
}


class Work(NamedTuple):
    """A piece of work, on a day."""

    country: str
    service: str
    customer: str | None
    on: str


def said(instruction: Instruction) -> dict[str, Any]:
    """What was said of an instruction, by name; only an override has a rule."""
    found = dict(zip(SAID, instruction.said, strict=False))  # a scheduled change has more
    if instruction.noun != "override":
        del found["rule"]
    return found


def numbered(carrier: Carrier, noun: str) -> dict[int, Instruction]:
    """The carrier's instructions of a kind."""
    return dict(enumerate((each for each in carrier.instructions if each.noun == noun), 1))


def holds(instruction: Instruction, on: str) -> bool:
    """Whether it counts on a day."""
    days = said(instruction)
    return instruction.ended is None and days["valid_from"] <= on <= (
        days["valid_to"] or "9999-12-31"
    )


def applying(carrier: Carrier, noun: str, work: Work) -> dict[int, Instruction]:
    """Those that stand, on that day, for work that matches all that each names. Work for nobody in
    particular is not work for a customer."""

    def matches(instruction: Instruction) -> bool:
        about = said(instruction)
        customer = about["customer"]
        return (
            about["country"] in (None, work.country)
            and about["service"] in (None, work.service)
            and (customer is None or (work.customer or "").casefold() == customer.casefold())
        )

    return {
        number: each
        for number, each in numbered(carrier, noun).items()
        if holds(each, work.on) and matches(each)
    }


def shown(carrier: Carrier, on: str) -> dict[str, Any]:
    """`GET /carriers/{id}/blocks`."""
    kinds = {
        f"{noun}s": [
            {
                f"{noun}_id": number,
                **said(each),
                "holds": holds(each, on),
                "taken_back": each.ended,
            }
            for number, each in numbered(carrier, noun).items()
        ]
        for noun in NOUNS
    }
    return {"carrier_id": carrier.id, "version": carrier.version, "on": on, **kinds}


def giving(command: str) -> Decide:
    """The decision of a command that gives one; the same words are not given twice."""
    noun = GIVEN[command]

    def decide(carrier: Carrier, sent: Sent) -> Iterator[Step]:
        body = sent.body
        is_about_work = any(body.get(name) for name in ("service", "country", "customer"))
        if not is_about_work and noun != "override":
            raise Refused(INVALID)
        if (body.get("valid_to") or "9999-12-31") < body["valid_from"]:
            raise Refused(INVALID)
        given = _decided(carrier, command, sent, THERE)
        if given != carrier:
            number = len(numbered(given, noun))
            data = {f"{noun}_id": number, **said(given.instructions[-1])}
            yield Step(EVENTS[command], data, given, (f"{noun}s", f"{noun} {number}"))

    return decide


def taking_back(command: str) -> Decide:
    """The decision of a command that takes one back, in every state, for one reason."""
    noun = TAKEN_BACK[command]

    def decide(carrier: Carrier, sent: Sent) -> Iterator[Step]:
        ended = _decided(carrier, command, sent, ANY)
        if ended != carrier:
            yield Step(EVENTS[command], sent.body, ended, (f"{noun}s",))

    return decide


def _decided(carrier: Carrier, command: str, sent: Sent, states: frozenset[str]) -> Carrier:
    given = instructions.decided(carrier.instructions, command, sent.body)
    if given is None:
        raise Refused(INVALID)
    needs(carrier, states)
    return replace(carrier, instructions=given)


def _instruction(choice: Choice) -> dict[str, Any]:
    return {
        "country": pools.maybe(choice, choice.random.choice(("DE", "fr", "US"))),
        "service": pools.maybe(choice, choice.random.choice(pools.SERVICES[:4])),
        "customer": pools.maybe(choice, choice.random.choice(pools.CUSTOMERS), 0.4),
        "valid_from": pools.day(choice, end=60),
        "valid_to": pools.maybe(choice, pools.day(choice, begin=0)),
        "reason": pools.reason(choice),
    }


def _override(choice: Choice) -> dict[str, Any]:
    """It must have a last day."""
    rule = choice.random.choice(RULES[:6])
    return {**_instruction(choice), "rule": rule, "valid_to": pools.day(choice, begin=50)}


def _end(noun: str, choice: Choice) -> dict[str, Any]:
    number = pools.number(choice, len(numbered(choice.carrier, noun)))
    return {f"{noun}_id": number, "reason": pools.reason(choice)}


def _taking_back(command: str, weight: int) -> Model:
    noun = TAKEN_BACK[command]
    return Model(
        taking_back(command),
        lambda choice: _end(noun, choice),
        (f"{noun}_id", "reason"),
        weight,
        lambda carrier: bool(numbered(carrier, noun)),
    )


_OF_DAYS: Final = ("valid_from", "reason")

COMMANDS: Final = {
    "block": Model(giving("block"), _instruction, _OF_DAYS, 7),
    "prefer": Model(giving("prefer"), _instruction, _OF_DAYS, 4),
    "override-verdict": Model(
        giving("override-verdict"), _override, ("rule", "valid_to", *_OF_DAYS), 9
    ),
    "unblock": _taking_back("unblock", 5),
    "unprefer": _taking_back("unprefer", 3),
    "withdraw-override": _taking_back("withdraw-override", 4),
}
