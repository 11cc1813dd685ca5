"""Beside the ratios: what a page of those costs who may be given some work.

    python -m bench.eligible [--cassandra] [--sizes 1000 100000]

One line for each policy and number of carriers: the first page of each of twelve countries. How far
a page has to look depends on chance, and so would a ratio of two single pages. CPU time of this
process is what to compare, as a machine may be busy; beside it stands the clock. The aim is that of
every page: with a hundred times as many carriers at most 1.5 times as much.
"""

import argparse
import random
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from uuid import UUID

from app.application.directory.pages import Directory, nothing_adopted
from app.application.directory.query import CARRIERS, Query
from app.application.ports.views import Row
from app.application.projections import PROJECTIONS
from app.application.projections.carriers import row_of
from app.application.projections.replay import Folded
from app.application.shown import Shown
from app.domain.approval import Approval, subject_of
from app.domain.blocks import Instruction
from app.domain.documents import Document
from app.domain.eligibility import Work
from app.domain.policy.state import PolicyState
from app.domain.profile import Profile
from app.domain.profile.coverage import SERVICES
from app.domain.state import ACTIVE, SUSPENDED, CarrierState
from bench.joins import on_cassandra, on_sqlite, soon, tell
from tests.support.directory import covers
from tests.support.policies import policy, requires
from tests.support.views import Written, made_live, new

AIM = 1.5

_BATCH = 500
_COUNTRIES = ("DE", "FR", "AT", "PL", "NL", "BE", "ES", "IT", "CZ", "DK", "SE", "GB")
_START = datetime(2026, 1, 1, tzinfo=UTC)
_DAY = date(2026, 12, 1)

_INSURED = requires(service="express", minimum=(100_000, "EUR"))
POLICIES: Mapping[str, PolicyState] = {
    "the default": nothing_adopted(soon()).state,
    "an insurance": PolicyState.of(policy(_INSURED)),
    "an insurance, recent": PolicyState.of(policy(_INSURED, recent_within_days=300)),
    "an insurance, approved": PolicyState.of(policy(_INSURED, approval_required=True)),
}


def main() -> None:
    """Fill a view of each size, and print what a page costs."""
    parser = argparse.ArgumentParser(prog="python -m bench.eligible")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 100_000])
    parser.add_argument("--cassandra", action="store_true")
    chosen = parser.parse_args()
    took = [_measure(size, on_a_node=chosen.cassandra) for size in chosen.sizes]
    for what, first in took[0].items():
        print(f"{what:34} {took[-1][what] / first:10.2f} times, at most {AIM}")


def _measure(count: int, *, on_a_node: bool) -> dict[str, float]:
    """The CPU time of a page by what it is of."""
    with on_cassandra() if on_a_node else on_sqlite() as views:
        live = Written(views, made_live(views, PROJECTIONS[CARRIERS].key))
        tell(f"fill {count:,}", lambda: _fill(live, count), tries=1)
        directory = Directory(views, lambda: None, nullcontext)
        pages = {"active, express, as a filter": [_filtered(each) for each in _COUNTRIES]}
        for name, state in POLICIES.items():
            pages[f"eligible by {name}"] = [_eligible(each, state) for each in _COUNTRIES]
        return {
            what: tell(f"{what}, {count:,}", partial(_first_pages, directory, queries))
            for what, queries in pages.items()
        }


def _filtered(country: str) -> Query:
    return Query(frozenset({ACTIVE}), frozenset({country}), frozenset({"express"}))


def _eligible(country: str, state: PolicyState) -> Query:
    work = Work(country, "express", _DAY)
    return Query(work=work, on=_DAY.isoformat(), policy=Shown("", 1, state, None, None))


def _first_pages(directory: Directory, queries: Sequence[Query]) -> None:
    for each in queries:
        directory.page(each, soon())


def _fill(live: Written, count: int) -> None:
    for start in range(0, count, _BATCH):
        live.put(*new(*map(_one, range(start, min(count, start + _BATCH)))))


def _one(number: int) -> Row:
    """Of whatever services and countries; seven in ten are insured, one in ten is blocked for some
    work, half are approved, one in ten is suspended."""
    chance = random.Random(number)
    some = {each: chance.sample(_COUNTRIES, 6) for each in chance.sample(SERVICES, 5)}
    state = CarrierState(
        f"n{chance.randrange(10**9)}",
        f"c{number}@x.com",
        SUSPENDED if chance.random() < 0.1 else ACTIVE,
        profile=Profile(coverage=covers(**some)),
        documents=_insurance(chance),
        blocks=_block(chance),
    )
    if chance.random() < 0.5:
        state = replace(state, approval=Approval(True, "Called", subject_of(state.as_json())))
    moment = _START + timedelta(seconds=number)
    profile_of = (_START + timedelta(chance.randrange(300))).date()
    return row_of(Folded(str(UUID(int=number)), 1, state, moment, moment, profile_of))


def _insurance(chance: random.Random) -> dict[int, Document]:
    if chance.random() > 0.7:
        return {}
    amount, last = chance.choice(["50000", "100000", "500000"]), chance.choice(["11", "12"])
    limit = {"amount": amount, "currency": "EUR"}
    found = Document(1, "cargo-insurance", "1", "Us", "2026-01-01", f"2026-{last}-30", limit)
    return {1: found}


def _block(chance: random.Random) -> dict[int, Instruction]:
    if chance.random() > 0.1:
        return {}
    where = chance.choice(_COUNTRIES)
    return {1: Instruction(1, where, None, None, "2026-01-01", None, "Claims are open")}


if __name__ == "__main__":
    main()
