"""Made-up carriers with two years of history, to look around in: pure, and the same for one seed.

Nobody in it is real: names are put together, addresses are of example.com, telephone numbers of
those that are kept for films.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
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
_SECOND_PERSON: Final = "olga"
"""Who approves and confirms, and does nothing else."""

_POLICY: Final[Mapping[str, Any]] = {
    "requirements": [
        {
            "kind": "cargo-insurance",
            "service": None,
            "country": None,
            "minimum": {"amount": "100000", "currency": "EUR"},
        }
    ],
    "recent_within_days": None,
    "approval_required": True,
    "second_person_for": ["bank_reference"],
}
_POLICY_DAYS: Final = 120
"""How long ago it was adopted."""

_SUSPENSIONS: Final = (
    ("insurance", "The insurance has expired"),
    ("authority", "The operating licence was not renewed"),
    ("safety", "Two accidents in one month are looked into"),
    ("commercial", "Invoices are disputed"),
)
_INSURERS: Final = ("Example Mutual", "Beispiel Versicherung AG", "Assurances Exemple")
_QUARTER: Final = timedelta(days=91)
_REASONS: Final = {"reinstate": "The matter is settled", "retire": "The company has closed"}
_NOTES: Final[Mapping[str, str]] = {
    "late": "Two days late at the customer",
    "damage": "Three pallets arrived wet",
    "loss": "One parcel was not found again",
    "safety": "The load was not secured",
    "other": "The driver had no papers for the goods",
}


@dataclass(frozen=True, slots=True)
class Deed:
    """A command that somebody sent: to the carrier of this number, or to the policy (None), by the
    name of its declaration, with the JSON of its body."""

    moment: datetime
    actor: str
    number: int | None
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
    adopted = now - timedelta(days=_POLICY_DAYS)
    done.append(Deed(adopted, "dora", None, "adopt-policy", _POLICY))
    return sorted(done, key=lambda deed: deed.moment)


def _life(chance: random.Random, now: datetime, number: int, name: str) -> Iterator[Deed]:
    """What was done to one carrier, each deed later than the one before."""
    left = timedelta(days=chance.uniform(20, DAYS))

    def deed(command: str, body: Mapping[str, Any]) -> Deed:
        return Deed(now - left, chance.choice(_PEOPLE), number, command, body)

    registration = {"name": name, "email": f"dispatch{number}@example.com", **_profile(chance)}
    yield deed("register", registration)
    for document in _documents(chance, now, (now - left).date()):
        left *= 0.999
        yield deed("file-document", document)
    course = _course(chance)
    for command in course:
        left *= chance.uniform(0.3, 0.9)
        yield deed(command, _body(chance, command, number, name, (now - left).date()))
    if "retire" not in course:
        yield from _oversight(chance, now, left, number, name)


def _body(
    chance: random.Random, command: str, number: int, name: str, today: date
) -> dict[str, Any]:
    """What a command of a course says."""
    match command:
        case "rename":
            return {"name": f"{name.partition(' ')[0]} {chance.choice(_SECOND)} Group"}
        case "change-email":
            return {"email": f"office{number}@example.com"}
        case "update-profile":
            return {"coverage": _coverage(chance)}
        case "note-incident":
            kind, day = chance.choice(KINDS), today - timedelta(days=1)
            return {"kind": kind, "happened_on": day.isoformat(), "note": _NOTES[kind]}
        case "suspend":
            category, reason = chance.choice(_SUSPENSIONS)
            return {"category": category, "reason": reason}
    return {"reason": _REASONS[command]}


def _oversight(
    chance: random.Random, now: datetime, left: timedelta, number: int, name: str
) -> Iterator[Deed]:
    """What people decided on the carrier, and sometimes another bank reference, which waits for a
    second person."""
    for actor, command, body in _decisions(chance, (now - left).date(), now.date(), name):
        left *= chance.uniform(0.5, 0.9)
        yield Deed(now - left, actor, number, command, body)
    if not _happens(chance, 0.1):
        return
    left = min(left, timedelta(days=chance.uniform(1, 60)))  # since there is the policy
    change = {"bank_reference": _bank_reference(chance)}
    yield Deed(now - left, chance.choice(_PEOPLE), number, "update-profile", change)
    if _happens(chance, 0.5):
        confirmed = {"proposal_id": 1, "reason": "They confirmed it by telephone"}
        yield Deed(now - left / 2, _SECOND_PERSON, number, "confirm-change", confirmed)


def _documents(chance: random.Random, now: datetime, since: date) -> Iterator[dict[str, Any]]:
    """What the carrier has to show. Some insurances have ended, some will soon; a few carriers have
    none."""
    if _happens(chance, 0.9):
        until = now.date() + timedelta(days=chance.randint(-40, 360))
        yield {
            "kind": "cargo-insurance",
            "number": f"CI-{chance.randrange(10_000):04d}",
            "issuer": chance.choice(_INSURERS),
            "valid_from": min(since, until - timedelta(days=1)).isoformat(),
            "valid_to": until.isoformat(),
            "limit": {"amount": chance.choice(("100000", "250000", "50000")), "currency": "EUR"},
        }
    if _happens(chance, 0.5):
        yield {
            "kind": "operating-authority",
            "number": f"L{chance.randrange(100_000):05d}",
            "issuer": "Road transport office",
            "valid_from": since.isoformat(),
        }


def _decisions(
    chance: random.Random, since: date, today: date, name: str
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """What people decided since that day on the carrier as it is: who, the command, and its
    body."""
    if _happens(chance, 0.75):
        yield _SECOND_PERSON, "approve", {"reason": "Papers and references were looked at"}
    if _happens(chance, 0.15):
        days = {"valid_from": since.isoformat(), "valid_to": (today + _QUARTER).isoformat()}
        work = {"service": chance.choice(SERVICES), "country": chance.choice(_COUNTRIES)}
        yield "ana", "block", {**work, **days, "reason": "Two claims are open"}
    if _happens(chance, 0.15):
        agreed = {"valid_from": since.isoformat(), "reason": "Agreed with their office"}
        yield "bruno", "prefer", {"customer": "ACME", **agreed}
    if _happens(chance, 0.1):
        later = today + timedelta(days=chance.randint(5, 90))
        body = {"name": f"{name.partition(' ')[0]} Holding", "reason": "They have a new owner"}
        yield "chen", "schedule-change", {"effective_on": later.isoformat(), **body}
    if _happens(chance, 0.2):
        yield "dora", "annotate", {"note": "Prefers to be called before noon"}


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
        "bank_reference": _bank_reference(chance),
        "tags": chance.sample(("reefer", "night", "hazmat", "local"), chance.randrange(3)),
        "contacts": [{"role": "claims", "name": "Claims desk", "email": "claims@example.com"}],
    }


def _coverage(chance: random.Random) -> list[dict[str, Any]]:
    services = chance.sample(SERVICES, chance.randint(1, 4))
    return [
        {"service": each, "countries": chance.sample(_COUNTRIES, chance.randint(1, 7))}
        for each in services
    ]


def _bank_reference(chance: random.Random) -> str:
    return f"K-{chance.randrange(100_000):05d}"


def _happens(chance: random.Random, share: float) -> bool:
    return chance.random() < share
