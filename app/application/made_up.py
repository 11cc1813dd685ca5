"""Made-up carriers with two years of history, to look around in: pure, and the same for one seed.

Nobody in it is real: names are put together, addresses are of example.com, telephone numbers of
those that are kept for films.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from typing import Any, Final

from app.domain.commands.note_incident import KINDS
from app.domain.profile.coverage import SERVICES

CARRIERS = 200
DAYS = 730
"""How far back the history goes."""

_FIRST: Final = (
    "Alpen",
    "Baltica",
    "Norden",
    "Hansa",
    "Atlas",
    "Iberis",
    "Polar",
    "Tulipa",
    "Vesta",
    "Delta",
    "Sierra",
    "Levante",
    "Meridian",
    "Kestrel",
    "Östvind",
    "Rivière",
    "Zenit",
    "Aurora",
)
_SECOND: Final = (
    "Cargo",
    "Freight",
    "Logistics",
    "Trans",
    "Express",
    "Spedition",
    "Shipping",
    "Lines",
    "Parcel",
    "Haulage",
    "Couriers",
    "Transports",
)
_FORMS: Final = ("", "", "", " GmbH", " AB", " S.L.", " Ltd", " SAS")
_COUNTRIES: Final = (
    *("DE", "FR", "AT", "PL", "IT", "ES", "NL", "BE"),
    *("DK", "SE", "CZ", "CH", "PT", "GB", "NO", "FI"),
)
_PEOPLE: Final = ("ana", "bruno", "chen", "dora", "tms")
"""Whose keys the events name."""

_SUSPENSIONS: Final = (
    ("insurance", "The insurance has expired"),
    ("authority", "The operating licence was not renewed"),
    ("safety", "Two accidents in one month are looked into"),
    ("commercial", "Invoices are disputed"),
)
_NOTES: Final[Mapping[str, str]] = {
    "late": "Two days late at the customer",
    "damage": "Three pallets arrived wet",
    "loss": "One parcel was not found again",
    "safety": "The load was not secured",
    "other": "The driver had no papers for the goods",
}


@dataclass(frozen=True, slots=True)
class Deed:
    """A command that somebody sent: to the carrier of this number, by the name of its declaration,
    with the JSON of its body."""

    moment: datetime
    actor: str
    number: int
    command: str
    body: Mapping[str, Any]


def deeds(now: datetime, seed: int = 1) -> list[Deed]:
    """All that was done until `now`, in order of time."""
    chance = random.Random(seed)
    names = [" ".join(each) for each in product(_FIRST, _SECOND)]
    chance.shuffle(names)
    done = [
        deed
        for number, name in enumerate(names[:CARRIERS])
        for deed in _life(chance, now, number, name + chance.choice(_FORMS))
    ]
    return sorted(done, key=lambda deed: deed.moment)


def _life(chance: random.Random, now: datetime, number: int, name: str) -> Iterator[Deed]:
    """What was done to one carrier, each deed later than the one before."""
    left = timedelta(days=chance.uniform(20, DAYS))

    def deed(command: str, **body: object) -> Deed:
        return Deed(now - left, chance.choice(_PEOPLE), number, command, body)

    yield deed("register", name=name, email=f"dispatch{number}@example.com", **_profile(chance))
    for command in _course(chance):
        left *= chance.uniform(0.3, 0.9)
        match command:
            case "rename":
                first = name.partition(" ")[0]
                yield deed("rename", name=f"{first} {chance.choice(_SECOND)} Group")
            case "change-email":
                yield deed("change-email", email=f"office{number}@example.com")
            case "update-profile":
                yield deed("update-profile", coverage=_coverage(chance))
            case "note-incident":
                kind, day = chance.choice(KINDS), (now - left - timedelta(days=1)).date()
                note = {"kind": kind, "happened_on": day.isoformat(), "note": _NOTES[kind]}
                yield deed("note-incident", **note)
            case "suspend":
                category, reason = chance.choice(_SUSPENSIONS)
                yield deed("suspend", category=category, reason=reason)
            case "reinstate":
                yield deed("reinstate", reason="The matter is settled")
            case "retire":
                yield deed("retire", reason="The company has closed")


def _course(chance: random.Random) -> list[str]:
    """Commands in an order that the states allow."""
    quiet = ("rename", "change-email", "update-profile", "note-incident", "note-incident")
    course = chance.choices(quiet, k=chance.randrange(5))
    end = chance.random()
    if end < 0.25:  # noqa: PLR2004 - a share
        course += ["suspend", "reinstate"]
    elif end < 0.35:  # noqa: PLR2004
        course += ["suspend"]
    elif end < 0.4:  # noqa: PLR2004
        course += ["retire"]
    return course


def _profile(chance: random.Random) -> dict[str, Any]:
    scac = "".join(chance.choices("ABCDEFGHKLMNPRSTUVWX", k=4))
    return {
        "phone": f"+44207946{chance.randrange(1000):04d}",
        "website": f"https://www.example.com/{scac.lower()}",
        "identifiers": [{"scheme": "scac", "value": scac}],
        "coverage": _coverage(chance),
    }


def _coverage(chance: random.Random) -> list[dict[str, Any]]:
    services = chance.sample(SERVICES, chance.randint(1, 4))
    return [
        {"service": each, "countries": chance.sample(_COUNTRIES, chance.randint(1, 7))}
        for each in services
    ]
