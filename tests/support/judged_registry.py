"""Beside the way of the data: a registry with carriers to which anything happens that eligibility
looks at, and the question who may be given some work, asked in every way there is."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from app.api.schemas.commands import body_schema
from app.application.command_context import CommandContext
from app.application.directory.query import CARRIERS, Query
from app.application.judgement import Judgement, judge_of
from app.application.ports.views import WHOLE_SORTS
from app.application.projections.follower import FollowedView
from app.application.queries import JudgeEligibility
from app.application.repository import CarrierRepository, PolicyRepository
from app.application.shown import AggregateNotFound
from app.bootstrap import build_directory, build_projectors, opened_stores
from app.bootstrap.services import dated_commands
from app.bootstrap.stores import Stores
from app.domain.command import Command
from app.domain.declarations import DECLARATIONS
from app.domain.eligibility import Work
from app.domain.errors import DomainError
from app.infrastructure.clock import system_clock
from app.infrastructure.codec import JsonCodec
from config.settings import Settings
from tests.support.commits import context
from tests.support.directory import covers
from tests.support.policies import adopt, policy, requires
from tests.support.stores import soon

BEGIN = datetime(2026, 1, 1, 12, tzinfo=UTC)
COUNTRIES, SERVICES, CUSTOMERS = ("DE", "FR"), ("air", "express"), ("ACME", "acme", None, None)
KINDS = ("cargo-insurance", "contract")
_RULES = ("service", "country", "service", "country", "recent", "not-blocked", *KINDS)
_BY_NAME = {each.name: each for each in DECLARATIONS}
_WEIGHTS = {
    "update-profile": 6,
    "file-document": 8,
    "replace-document": 3,
    "withdraw-document": 2,
    "block": 3,
    "unblock": 3,
    "override-verdict": 14,
    "withdraw-override": 2,
    "approve": 6,
    "reject": 1,
    "change-email": 2,
    "confirm-change": 3,
    "discard-change": 1,
    "suspend": 2,
    "reinstate": 4,
    "retire": 0.3,
    "vet": 1,
    "annotate": 1,
}


@dataclass
class JudgedRegistry:
    """Carriers over real stores. Each thing happens at a moment of its own, a while after the
    last; the same numbers of `chance` make the same registry."""

    chance: random.Random
    stores: Stores
    dispatch: Any
    now: datetime = BEGIN
    carriers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        stores = self.stores
        projector = next(each for each in build_projectors(stores) if each.name == CARRIERS)
        self.followed = FollowedView(projector, keeps_up=True)
        self.directory = build_directory(stores)
        self.repository = CarrierRepository(stores.events, JsonCodec(), system_clock)
        self.policies = PolicyRepository(stores.events, JsonCodec(), system_clock)

    def register(self) -> None:
        """One carrier more."""
        number = len(self.carriers)
        body = {"name": f"Carrier {number}", "email": f"c{number}@x.com", **self._profile()}
        self.carriers.append(str(self._do("register", "", body)))

    def change(self) -> None:
        """Something happens to some carrier, if it can."""
        (name,) = self.chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        with suppress(DomainError):
            self._do(name, self.chance.choice(self.carriers), self._body(name))

    def adopt(self) -> None:
        """Another policy."""
        chance, some = self.chance, random.Random.choice
        asked = {
            (kind, where, what): requires(kind, what, where, least)
            for kind in KINDS
            if chance.random() < 0.5
            for where, what in [(some(chance, (None, "DE")), some(chance, (None, "express")))]
            for least in [some(chance, (None, (10, "EUR"), (20, "EUR")))]
        }
        body = policy(
            *asked.values(),
            recent_within_days=some(chance, (None, None, 30, 100)),
            approval_required=chance.random() < 0.2,
            second_person_for=["email"] if chance.random() < 0.5 else [],
        )
        self._send(adopt(body))

    def take_in(self) -> None:
        """Bring the list up to all that has happened."""
        head = self.stores.feed.head(soon())
        while (status := self.directory.status(CARRIERS, soon())).checkpoint < head or (
            not status.is_made
        ):
            self.followed.step(standing_by=False)

    def work(self) -> Work:
        """Some work, on a day not far away."""
        choice, days = self.chance.choice, self.chance.randint(-40, 60)
        day = self.now.date() + timedelta(days)
        return Work(choice(COUNTRIES), choice(SERVICES), day, choice(CUSTOMERS))

    def listed(self, work: Work) -> set[str]:
        """Whom the list has, page by page; every page but the last is full."""
        query = Query(
            work=work,
            on=work.on.isoformat(),
            sort=self.chance.choice(WHOLE_SORTS),
            limit=self.chance.randint(1, 20),
        )
        found: list[str] = []
        while True:
            page = self.directory.page(query, soon())
            found += [body["carrier_id"] for body in page.rows]
            if page.next_cursor is None:
                break
            assert len(page.rows) == query.limit
            query = replace(query, cursor=page.next_cursor)
        assert len(found) == len(set(found))
        return set(found)

    def judged(self, work: Work, at: datetime | None = None) -> dict[str, Judgement]:
        """The single answer of each carrier that there was at that moment."""
        asked = JudgeEligibility(work.country, work.service, work.customer, work.on.isoformat(), at)
        found = {}
        for carrier_id in self.carriers:
            with suppress(AggregateNotFound):
                judge = judge_of(self.repository, self.policies, carrier_id, asked, soon())
                found[carrier_id] = judge.judged(asked)
        return found

    def _do(self, name: str, carrier_id: str, body: dict[str, Any]) -> object:
        declaration = _BY_NAME[name]
        made = declaration.made(carrier_id, body_schema(declaration)().load(body))
        actor = "bob" if name in {"approve", "confirm-change"} else "ann"
        return self._send(made, replace(context(), actor=actor))

    def _send(self, command: Command, sent: CommandContext | None = None) -> object:
        self.now += timedelta(minutes=self.chance.randint(1, 600))
        return self.dispatch(self.now, command, sent or context()).stream

    def _profile(self) -> dict[str, Any]:
        where = [[*COUNTRIES], ["DE"], ["FR"], ["worldwide"]]
        some = self.chance.sample(SERVICES, self.chance.choice((1, 2, 2)))
        return {"coverage": covers(**{each: self.chance.choice(where) for each in some})}

    def _body(self, name: str) -> dict[str, Any]:
        choice, number = self.chance.choice, self.chance.randint(1, 3)
        reason = {"reason": f"Because {self.chance.randrange(9)}"}
        some = {"customer": choice(CUSTOMERS), **self._days(), **reason}
        works = [("air", None), ("express", "DE"), (None, "FR"), ("express", None), (None, "DE")]
        service, country = choice(works)
        phone = {"phone": f"+4989{number}2345"}
        bodies: dict[str, dict[str, Any]] = {
            "update-profile": choice((phone, self._profile())),
            "file-document": {"kind": choice(KINDS), **self._document()},
            "replace-document": {"document_id": number, **self._document()},
            "withdraw-document": {"document_id": number, **reason},
            "block": {**some, "service": service, "country": country},
            "unblock": {"block_id": number, **reason},
            "override-verdict": {**some, "rule": choice(_RULES), "valid_to": self._day(90)}
            | choice(({}, {"service": service}, {"country": country})),
            "withdraw-override": {"override_id": number, **reason},
            "change-email": {"email": f"new{self.chance.randrange(10**9)}@x.com"},
            "confirm-change": {"proposal_id": number, **reason},
            "discard-change": {"proposal_id": number, **reason},
            "vet": {"country": choice(COUNTRIES), "service": choice(SERVICES)},
            "annotate": {"note": "Ask for Ms Ito"},
        }
        return bodies.get(name, reason)

    def _document(self) -> dict[str, Any]:
        amount = self.chance.choice((None, 5, 10, 20, 40))
        money = {"amount": str(amount), "currency": self.chance.choice(("EUR", "EUR", "USD"))}
        said = {"number": str(self.chance.randrange(9)), "issuer": "Insurer", **self._days()}
        return {**said, "limit": money if amount else None}

    def _days(self) -> dict[str, str | None]:
        """From a day on, mostly of the past, to one that is still to come, or without an end."""
        return {
            "valid_from": self._day(self.chance.randint(-60, 20)),
            "valid_to": self.chance.choice((None, self._day(self.chance.randint(21, 120)))),
        }

    def _day(self, days: int) -> str:
        found: date = self.now.date() + timedelta(days)
        return found.isoformat()


@contextmanager
def judged_registry(settings: Settings, seed: int) -> Iterator[JudgedRegistry]:
    """An empty one, on the stores of the settings."""
    with dated_commands(settings) as (dispatch, _), opened_stores(settings) as stores:
        yield JudgedRegistry(random.Random(seed), stores, dispatch)
