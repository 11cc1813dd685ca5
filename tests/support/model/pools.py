"""The values that commands are made of: few enough that carriers have some in common."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Final

from tests.support.model.carrier import Choice

SERVICES: Final = (
    *("parcel", "express", "freight", "ltl", "ftl", "air", "ocean", "rail", "last-mile"),
    *("cold-chain", "hazmat"),
)
COUNTRIES: Final = ("DE", "FR", "AT", "US", "JP")
CUSTOMERS: Final = ("ACME", "acme", "Globex")
WITH_LIMIT: Final = ("cargo-insurance", "liability-insurance", "customs-bond", "contract")
WITHOUT_LIMIT: Final = ("operating-authority", "dangerous-goods", "food-safety", "other")
KINDS: Final = (*WITH_LIMIT, *WITHOUT_LIMIT)
CURRENCIES: Final = ("EUR", "USD")
TAGS: Final = ("preferred", "reefer", "night", "old-world")
TIME_ZONES: Final = ("Europe/Berlin", "Pacific/Auckland", "America/Los_Angeles")
REASONS: Final = ("Called them", "No answer", "As agreed", "  The claims are open ")

_CONSONANTS, _VOWELS = "bcdfghklmnprstvwz", "aeiou"


def word(random: Random) -> str:
    """A made-up word; hardly any two are alike."""
    pairs = range(random.randrange(4, 7))
    return "".join(random.choice(_CONSONANTS) + random.choice(_VOWELS) for _ in pairs)


def name(random: Random) -> str:
    """Two words, or one of a few names that several carriers have."""
    if random.random() < 0.2:
        few = Random(random.randrange(40))  # the same names in every walk
        return f"{word(few)} {word(few)}".title()
    spaces = " " if random.random() < 0.1 else ""
    return f"{spaces}{word(random).title()} {word(random).title()}{spaces}"


def email(random: Random) -> str:
    """An address: one that many want, at a company that few share, or at a provider for anybody."""
    chance = random.random()
    if chance < 0.15:
        return f"contested{random.randrange(12)}@contested.com"
    if chance < 0.3:
        return f"{word(random)}@gmail.com"
    local = word(random)
    return f"{local.title() if chance < 0.4 else local}@firm{random.randrange(150)}.com"


def day(choice: Choice, begin: int = -400, end: int = 500) -> str:
    """A day so many days from today, in whole weeks now and then so that days meet."""
    away = choice.random.randrange(begin, end)
    if choice.random.random() < 0.5:
        away = away // 28 * 28
    return days_away(choice, away)


def days_away(choice: Choice, days: int) -> str:
    """The day so many days from today."""
    return (date.fromisoformat(choice.today) + timedelta(days=days)).isoformat()


def number(choice: Choice, there: int) -> int:
    """One of those that are there, mostly."""
    is_there = there and choice.random.random() < 0.9
    return choice.random.randrange(1, there + 1) if is_there else there + 1


def reason(choice: Choice) -> str:
    """Why; few, so that some is said twice."""
    return choice.random.choice(REASONS)


def maybe(choice: Choice, value: str, chance: float = 0.5) -> str | None:
    """The value, or null."""
    return value if choice.random.random() < chance else None
