"""What another policy would do, against the plainest way to find out: each carrier judged for every
country there is."""

import random
from datetime import date
from typing import Any

import pycountry

from app.application.policy_effect import Comparison
from app.domain.documents import Document
from app.domain.eligibility import Facts, Work, judge
from app.domain.policy.state import PolicyState
from app.domain.profile import Profile
from app.domain.profile.coverage import WORLDWIDE
from app.domain.state import ACTIVE, RETIRED, CarrierState
from tests.support.policies import policy, requires

DAY = date(2026, 1, 31)
COUNTRIES = sorted(country.alpha_2 for country in pycountry.countries)
FEW = ["AT", "DE", "FR"]
SERVICES = ["air", "express", "parcel"]
KINDS = ["cargo-insurance", "contract"]


def chosen_policy(chance: random.Random) -> PolicyState:
    """With up to three requirements, and an age of the profile in one of two."""
    asked: dict[tuple[str, str | None, str | None], dict[str, Any]] = {}
    for _ in range(chance.randrange(4)):
        key = (
            chance.choice(KINDS),
            chance.choice([None, *SERVICES]),
            chance.choice([None, *FEW]),
        )
        minimum = chance.choice([None, (chance.choice([10, 20]), "EUR")])
        asked[key] = requires(*key, minimum=minimum)
    days = chance.choice([None, 30])
    return PolicyState.of(policy(*asked.values(), recent_within_days=days))


def chosen_facts(chance: random.Random) -> Facts:
    """A carrier with some coverage, some documents, and a profile of some age."""
    coverage = [
        {
            "service": service,
            "countries": chance.choice(
                [[WORLDWIDE], sorted(chance.sample([*FEW, "GB", "US"], chance.randint(1, 4)))]
            ),
        }
        for service in chance.sample(SERVICES, chance.randrange(4))
    ]
    documents = {
        number: Document(
            number,
            kind,
            str(number),
            "Us",
            "2026-01-01",
            limit={"amount": str(chance.choice([5, 10, 20])), "currency": "EUR"},
        )
        for number, kind in enumerate(KINDS, 1)
        if chance.random() < 0.6
    }
    state = CarrierState(
        "F",
        "f@x.com",
        chance.choice([ACTIVE, ACTIVE, RETIRED]),
        profile=Profile(coverage=coverage),
        documents=documents,
    )
    changed = date(2026, 1, chance.randint(1, 3))
    return Facts(state, profile_of=changed)


def plainly(comparison: Comparison, facts: Facts) -> tuple[frozenset[str], frozenset[str]]:
    """By judging work of each service in each country of the world."""
    become: set[str] = set()
    cease: set[str] = set()
    for service in {each["service"] for each in facts.state.profile.coverage}:
        for country in COUNTRIES:
            work = Work(country, service, comparison.on)
            before, after = (
                {each.rule: each.holds for each in judge(facts, work, policy)}
                for policy in (comparison.before, comparison.after)
            )
            if not before["country"]:
                continue
            was = {rule for rule, holds in before.items() if not holds}
            would_be = {rule for rule, holds in after.items() if not holds}
            become |= was if not would_be else set()
            cease |= would_be if not was else set()
    return frozenset(become), frozenset(cease)


def test_no_country_is_forgotten_and_none_is_asked_in_vain() -> None:
    """The reasons are those of all countries of the world, though few of these are looked at."""
    chance = random.Random(1)
    changed = 0
    for _ in range(150):
        comparison = Comparison(chosen_policy(chance), chosen_policy(chance), DAY)
        facts = chosen_facts(chance)
        expected = plainly(comparison, facts)
        assert comparison.reasons(facts) == expected
        changed += any(expected)
    assert changed > 20
