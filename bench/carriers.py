"""Before the way of the data: made-up carriers, and files that hold the events of many of them.

A carrier follows from its number, but for its id. Every word, country or service that a query asks
for is had by the same share of carriers whatever their number, or by one alone.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import Any
from uuid import uuid4

from app.application.command_context import CommandContext
from app.application.deadline import Deadline
from app.application.ports.event_store import EventData, RecordedEvent
from app.domain.command import CarrierEvent
from app.domain.commands.register import CarrierRegistered
from app.domain.commands.rename import CarrierRenamed
from app.domain.commands.update_profile import CarrierProfileUpdated
from app.infrastructure.clock import to_milliseconds
from app.infrastructure.codec import JsonCodec
from app.infrastructure.sqlite.event_store import SqliteEventStore

FREQUENT_WORD = "logistics"
"""A word of the name of one carrier in eight."""

PROFILES = 3
"""One carrier in so many has a profile: those whose number can be divided by it."""

COUNTRY, SERVICE = "DE", "express"
"""Offered together by one carrier in five, about."""

_SYLLABLES = [consonant + vowel for consonant in "bdfghklmnprstvwz" for vowel in "aeiou"]
_PLACES = ("Baltic", "Nordic", "Alpine", "Iberian", "Adriatic", "Atlantic", "Danube", "Rhine")
_KINDS = (
    *("Logistics", "Transport", "Freight", "Cargo"),
    *("Forwarding", "Haulage", "Shipping", "Couriers"),
)
_COUNTRIES = ("DE", "FR", "PL", "ES", "NL", "IT", "AT", "CZ", "SE", "DK", "BE", "PT")
_SERVICES = ("express", "parcel", "freight", "ltl", "ftl", "air", "ocean", "rail")
_FIRST_DAY = datetime(2025, 1, 1, tzinfo=UTC)
_ROWS_AT_ONCE = 10_000
_INSERT = """
INSERT INTO events (aggregate_id, version, event_type, payload, created_at, event_id, metadata)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""


def rare_word(number: int) -> str:
    """A word that this carrier alone has, in its name and in its address."""
    number = number * 7_919 % len(_SYLLABLES) ** 4  # 7,919 is prime: neighbours look different
    word = ""
    for _ in range(4):
        number, place = divmod(number, len(_SYLLABLES))
        word += _SYLLABLES[place]
    return word


def duns(number: int) -> str:
    """An identifier that this carrier alone has, if it has a profile."""
    return f"{100_000_000 + number}"


def events_of(number: int, profiles: int = PROFILES) -> Iterator[CarrierEvent]:
    """What happened to a carrier: that it was registered, one in `profiles` with a profile; and
    one in ten was renamed."""
    word, place, kind = rare_word(number), _PLACES[number // 8 % 8], _KINDS[number % 8]
    name = f"{word.title()} {place} {kind}"
    yield CarrierRegistered(name, f"office@{word}.example.com")
    if number % profiles == 0:
        yield CarrierProfileUpdated(_profile(number))
    if number % 10 == 1:
        yield CarrierRenamed(f"{name} Group")


def recorded(
    number: int, profiles: int = PROFILES, more: Iterable[CarrierEvent] = ()
) -> tuple[str, list[EventData]]:
    """A new carrier's id, and its events as stores keep them, with `more` at the end."""
    context = CommandContext(uuid4(), uuid4().hex, "bench", Deadline.after(0))
    moment = _FIRST_DAY + timedelta(seconds=20 * number)
    encode, happened = JsonCodec().encode, chain(events_of(number, profiles), more)
    events = [encode(event, at, context, moment) for at, event in enumerate(happened)]
    return context.new_carrier_id, events


def into_sqlite(path: Path, carriers: int, profiles: int = PROFILES) -> int:
    """Fill a new file of events; says how many they are."""
    return insert(path, _recorded(carriers, profiles))


def insert(path: Path, events: Iterable[RecordedEvent]) -> int:
    """Fill a new file with these events, at positions 1, 2, 3 …; says how many they are."""
    SqliteEventStore(path).close()
    rows = map(_row, events)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        while some := list(islice(rows, _ROWS_AT_ONCE)):
            connection.executemany(_INSERT, some)
        connection.commit()
        (count,) = connection.execute("SELECT count(*) FROM events").fetchone()
    return int(count)


def _recorded(carriers: int, profiles: int) -> Iterator[RecordedEvent]:
    for number in range(carriers):
        carrier_id, events = recorded(number, profiles)
        for version, event in enumerate(events, 1):
            yield RecordedEvent(carrier_id, version, event)


def _row(event: RecordedEvent) -> tuple[str | int, ...]:
    return (
        event.stream,
        event.version,
        event.data.event_type,
        event.data.payload,
        to_milliseconds(event.data.created_at),
        str(event.data.event_id),
        event.data.metadata,
    )


def _profile(number: int) -> dict[str, Any]:
    third = number // 3
    services = {_SERVICES[0] if third % 2 else _SERVICES[third % 7 + 1], _SERVICES[third % 8]}
    first = third % 9
    countries = sorted({_COUNTRIES[0], *_COUNTRIES[first : first + 4]})
    return {
        "aliases": [f"{rare_word(number)[:6].title()} {_PLACES[third % 8]}"],
        "identifiers": [{"scheme": "duns", "value": duns(number)}],
        "coverage": [{"service": each, "countries": countries} for each in sorted(services)],
    }
