"""Whether a carrier is eligible for a piece of work: rules over its events, and those that the
policy adds. Imports only the domain.

Every rule is checked, even after one does not hold, so that the answer names every obstacle. Three
rules always count: the carrier is active, it offers the service, and it does so in the country. The
policy adds one for each requirement that applies to the work, one on how recent the profile is, and
one on approval. Decisions of people add theirs where there are any (`oversight.py`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from app.domain.blocks import Instruction, Instructions, applying
from app.domain.carrier import ACTIVE, Carrier, CarrierState
from app.domain.command import CarrierEvent
from app.domain.commands.file_document import CarrierDocumentFiled
from app.domain.commands.merge import CarrierMerged
from app.domain.commands.register import CarrierRegistered
from app.domain.commands.reinstate import CarrierReinstated
from app.domain.commands.replace_document import CarrierDocumentReplaced
from app.domain.commands.retire import CarrierRetired
from app.domain.commands.schedule_change import CarrierChangeScheduled
from app.domain.commands.suspend import CarrierSuspended
from app.domain.commands.unmerge import CarrierUnmerged
from app.domain.commands.withdraw_document import CarrierDocumentWithdrawn
from app.domain.documents import Document, held
from app.domain.oversight import on_approval, on_blocks, on_hold, overridden
from app.domain.policy.state import PolicyState
from app.domain.profile.coverage import WORLDWIDE
from app.domain.provenance import UNKNOWN, Provenance, fields_set_by, provenance_of
from app.domain.taking_effect import CarrierScheduledChangeTookEffect
from app.domain.verdict import Verdict

SERVICE, COUNTRY, RECENT = "service", "country", "recent"

_SETS_THE_STATE = (
    CarrierRegistered,
    CarrierSuspended,
    CarrierReinstated,
    CarrierRetired,
    CarrierMerged,
    CarrierUnmerged,
)
_FILES_A_DOCUMENT = (CarrierDocumentFiled, CarrierDocumentReplaced)
_OF_A_DOCUMENT = (*_FILES_A_DOCUMENT, CarrierDocumentWithdrawn)


@dataclass(frozen=True, slots=True)
class Work:
    """Work of this service in this country (alpha-2, upper case), on a day, and for which customer;
    None if nobody says for whom."""

    country: str
    service: str
    on: date
    customer: str | None = None

    def instructions(self, instructions: Instructions) -> list[Instruction]:
        """Those that apply to the work."""
        day = self.on.isoformat()
        return applying(instructions, self.country, self.service, self.customer, day)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at. `profile_of` is the day since which the profile is what it is, if
    that is known; `provenance` says which events decided, if anybody asks."""

    state: CarrierState
    profile_of: date | None = None
    provenance: Provenance = UNKNOWN


def state_after(events: Iterable[CarrierEvent]) -> CarrierState:
    """What all events of one carrier make of it, in order, at least one."""
    state: CarrierState | None = None
    for event in events:
        state = Carrier.evolve(state, event)
    assert state is not None, "a carrier has events"  # noqa: S101
    return state


def facts_of(
    events: Sequence[CarrierEvent],
    moments: Sequence[datetime],
    on: str,
    state: CarrierState | None = None,
) -> Facts:
    """What all events of one carrier say of a day (YYYY-MM-DD), in order, at least one. `moments`
    are those of the events, UTC; `state` is the one after them, if it is known already."""
    state = state or state_after(events)
    provenance = provenance_of(events, state, on)
    profile = provenance.last(sets_the_profile)
    return Facts(
        state.on(on),
        None if profile is None else day_of(events[profile], moments[profile]),
        provenance,
    )


def judge(facts: Facts, work: Work, policy: PolicyState) -> list[Verdict]:
    """Every rule's verdict on the work."""
    return list(_verdicts(facts, work, policy))


def eligible(verdicts: Iterable[Verdict]) -> bool:
    """Whether every rule holds."""
    return all(each.holds for each in verdicts)


def may_be_given(facts: Facts, work: Work, policy: PolicyState) -> bool:
    """Whether every rule holds, where nobody asks which do not: no more rules are judged than it
    takes to know."""
    return eligible(_verdicts(facts, work, policy))


def _verdicts(facts: Facts, work: Work, policy: PolicyState) -> Iterator[Verdict]:
    found = _by_themselves(facts, work, policy)
    return overridden(found, facts.state, work.instructions, facts.provenance.last)


def _by_themselves(facts: Facts, work: Work, policy: PolicyState) -> Iterator[Verdict]:
    state, last = facts.state, facts.provenance.last
    yield from _always(facts, work)
    yield from _on_the_profile(facts, work, policy)
    for requirement in policy.requirements:
        if applies(requirement, work):
            yield _on_a_document(facts, work, requirement)
    yield from on_blocks(state, work.instructions, last)
    yield from on_hold(state, last)
    if policy.approval_required:
        yield on_approval(state, facts.provenance)


def applies(requirement: Mapping[str, Any], work: Work) -> bool:
    """Whether the work needs what the requirement asks for."""
    service, country = requirement.get("service"), requirement.get("country")
    return service in {None, work.service} and country in {None, work.country}


