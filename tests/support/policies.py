"""Beside the way of the data: policies to adopt."""

from collections.abc import Mapping
from typing import Any

from app.domain.policy.adopt import AdoptPolicy
from app.domain.policy.terms import Terms

NOTHING: Mapping[str, Any] = {
    "requirements": [],
    "recent_within_days": None,
    "approval_required": False,
    "second_person_for": [],
}
"""A policy that asks for nothing, as the default does."""


def policy(*requirements: Mapping[str, Any], **members: object) -> dict[str, Any]:
    """A policy with these requirements, as a request's body; nothing else is asked for, but for
    what `members` say."""
    return {**NOTHING, "requirements": list(requirements), **members}


def requires(
    kind: str = "cargo-insurance",
    service: str | None = None,
    country: str | None = None,
    minimum: tuple[int, str] | None = None,
) -> dict[str, Any]:
    """A requirement in normal form."""
    least = minimum and {"amount": str(minimum[0]), "currency": minimum[1]}
    return {"kind": kind, "service": service, "country": country, "minimum": least}


def adopt(body: Mapping[str, Any]) -> AdoptPolicy:
    """The command."""
    return AdoptPolicy(Terms.from_json(body))
