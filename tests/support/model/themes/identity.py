"""Who a carrier is and what it says of itself: registered, renamed, moved, described. What the
policy asks a second person for waits as a proposal, and the old value holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from tests.support.history.carrier import ACTIVE
from tests.support.model import pools
from tests.support.model.carrier import (
    FORBIDDEN,
    INVALID,
    NO_PROFILE,
    SUBJECT,
    THERE,
    Carrier,
    Choice,
    Json,
    Model,
    Proposal,
    Refused,
    Sent,
    Step,
    after,
    needs,
)

PENDING_MAX: Final = 20
"""So many proposals of a carrier can wait."""


def register(carrier: Carrier, sent: Sent) -> Iterator[Step]:
    """With parts of a profile it is two events of one commit."""
    name, email = sent.body["name"], sent.body["email"]
    needs_free_address(carrier, sent, email)
    by = frozenset({sent.who})
    new = replace(carrier, state=ACTIVE, registered_at=sent.at, registrant=sent.who)
    new = replace(new.having({"name": name, "email": email}), authors=dict.fromkeys(SUBJECT, by))
    sets = ("state", "profile", *SUBJECT)
    step = Step("CarrierRegistered", {"name": name, "email": email}, new, sets)
    yield step
    said = {field: sent.body[field] for field in NO_PROFILE if field in sent.body}
    yield from set_now(after(step), _different(new, said), by)


def change(carrier: Carrier, sent: Sent) -> Iterator[Step]:
    """What differs is changed at once, but for what is guarded, which is proposed."""
    different = _different(carrier, sent.body)
    now = {name: value for name, value in different.items() if name not in sent.guarded}
    waits = {name: value for name, value in different.items() if name in sent.guarded}
    needs(carrier, THERE)
    if "email" in now:
        needs_free_address(carrier, sent, now["email"])
    proposed = waits and waits not in [each.changes for each in carrier.pending.values()]
    if proposed and len(carrier.pending) >= PENDING_MAX:
        raise Refused(INVALID)
    for step in set_now(carrier, now, frozenset({sent.who})):
        carrier = after(step)
        yield step
    if proposed:
        number = len(carrier.proposals) + 1
        proposals = (*carrier.proposals, Proposal(waits, sent.who))
        data = {"proposal_id": number, "changes": waits}
        sets = ("proposals", f"proposal {number}")
        yield Step("CarrierChangeProposed", data, replace(carrier, proposals=proposals), sets)


def set_now(carrier: Carrier, changes: Json, authors: frozenset[str]) -> Iterator[Step]:
    """The events that give these fields these values: a name and an address have their own."""
    there = carrier.having(changes, authors)
    if "name" in changes:
        yield Step("CarrierRenamed", changes, there, ("name", "profile"))
    elif "email" in changes:
        yield Step("CarrierEmailChanged", changes, there, ("email", "profile"))
    elif changes:
        sets = ("profile", *changes)
        yield Step("CarrierProfileUpdated", {"changes": changes}, there, sets)


def confirmed(carrier: Carrier, sent: Sent, proposal: Proposal) -> Iterator[Step]:
    """A proposal happens: by the events of its kind, unless it is the case already. Both who
    proposed and who confirmed it are its authors."""
    changes = _different(carrier, proposal.changes)
    if "email" in changes:
        needs_free_address(carrier, sent, changes["email"])
    yield from set_now(carrier, changes, frozenset({proposal.author, sent.who}))


def _different(carrier: Carrier, wanted: Json) -> dict[str, Any]:
    return {name: value for name, value in wanted.items() if carrier[name] != value}


def needs_free_address(carrier: Carrier, sent: Sent, email: str) -> None:
    """Refuse an address that another carrier has."""
    if sent.owner(email) not in (None, carrier.id, carrier.kept.get(email.lower())):
        raise Refused(FORBIDDEN)


def _registration(choice: Choice) -> dict[str, Any]:
    body = {"name": pools.name(choice.random), "email": pools.email(choice.random)}
    return {**body, **profile(choice)} if choice.random.random() < 0.8 else body


def profile(choice: Choice) -> dict[str, Any]:
    """A body with parts of a profile. Some of the fields; now and then one is taken away."""
    random = choice.random
    empty = random.random() < 0.1
    makers: dict[str, Callable[[], Any]] = {
        "phone": lambda: f"+49 89 12345{random.randrange(100, 400)}",
        "website": lambda: f"https://www.firm{random.randrange(150)}.com/de",
        "aliases": lambda: [pools.word(random).title()],
        "identifiers": lambda: _identifiers(choice),
        "coverage": lambda: _coverage(choice),
        "tracking_url": lambda: f"https://t.com/{pools.word(random)}/{{tracking_number}}",
        "metadata": lambda: {"tier": random.randrange(3), "of": {"deep": [True, None, "é=1"]}},
        "contacts": lambda: _contacts(choice),
        "tags": lambda: random.sample(["Preferred", "reefer", "night"], random.randrange(1, 3)),
        "time_zone": lambda: random.choice(pools.TIME_ZONES),
        "bank_reference": lambda: random.choice(["DE89370400440532013000", "K-17 é", "K-18"]),
    }
    names = random.sample(list(makers), random.randrange(1, 5))
    if random.random() < 0.5 and "coverage" not in names:
        names.append("coverage")
    return {name: NO_PROFILE[name] if empty else makers[name]() for name in names}


def _identifiers(choice: Choice) -> list[dict[str, Any]]:
    scac = "".join(choice.random.choices("abcd", k=4))
    found: list[dict[str, Any]] = [
        {"scheme": "usdot", "value": str(1000 + choice.random.randrange(400))},
        {"scheme": "scac", "value": scac, "valid_from": pools.day(choice, end=0)},
    ]
    return choice.random.sample(found, choice.random.randrange(1, 3))


def _coverage(choice: Choice) -> list[dict[str, Any]]:
    chosen = choice.random.sample(pools.SERVICES[:4], choice.random.randrange(1, 4))
    countries: list[Any] = ["worldwide", ["worldwide"], ["de"], ["FR", "DE"], ["US", "at"], ["JP"]]
    return [{"service": each, "countries": choice.random.choice(countries)} for each in chosen]


def _contacts(choice: Choice) -> list[dict[str, Any]]:
    desk = {"role": "dispatch", "name": "Night desk", "phone": "+49 89 12345678", "email": None}
    claims = {"role": "claims", "name": "Ms Ito", "email": f"{pools.word(choice.random)}@x.com"}
    return choice.random.sample([desk, claims], choice.random.randrange(1, 3))


COMMANDS: Final = {
    "register": Model(register, _registration, ("name", "email"), 8),
    "rename": Model(change, lambda choice: {"name": _name(choice)}, ("name",), 10),
    "change-email": Model(change, lambda choice: {"email": _email(choice)}, ("email",), 12),
    "update-profile": Model(change, profile, (), 20),
}


def _name(choice: Choice) -> str:
    is_same = choice.random.random() < 0.15
    return (is_same and choice.carrier.name) or pools.name(choice.random)


def _email(choice: Choice) -> str:
    is_same = choice.random.random() < 0.1
    return (is_same and choice.carrier.email) or pools.email(choice.random)