def _always(facts: Facts, work: Work) -> Iterator[Verdict]:
    state, service, country = facts.state, work.service, work.country
    places = _offered(state, service)
    services = sorted({coverage["service"] for coverage in state.profile.coverage})
    state_set_by = facts.provenance.last(_sets_the_state)
    covered_by = facts.provenance.last_to_set(("coverage",))
    yield Verdict("active", state.state == ACTIVE, _of_state(state), state_set_by, state.state)
    yield Verdict(SERVICE, bool(places), _of_service(places, service), covered_by, services)
    yield Verdict(
        COUNTRY,
        country in places or WORLDWIDE in places,
        _of_country(places, country, service),
        covered_by,
        sorted(places),
    )


def _on_the_profile(facts: Facts, work: Work, policy: PolicyState) -> Iterator[Verdict]:
    days = policy.recent_within_days
    if days is None:
        return
    last = facts.profile_of
    if last is None:
        yield Verdict(RECENT, False, "It is not known when the profile was last changed", None)
        return
    holds = work.on - last <= timedelta(days=days)
    since = f"within {days} days" if holds else f"more than {days} days"
    before = f"{since} before {work.on}" if last <= work.on else f"after {work.on}"
    yield Verdict(
        RECENT,
        holds,
        f"The carrier's profile was last changed on {last}, {before}",
        facts.provenance.last(sets_the_profile),
        last.isoformat(),
    )


def _on_a_document(facts: Facts, work: Work, requirement: Mapping[str, Any]) -> Verdict:
    """Of several documents that hold, the one that suffices decides, or else the last."""
    kind, minimum, day = requirement["kind"], requirement.get("minimum"), work.on.isoformat()
    needed = f"{_amount(minimum)} or more is needed" if minimum else "one is needed"
    found = sorted(
        held(facts.state.documents, kind, day), key=lambda each: _suffices(each, minimum)
    )
    if not found:
        sentence = f"The carrier has no {kind} that holds on {day}; {needed}"
        looked_at = {"minimum": minimum, "limit": None}
        return Verdict(kind, False, sentence, _last_of_kind(facts, kind), looked_at)
    best = found[-1]
    sentence = f"The carrier has a {kind} that holds on {day}"
    if minimum is not None:
        good_for = _amount(best.limit) if best.limit else "no stated amount"
        sentence = f"The carrier's {kind} on {day} is good for {good_for}; {needed}"
    looked_at = {"document_id": best.document_id, "minimum": minimum, "limit": best.limit}
    filed_by = facts.provenance.last(partial(_files, document_id=best.document_id))
    return Verdict(kind, _suffices(best, minimum), sentence, filed_by, looked_at)


def _suffices(document: Document, minimum: Mapping[str, str] | None) -> bool:
    """Whether the document answers for as much as the minimum. An amount of another currency is
    never enough: what it is worth is not ours to say."""
    limit = document.limit
    if minimum is None or limit is None:
        return minimum is None
    is_enough = Decimal(limit["amount"]) >= Decimal(minimum["amount"])
    return is_enough and limit["currency"] == minimum["currency"]


def _last_of_kind(facts: Facts, kind: str) -> int | None:
    """The last event about a document of the kind; the registration, with which there was none, if
    there was never another."""
    ids = {each.document_id for each in facts.state.documents.values() if each.kind == kind}
    last = facts.provenance.last(
        lambda event: isinstance(event, _OF_A_DOCUMENT) and event.document_id in ids
    )
    return facts.provenance.registration() if last is None else last


def _files(event: CarrierEvent, document_id: int) -> bool:
    """Whether the event put that document on file."""
    return isinstance(event, _FILES_A_DOCUMENT) and event.document_id == document_id


def _amount(limit: Mapping[str, str]) -> str:
    return f"{limit['amount']} {limit['currency']}"


def _offered(state: CarrierState, service: str) -> frozenset[str]:
    """The countries, or WORLDWIDE, in which the carrier offers the service."""
    return frozenset(
        country
        for coverage in state.profile.coverage
        if coverage["service"] == service
        for country in coverage["countries"]
    )


def day_of(event: CarrierEvent, moment: datetime) -> date:
    """Since when the event counts, which was recorded at that moment (UTC)."""
    if isinstance(event, CarrierChangeScheduled | CarrierScheduledChangeTookEffect):
        return date.fromisoformat(event.effective_on)
    return moment.date()


def sets_the_profile(event: CarrierEvent) -> bool:
    """Whether the event says who the carrier is or what it offers: its profile is as old as the
    last of them."""
    return bool(fields_set_by(event))


def _sets_the_state(event: CarrierEvent) -> bool:
    return isinstance(event, _SETS_THE_STATE)


def _of_state(state: CarrierState) -> str:
    because = f": {state.reason}" if state.reason else ""
    return f"The carrier is {state.state}{because}"


def _of_service(places: frozenset[str], service: str) -> str:
    return f"The carrier offers {service}" if places else f"The carrier does not offer {service}"


def _of_country(places: frozenset[str], country: str, service: str) -> str:
    if WORLDWIDE in places:
        return f"The carrier offers {service} worldwide"
    if country in places:
        return f"The carrier offers {service} in {country}"
    return f"The carrier does not offer {service} in {country}"
