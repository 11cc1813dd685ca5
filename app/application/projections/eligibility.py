"""What a row of the directory says for eligibility to be judged by it, and the terms that carriers
are found by which may be eligible. Pure.

Terms narrow, and the judgement decides: a row says all that the rules look at, in full, so that a
list is judged by the code that judges one carrier. What a rule says to people is left out, and
with it whatever can hold on no day: the row is judged yes or no.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from app.domain.approval import Approval, subject_of
from app.domain.blocks import Instruction, Instructions
from app.domain.documents import KINDS, Document
from app.domain.eligibility import COUNTRY, SERVICE, Facts, Work, applies, may_be_given
from app.domain.errors import InvalidValue
from app.domain.policy.state import PolicyState
from app.domain.profile import PROFILE_PARTS, Profile
from app.domain.proposals import Proposal, pending
from app.domain.state import ACTIVE, CarrierState

Body = Mapping[str, Any]

_ANY = "*"
_APPROVED, _REJECTED = "approved", "rejected"

CHANGE, APPROVAL = "change", "approval"
WAITING = (CHANGE, APPROVAL)
"""What a carrier can wait for: that a second person confirms or discards a change; that somebody
approves or rejects it as it is now."""


def judged_by(state: CarrierState, profile_of: date | None) -> dict[str, Any]:
    """What the rules look at beside the carrier as the API shows it, as JSON; nothing where there
    is nothing to look at. `profile_of` is the day of the profile's last change."""
    approval = state.approval
    decided = approval if approval and not approval.changed(state.as_json()) else None
    found = {
        "profile_of": None if profile_of is None else profile_of.isoformat(),
        "documents": [
            [each.document_id, each.kind, *_days(each), each.replaced_from, each.limit]
            for each in state.documents.values()
            if not each.withdrawn
        ],
        "blocks": _standing(state.blocks),
        "overrides": _standing(state.overrides),
        "on_hold": any(True for _ in pending(state.proposals)),
        _APPROVED: bool(decided and decided.granted),
        _REJECTED: bool(decided and not decided.granted),
    }
    return {name: value for name, value in found.items() if value}


def judged_after(before: Body, body: Body, day: str) -> dict[str, Any]:
    """What `judged_by` said of the row with the body `before`, once scheduled changes have made it
    `body`, the last of them on this day: the profile is as recent as that, and who was approved may
    be another one now."""
    judged = {**before["judged_by"], "profile_of": day}
    if subject_of(before) != subject_of(body):
        judged.pop(_APPROVED, None)
        judged.pop(_REJECTED, None)
    return judged


def facts_in(body: Body) -> Facts:
    """What the rules look at, of the row with this body."""
    said: Mapping[str, Any] = body["judged_by"]
    profile = Profile(**{part: body[part] for part in PROFILE_PARTS})
    state = CarrierState(
        body["name"],
        body["email"],
        body["state"],
        profile=profile,
        documents={each.document_id: each for each in map(_document, said.get("documents", ()))},
        blocks=_instructions(said.get("blocks", ())),
        overrides=_instructions(said.get("overrides", ())),
        approval=Approval(True, "", subject_of(body)) if _APPROVED in said else None,
        proposals={1: Proposal(1, {})} if "on_hold" in said else {},
    )
    day = said.get("profile_of")
    return Facts(state, profile_of=None if day is None else date.fromisoformat(day))


def may(body: Body, work: Work, policy: PolicyState) -> bool:
    """Whether the carrier with this row can be given the work."""
    return may_be_given(facts_in(body), work, policy)


def eligibility_terms(body: Body) -> Iterator[str]:
    """The terms of the row with this body, beside those of its state and its coverage."""
    said: Mapping[str, Any] = body["judged_by"]
    for kind in body["covered"]:
        yield _fulfils(kind)
    for rule, country, service, *_ in said.get("overrides", ()):
        if rule in KINDS:
            yield _fulfils(rule)
        elif rule in {COUNTRY, SERVICE}:
            yield _admitted(country, service)
    if _APPROVED in said:
        yield _APPROVED
    elif _REJECTED not in said and body["state"] == ACTIVE:
        yield waiting_term(APPROVAL)
    if "on_hold" in said:
        yield waiting_term(CHANGE)


def waiting_term(what: str) -> str:
    """Those that wait for that, which is in WAITING; else raises InvalidValue."""
    if what not in WAITING:
        raise InvalidValue(f"The waiting parameter must be {' or '.join(WAITING)}")
    return f"waiting:{what}"


def admitted_terms(country: str, service: str) -> frozenset[str]:
    """Terms of which a row has one if an override may stand for the coverage of that work."""
    return frozenset(_admitted(at, what) for at in (country, None) for what in (service, None))


def asked_terms(work: Work, policy: PolicyState) -> Iterator[frozenset[str]]:
    """Sets of terms; whoever has what the policy asks for has a term of each."""
    for requirement in policy.requirements:
        if applies(requirement, work):
            yield frozenset({_fulfils(requirement["kind"])})
    if policy.approval_required:
        yield frozenset({_APPROVED})


def _fulfils(kind: str) -> str:
    """Those that have a document of the kind, or an override that stands for it."""
    return f"fulfils:{kind}"


def _admitted(country: str | None, service: str | None) -> str:
    """Those with an override that stands for the coverage of such work."""
    return f"admitted:{(country or _ANY).lower()}/{service or _ANY}"


def _days(given: Document | Instruction) -> tuple[str, str | None]:
    return given.valid_from, given.valid_to


def _document(said: list[Any]) -> Document:
    number, kind, first, last, replaced_from, limit = said
    return Document(number, kind, "", "", first, last, limit, replaced_from=replaced_from)


def _standing(instructions: Instructions) -> list[list[str | None]]:
    return [
        [each.rule, each.country, each.service, each.customer, *_days(each)]
        for each in instructions.values()
        if each.stands
    ]


def _instructions(said: list[list[Any]]) -> Instructions:
    return {
        number: Instruction(number, country, service, customer, first, last, "", rule=rule)
        for number, (rule, country, service, customer, first, last) in enumerate(said, 1)
    }
