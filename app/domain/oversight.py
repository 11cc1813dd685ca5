"""What decisions of people make of a carrier's eligibility: blocks, approval, changes that wait for
a second person, and overrides of a verdict. Imports only the domain.

A carrier that was never blocked has no rule on blocks, and one of which nothing was ever proposed
none on changes; the rule on approval is there where the policy asks for it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from app.domain.blocks import NOT_BLOCKED, OVERRIDABLE, Instruction
from app.domain.commands.approve import CarrierApproved
from app.domain.commands.block import CarrierBlocked
from app.domain.commands.confirm_change import CarrierChangeConfirmed
from app.domain.commands.discard_change import CarrierChangeDiscarded
from app.domain.commands.override_verdict import CarrierVerdictOverridden
from app.domain.commands.reject import CarrierRejected
from app.domain.commands.unblock import CarrierUnblocked
from app.domain.proposals import pending
from app.domain.provenance import Last, Provenance
from app.domain.second_person import CarrierChangeProposed
from app.domain.state import CarrierState
from app.domain.verdict import Verdict

NOT_ON_HOLD, APPROVED = "not-on-hold", "approved"

Applying = Callable[[Mapping[int, Instruction]], list[Instruction]]
"""Which instructions apply to the work: `blocks.applying` of that work."""


def on_blocks(state: CarrierState, applying: Applying, last: Last) -> Iterator[Verdict]:
    """Whether a block applies to the work; nothing about a carrier that was never blocked."""
    if not state.blocks:
        return
    found = applying(state.blocks)
    numbers = [each.number for each in found]
    if not found:
        by = last(lambda event: isinstance(event, CarrierBlocked | CarrierUnblocked))
        yield Verdict(NOT_BLOCKED, True, "No block applies to this work", by, numbers)
        return
    first = found[0]
    until = f" to {first.valid_to}" if first.valid_to else ""
    sentence = (
        f"The carrier is blocked for {first.described()} from {first.valid_from}{until}:"
        f" {first.reason}"
    )
    by = last(lambda event: isinstance(event, CarrierBlocked) and event.block_id == first.number)
    yield Verdict(NOT_BLOCKED, False, sentence, by, numbers)


def on_hold(state: CarrierState, last: Last) -> Iterator[Verdict]:
    """Whether a change waits for a second person; nothing where none was ever proposed."""
    if not state.proposals:
        return
    waiting = list(pending(state.proposals))
    fields = sorted({name for each in waiting for name in each.changes})
    if not waiting:
        settles = CarrierChangeConfirmed | CarrierChangeDiscarded
        by = last(lambda event: isinstance(event, settles))
        yield Verdict(NOT_ON_HOLD, True, "No change waits for a second person", by, fields)
        return
    sentence = f"On hold: a change of {', '.join(fields)} waits for a second person"
    by = last(
        lambda event: (
            isinstance(event, CarrierChangeProposed) and event.proposal_id == waiting[-1].number
        )
    )
    yield Verdict(NOT_ON_HOLD, False, sentence, by, fields)


def on_approval(state: CarrierState, provenance: Provenance) -> Verdict:
    """Whether the carrier is approved as it is now. For a policy that asks for it."""
    approval = state.approval
    if approval is None:
        sentence, by = "The carrier has not been approved", provenance.registration()
        return Verdict(APPROVED, False, sentence, by, None)
    decided = provenance.last(lambda event: isinstance(event, CarrierApproved | CarrierRejected))
    changed = approval.changed(state.as_json())
    looked_at = {"granted": approval.granted, "changed": changed}
    if changed:
        sentence = f"The carrier's {', '.join(changed)} changed after somebody decided on it"
        by = provenance.last_to_set(changed)
        return Verdict(APPROVED, False, sentence, by if by is not None else decided, looked_at)
    word = "approved" if approval.granted else "rejected"
    sentence = f"The carrier is {word}: {approval.reason}"
    return Verdict(APPROVED, approval.granted, sentence, decided, looked_at)


def overridden(
    verdicts: Iterable[Verdict], state: CarrierState, applying: Applying, last: Last
) -> Iterator[Verdict]:
    """The verdicts, where those against the carrier that an override is about hold by it."""
    applied = applying(state.overrides) if state.overrides else []
    by_rule = {each.rule: each for each in applied if each.rule in OVERRIDABLE}
    for verdict in verdicts:
        if verdict.holds or verdict.rule not in by_rule:
            yield verdict
        else:
            yield _by_override(verdict, by_rule[verdict.rule], last)


def _by_override(verdict: Verdict, override: Instruction, last: Last) -> Verdict:
    by = last(
        lambda event: (
            isinstance(event, CarrierVerdictOverridden) and event.override_id == override.number
        )
    )
    sentence = (
        f"{verdict.explanation}; it holds by override {override.number}, to {override.valid_to}:"
        f" {override.reason}"
    )
    return replace(verdict, holds=True, explanation=sentence, decided_by=by)
