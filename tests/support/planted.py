"""Beside the way of the data: made-up carriers, among them duplicates of others that somebody who
registers a carrier twice could make."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.application.ports.views import Row
from app.application.projections.carriers import row_of
from app.application.projections.replay import Folded
from app.domain.profile import Profile
from app.domain.state import CarrierState

_ONSETS = ("b", "br", "d", "f", "gr", "h", "k", "kl", "l", "m", "n", "p", "r", "s", "st", "t", "v")
_VOWELS = ("a", "e", "i", "o", "u", "ä", "é", "ü")
_ENDS = ("", "l", "m", "n", "r", "s", "tz")
_TRADES = (
    "Transport",
    "Logistics",
    "Spedition",
    "Kurier",
    "Freight",
    "Cargo",
    "Express",
    "Trucking",
)
_TOWNS = ("", "", "", "Berlin", "Wien", "Praha", "Milano", "Lyon", "Gdańsk")
_FORMS = ("GmbH", "Ltd", "S.p.A.", "Sp. z o.o.", "s.r.o.", "SARL", "Inc.", "GmbH & Co. KG", "")
_START = datetime(2020, 1, 1, tzinfo=UTC)
ONE_IN = 100
"""One carrier in so many is a duplicate of an earlier one."""

Pairs = set[tuple[str, str]]


def registered_until(moment: str) -> int:
    """How many carriers were registered by then: one a second."""
    return int((datetime.fromisoformat(moment) - _START).total_seconds()) + 1


class Planted:
    """`count` carriers as rows of the view, made by the seed. `kinds` are the pairs that were
    planted, the earlier carrier first, by how the later one differs."""

    def __init__(self, count: int, seed: int = 20261126) -> None:
        self.count = count
        self.kinds: dict[str, Pairs] = {kind: set() for kind in _KINDS}
        self._chance = random.Random(seed)

    def rows(self) -> Iterator[Row]:
        """In the order of registration."""
        kinds = list(_KINDS)
        originals: list[tuple[str, CarrierState]] = []
        for number in range(self.count):
            carrier_id = str(UUID(int=self._chance.getrandbits(128), version=4))
            if number % ONE_IN == ONE_IN - 1:
                kind = kinds[number // ONE_IN % len(kinds)]
                other_id, other = originals.pop(self._chance.randrange(len(originals)))
                self.kinds[kind].add((other_id, carrier_id))
                state = _KINDS[kind](self._chance, self._own(number), other)
            else:
                state = self._own(number)
                originals.append((carrier_id, state))
            moment = _START + timedelta(seconds=number)
            yield row_of(Folded(carrier_id, 1, state, moment, moment))

    def _word(self, syllables: int) -> str:
        choice = self._chance.choice
        parts = [choice(_ONSETS) + choice(_VOWELS) for _ in range(syllables)]
        return "".join((*parts, choice(_ENDS))).capitalize()

    def _own(self, number: int) -> CarrierState:
        """A carrier with a made-up first name and surname, which none has by chance as well."""
        choice = self._chance.choice
        people = (self._word(2), self._word(3))
        name = " ".join(filter(None, (*people, choice(_TRADES), choice(_TOWNS), choice(_FORMS))))
        free = self._chance.random() < 0.3
        domain = "gmail.com" if free else f"c{number}.example"
        profile = Profile(
            phone=f"+4930{number:07}" if self._chance.random() < 0.8 else None,
            website=None if free else f"https://www.{domain}",
            identifiers=[{"scheme": "usdot", "value": str(1_000_000 + number)}],
        )
        return CarrierState(name, f"office{number}@{domain}", profile=profile)


def _same_identifier(_: random.Random, own: CarrierState, other: CarrierState) -> CarrierState:
    profile = own.profile.changed_by({"identifiers": other.profile.identifiers})
    return CarrierState(own.name, own.email, profile=profile)


def _same_phone(_: random.Random, own: CarrierState, other: CarrierState) -> CarrierState:
    """Other names, of a carrier that has a number."""
    number = other.profile.phone
    kept = own.profile.changed_by({"phone": number})
    return CarrierState(own.name if number else other.name, own.email, profile=kept)


def _same_domain(_: random.Random, own: CarrierState, other: CarrierState) -> CarrierState:
    """Another mailbox; a carrier with a free one has the other's name."""
    local, _at, domain = other.email.rpartition("@")
    name = other.name if domain == "gmail.com" else own.name
    return CarrierState(name, f"{local}.2@{domain}", profile=own.profile)


def _other_form(chance: random.Random, own: CarrierState, other: CarrierState) -> CarrierState:
    words = [word for word in other.name.split() if word[0].isupper() and word.isalpha()]
    words = [word for word in words if word not in {"GmbH", "Ltd", "SARL", "Co", "KG", "Sp"}]
    name = " ".join((*words, chance.choice(("AG", "LLC", "B.V."))))
    return CarrierState(name.upper(), own.email, profile=own.profile)


def _typing_error(chance: random.Random, own: CarrierState, other: CarrierState) -> CarrierState:
    """One letter of the first word, at any place, is doubled, missing or another."""
    first, _, rest = other.name.partition(" ")
    at = chance.randrange(len(first))
    instead = chance.choice((first[at] * 2, "", chance.choice("aeiounrst")))
    name = f"{first[:at]}{instead}{first[at + 1 :]} {rest}"
    return CarrierState(name, own.email, profile=own.profile)


def _turned_round(_: random.Random, own: CarrierState, other: CarrierState) -> CarrierState:
    first, second, *rest = other.name.split()
    return CarrierState(" ".join((second, first, *rest)), own.email, profile=own.profile)


_KINDS: dict[str, Callable[[random.Random, CarrierState, CarrierState], CarrierState]] = {
    "same identifier": _same_identifier,
    "same phone": _same_phone,
    "same domain": _same_domain,
    "another legal form": _other_form,
    "one letter wrong": _typing_error,
    "words turned round": _turned_round,
}
