"""May this carrier be given this work? Every rule, whether it holds, and which events may be named
as the one that decided it: where documents leave a choice among several, each of them may."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from tests.support.history.carrier import ACTIVE
from tests.support.model.carrier import Carrier, Json
from tests.support.model.policy import Policy
from tests.support.model.themes import documents, instructions
from tests.support.model.themes.instructions import RULES, Work


@dataclass(frozen=True)
class Verdict:
    """A rule, and the versions of the events that may be named as deciding it; None: no event."""

    rule: str
    holds: bool
    events: frozenset[int | None]


def verdicts(
    carrier: Carrier, work: Work, policy: Policy, day_of: Callable[[int], str]
) -> list[Verdict]:
    """All rules that are looked at, after overrides; `day_of` says on which day a version was
    recorded."""
    found = [
        *_always(carrier, work),
        *_recent(carrier, work, policy, day_of),
        *(_document(carrier, work, each) for each in policy.required(work.country, work.service)),
        *_approved(carrier, policy),
        *_not_blocked(carrier, work),
        *_not_on_hold(carrier),
    ]
    return [_overridden(carrier, work, each) for each in found]


def _verdict(rule: str, holds: bool, *events: int | None) -> Verdict:
    return Verdict(rule, holds, frozenset(events))


def _always(carrier: Carrier, work: Work) -> Iterator[Verdict]:
    offered = {each["service"]: each["countries"] for each in carrier["coverage"]}
    countries = offered.get(work.service, [])
    yield _verdict("active", carrier.state == ACTIVE, carrier.set_in["state"])
    covered_in = carrier.set_in["coverage"]
    yield _verdict("service", work.service in offered, covered_in)
    yield _verdict("country", bool({work.country, "worldwide"} & {*countries}), covered_in)


def _recent(
    carrier: Carrier, work: Work, policy: Policy, day_of: Callable[[int], str]
) -> Iterator[Verdict]:
    """By whole days before the day of the work."""
    within = policy.terms["recent_within_days"]
    if within is not None:
        changed_in = carrier.set_in["profile"]
        days = {each.version: each.effective_on for each in carrier.scheduled}
        changed_on = days.get(changed_in) or day_of(changed_in)
        age = date.fromisoformat(work.on) - date.fromisoformat(changed_on)
        yield _verdict("recent", age.days <= within, changed_in)


def _document(carrier: Carrier, work: Work, requirement: Json) -> Verdict:
    """One that suffices decides, whatever the others say. If none holds, what was last said of one
    of the kind; if there never was one, the registration."""
    kind, minimum = requirement["kind"], requirement["minimum"]
    holding = {
        carrier.set_in[f"document {number}"]: documents.said(each)["limit"]
        for number, each in enumerate(carrier.documents, 1)
        if documents.said(each)["kind"] == kind and documents.holds(carrier, number, work.on)
    }
    enough = [event for event, limit in holding.items() if _suffices(limit, minimum)]
    return _verdict(
        kind, bool(enough), *(enough or holding or [carrier.set_in.get(f"kind {kind}", 1)])
    )


def _suffices(limit: Json | None, minimum: Json | None) -> bool:
    """An amount in another currency never does."""
    if minimum is None:
        return True
    if limit is None or limit["currency"] != minimum["currency"]:
        return False
    return Decimal(limit["amount"]) >= Decimal(minimum["amount"])


def _approved(carrier: Carrier, policy: Policy) -> Iterator[Verdict]:
    """A decision counts as long as what it was of is the same."""
    if not policy.terms["approval_required"]:
        return
    if carrier.decision is None:
        yield _verdict("approved", False, 1)
    elif changed := carrier.changed_since_decision:
        yield _verdict("approved", False, *(carrier.set_in[name] for name in changed))
    else:
        yield _verdict("approved", carrier.decision.granted, carrier.set_in["approval"])


def _not_blocked(carrier: Carrier, work: Work) -> Iterator[Verdict]:
    """Of a carrier that was ever blocked."""
    if "blocks" not in carrier.set_in:
        return
    blocks = instructions.applying(carrier, "block", work)
    by = carrier.set_in[f"block {min(blocks)}"] if blocks else carrier.set_in["blocks"]
    yield _verdict("not-blocked", not blocks, by)


def _not_on_hold(carrier: Carrier) -> Iterator[Verdict]:
    """Of a carrier of which a change ever waited."""
    if "proposals" not in carrier.set_in:
        return
    waiting = [carrier.set_in[f"proposal {number}"] for number in carrier.pending]
    yield _verdict("not-on-hold", not waiting, *(waiting or [carrier.set_in["proposals"]]))


def _overridden(carrier: Carrier, work: Work, verdict: Verdict) -> Verdict:
    """A verdict that does not hold by itself may hold by an override."""
    if verdict.holds or verdict.rule not in RULES:
        return verdict
    overrides = [
        carrier.set_in[f"override {number}"]
        for number, each in instructions.applying(carrier, "override", work).items()
        if instructions.said(each)["rule"] == verdict.rule
    ]
    return _verdict(verdict.rule, True, *overrides) if overrides else verdict


def preferences(carrier: Carrier, work: Work) -> list[dict[str, object]]:
    """Those that apply, which decide nothing."""
    return [
        {"preference_id": number, "reason": instructions.said(each)["reason"]}
        for number, each in instructions.applying(carrier, "preference", work).items()
    ]
