"""What a registry asks of carriers: whole, versioned, and nothing until one is adopted."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from tests.support.model import pools, values
from tests.support.model.carrier import Json
from tests.support.policies import NOTHING

GUARDED: Final = (
    *("name", "email", "phone", "website", "aliases", "identifiers", "coverage"),
    *("tracking_url", "metadata", "contacts", "tags", "time_zone", "bank_reference"),
)


@dataclass(frozen=True)
class Policy:
    """A policy at a version; version 0 is the default, which nobody has adopted."""

    version: int = 0
    terms: Json = field(default_factory=lambda: dict(NOTHING))
    adopted_at: str | None = None
    who: str = ""
    changes: tuple[Json, ...] = ()

    @property
    def guarded(self) -> frozenset[str]:
        """The fields whose change waits for a second person."""
        return frozenset(self.terms["second_person_for"])

    @property
    def shown(self) -> dict[str, Any]:
        """`GET /policy`."""
        return {"version": self.version, "adopted_at": self.adopted_at, "policy": self.terms}

    @property
    def event(self) -> dict[str, Any]:
        """Its entry in the history."""
        return {
            "version": self.version,
            "type": "PolicyAdopted",
            "at": self.adopted_at,
            "who": self.who,
            "data": {"policy": self.terms},
            "changes": list(self.changes),
        }

    def required(self, country: str, service: str) -> list[Json]:
        """The requirements that apply to work."""
        return [
            each
            for each in self.terms["requirements"]
            if each["country"] in (None, country) and each["service"] in (None, service)
        ]


def adopted(policy: Policy, body: Json, who: str, at: str) -> Policy:
    """The policy after a PUT; the same one if nothing differs, but the first is always adopted."""
    terms = _normal(body)
    changes = tuple(
        {"field": name, "from": policy.terms[name], "to": terms[name]}
        for name in terms
        if terms[name] != policy.terms[name]
    )
    if not changes and policy.version:
        return policy
    return Policy(policy.version + 1, terms, at, who, changes)


def makes_sense(body: Json) -> bool:
    """Whether no requirement is named twice, and none has a minimum of what has no limit."""
    requirements = [_required(each) for each in body["requirements"]]
    about = {_about(each) for each in requirements}
    has_limit = all(each["kind"] in pools.WITH_LIMIT for each in requirements if each["minimum"])
    return has_limit and len(about) == len(requirements)


def _normal(body: Json) -> dict[str, Any]:
    """Fields in the order of the description, amounts in their one form."""
    requirements = [_required(each) for each in body["requirements"]]
    guarded = [name for name in GUARDED if name in body["second_person_for"]]
    return {**body, "requirements": requirements, "second_person_for": guarded}


def _required(requirement: Json) -> dict[str, Any]:
    return {
        "kind": requirement["kind"],
        "service": requirement.get("service"),
        "country": values.country(requirement.get("country")),
        "minimum": values.amount(requirement.get("minimum")),
    }


def _about(requirement: Json) -> tuple[str, str | None, str | None]:
    return requirement["kind"], requirement["service"], requirement["country"]


def body(random: Random) -> dict[str, Any]:
    """A policy that asks for some things, of which carriers have some."""
    requirements = [_requirement(random) for _ in range(random.choice((0, 1, 2, 2, 3)))]
    return {
        "requirements": requirements,
        "recent_within_days": random.choice((None, None, 1, 5, 30)),
        "approval_required": random.random() < 0.4,
        "second_person_for": random.sample(
            ("email", "phone", "website", "name", "tags"), random.choice((0, 0, 1, 2, 4))
        ),
    }


def _requirement(random: Random) -> dict[str, Any]:
    kind = random.choice(pools.KINDS[:2] if random.random() < 0.8 else pools.KINDS)
    currency = random.choice(pools.CURRENCIES)
    amount = {"amount": random.choice(("100", "100.0", "250.5")), "currency": currency}
    has_minimum = random.random() < (0.75 if kind in pools.WITH_LIMIT else 0.05)
    requirement: dict[str, Any] = {"kind": kind, "minimum": amount if has_minimum else None}
    if random.random() < 0.5:
        requirement["service"] = random.choice(pools.SERVICES[:4])
    if random.random() < 0.5:
        requirement["country"] = random.choice(("DE", "fr", "US"))
    return requirement
