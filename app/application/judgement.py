"""May this carrier be given this work, and how is that known? Reads what the rules look at.

Two times are asked for, and neither stands for the other: `on` is the day of the work, `at` the
moment until which something had been recorded, of the carrier and of the policy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.application.deadline import Deadline
from app.application.queries import JudgeEligibility
from app.application.repository import CarrierRepository, PolicyRepository
from app.application.shown import DatedEvent, Shown
from app.domain.blocks import Instruction
from app.domain.command import CarrierEvent
from app.domain.eligibility import Facts, Work, eligible, facts_of, judge, state_after
from app.domain.policy.adopt import POLICY_ID
from app.domain.policy.state import PolicyState
from app.domain.state import CarrierState
from app.domain.verdict import Verdict

Events = Sequence[DatedEvent[CarrierEvent]]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answer: every rule's verdict on the work, and what it follows from. A verdict names the
    event that decided it by its index among `events`."""

    events: Events
    policy_version: int
    work: Work
    verdicts: Sequence[Verdict]
    preferences: Sequence[Instruction]
    depends_on_the_day: bool

    @property
    def version(self) -> int:
        """The carrier's version that was judged."""
        return self.events[-1].version

    @property
    def eligible(self) -> bool:
        """Whether every rule holds."""
        return eligible(self.verdicts)

    def rules_as_json(self) -> list[dict[str, Any]]:
        """Every verdict with the event that decided it, as the API shows them."""
        deciding = {each.decided_by: self._shown(each.decided_by) for each in self.verdicts}
        return [
            {
                "rule": each.rule,
                "holds": each.holds,
                "explanation": each.explanation,
                "looked_at": each.looked_at,
                "event": deciding[each.decided_by],
            }
            for each in self.verdicts
        ]

    def preferences_as_json(self) -> list[dict[str, Any]]:
        """The preferences that apply, as the API shows them."""
        return [{"preference_id": each.number, "reason": each.reason} for each in self.preferences]

    def _shown(self, index: int | None) -> dict[str, Any] | None:
        if index is None:
            return None
        event = self.events[index]
        return {
            "version": event.version,
            "event_id": str(event.event_id),
            "type": event.event_type,
            "at": event.at.isoformat(timespec="milliseconds"),
        }


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges work on the day `on` of the carrier of these events, which make `carrier` and these
    facts of it, by one policy; `today` is the day where the carrier is. Days are YYYY-MM-DD."""

    carrier: Shown[CarrierState]
    events: Events
    facts: Facts
    policy: Shown[PolicyState]
    today: str
    on: str

    def judged(self, asked: JudgeEligibility) -> Judgement:
        """Of this service in this country, for this customer."""
        state = self.facts.state
        work = Work(asked.country, asked.service, date.fromisoformat(self.on), asked.customer)
        by_people = state.blocks or state.preferences or state.overrides
        by_day = self.policy.version or by_people or state.scheduled
        return Judgement(
            self.events,
            self.policy.version,
            work,
            judge(self.facts, work, self.policy.state),
            work.instructions(state.preferences),
            bool(by_day),
        )


def judge_of(
    carriers: CarrierRepository,
    policies: PolicyRepository,
    carrier_id: str,
    asked: JudgeEligibility | None,
    deadline: Deadline,
) -> Judge:
    """What judges the carrier for the day that is asked for, today's if none is, by what had been
    recorded until the moment that is.

    Raises AggregateNotFound, also if it was not registered by then, UnreadableEvent and
    StoreUnavailable.
    """
    at = asked.at if asked else None
    events, policy = carriers.dated_beside(carrier_id, policies, POLICY_ID, deadline, at)
    return judge_by(carriers, policy, carrier_id, events, asked)


def judge_by(
    carriers: CarrierRepository,
    policy: Shown[PolicyState],
    carrier_id: str,
    events: Events,
    asked: JudgeEligibility | None,
) -> Judge:
    """The same by events that were read already, at least one, and by this policy, both up to the
    moment that is asked for."""
    said, moments = [each.event for each in events], [each.at for each in events]
    state = state_after(said)
    carrier = Shown(carrier_id, events[-1].version, state, moments[0], moments[-1])
    today = carriers.today(state)
    on = (asked and asked.on) or today
    return Judge(carrier, events, facts_of(said, moments, on, state), policy, today, on)
