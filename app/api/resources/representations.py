"""What the application answers, as the JSON that `app/api/schemas` describes."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from app.application.directory.comparison import Pair
from app.application.handlers import CommandDone
from app.application.history import Change, HistoryEntry, HistoryPage
from app.application.imports.plan import RowPlan
from app.application.judgement import Judgement
from app.application.policy_effect import Effect
from app.application.projections.carriers import NOT_SHOWN
from app.application.projections.statistics import GROUPS, REGISTERED, TOTAL
from app.application.projections.status import ViewStatus
from app.application.shown import Shown
from app.application.vetting import Vetting
from app.domain.blocks import Instruction
from app.domain.carrier import CarrierState
from app.domain.documents import Document
from app.domain.policy.state import PolicyState
from app.domain.proposals import pending


def registered(done: CommandDone) -> dict[str, Any]:
    """See `schemas.answers.RegisteredSchema`."""
    return {"message": "Carrier registered successfully", "carrier_id": done.stream}


def changed(done: CommandDone) -> dict[str, Any]:
    """See `schemas.answers.ChangedSchema`."""
    return {"carrier_id": done.stream, "version": done.version, "state": done.state}


def plan(done: CommandDone) -> dict[str, Any]:
    """See `schemas.answers.PlanSchema`."""
    return {
        "dry_run": True,
        "version": done.version,
        "state": done.state,
        "events": [{"type": type(event).__name__, "data": asdict(event)} for event in done.planned],
        "changes": _changes(done.changes),
    }


def import_row(plan: RowPlan) -> dict[str, Any]:
    """A row of an import, as it would be done, or was (`done`)."""
    return {
        "row": plan.row,
        "action": plan.kind,
        "done": plan.done,
        "carrier_id": plan.carrier_id,
        "version": plan.version or None,
        "changes": _changes(plan.changes),
        "column": plan.column,
        "sentence": plan.sentence or None,
    }


def carrier(view: Shown[CarrierState], on: str) -> dict[str, Any]:
    """See `schemas.answers.ShownCarrierSchema`. `on` is the day on which it is shown."""
    state = view.state.on(on)
    return {
        "carrier_id": view.id,
        "version": view.version,
        "registered_at": view.began_at and _moment(view.began_at),
        **state.as_json(),
        **_decisions(state),
        **_scheduled(state, on),
    }


def listed(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a view's row. See `schemas.answers.CarrierSchema`."""
    return {name: value for name, value in body.items() if name not in NOT_SHOWN}


def documents(view: Shown[CarrierState], on: str) -> dict[str, Any]:
    """See `schemas.documents.DocumentsSchema`. `on` is a day, YYYY-MM-DD."""
    return {
        "carrier_id": view.id,
        "version": view.version,
        "on": on,
        "documents": [_document(each, on) for each in view.state.documents.values()],
    }


def blocks(view: Shown[CarrierState], on: str) -> dict[str, Any]:
    """See `schemas.blocks.BlocksSchema`. `on` is a day, YYYY-MM-DD."""
    state = view.state
    return {
        "carrier_id": view.id,
        "version": view.version,
        "on": on,
        "blocks": [_instruction("block", each, on) for each in state.blocks.values()],
        "preferences": [
            _instruction("preference", each, on) for each in state.preferences.values()
        ],
        "overrides": [
            {"rule": each.rule, **_instruction("override", each, on)}
            for each in state.overrides.values()
        ],
    }


def judgement(carrier_id: str, found: Judgement) -> dict[str, Any]:
    """See `schemas.eligibility.EligibilitySchema`."""
    answer = {
        "carrier_id": carrier_id,
        "version": found.version,
        "policy_version": found.policy_version,
        "on": found.work.on.isoformat(),
        "eligible": found.eligible,
        "rules": found.rules_as_json(),
    }
    applied = found.preferences_as_json()
    return answer | {"preferences": applied} if applied else answer


def vetting(found: Vetting) -> dict[str, Any]:
    """See `schemas.eligibility.VettingSchema`."""
    return {
        "vetting_id": found.id,
        "carrier_id": found.carrier_id,
        "at": _moment(found.entry.at),
        "who": found.entry.who,
        **found.entry.data,
    }


def pair(found: Pair) -> dict[str, Any]:
    """See `schemas.duplicates.PairSchema`."""
    return {
        "score": found.score,
        "reasons": [asdict(reason) for reason in found.reasons],
        "carriers": [
            {"carrier_id": each.carrier_id, "name": each.name, "state": each.state}
            for each in found.carriers
        ],
    }


def statistics(counts: Mapping[str, int], position: int, days: int) -> dict[str, Any]:
    """See `schemas.directory.StatisticsSchema`. `days` are those on which a carrier was
    registered: so the answer rests on the view alone, and not on what day it is."""
    registered = sorted(_counted(counts, REGISTERED).items())
    return {
        "total": counts.get(TOTAL, 0),
        **{
            group.name: dict.fromkeys(group.always, 0) | _counted(counts, group.prefix)
            for group in GROUPS
        },
        "registrations": [{"day": day, "count": count} for day, count in registered[-days:]],
        "position": position,
    }


def history_entry(entry: HistoryEntry) -> dict[str, Any]:
    """See `schemas.answers.HistoryEntrySchema`."""
    return {
        "version": entry.version,
        "event_id": str(entry.event_id),
        "type": entry.event_type,
        "at": _moment(entry.at),
        "who": entry.who,
        "correlation_id": entry.correlation_id,
        "causation_id": entry.causation_id,
        "data": dict(entry.data),
        "changes": _changes(entry.changes),
    }


def history(
    page: HistoryPage, limit: int, about: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], int, dict[str, str]]:
    """A page of a history beside what it is `about`, with its status and headers."""
    more = page.next
    headers = {"Link": f'<?after={more}&limit={limit}>; rel="next"'} if more else {}
    events = [history_entry(entry) for entry in page.entries]
    return {**(about or {}), "events": events, "next": more}, 200, headers


def policy(view: Shown[PolicyState]) -> dict[str, Any]:
    """See `schemas.policy_answers.PolicySchema`."""
    return {
        "version": view.version,
        "adopted_at": view.changed_at and _moment(view.changed_at),
        "policy": view.state.as_json(),
    }


def policy_plan(done: CommandDone, effect: Effect | None) -> dict[str, Any]:
    """See `schemas.policy_answers.PolicyPlanSchema`."""
    planned = {name: value for name, value in plan(done).items() if name != "state"}
    return {**planned, "effect": effect and _effect(effect)}


def view_status(status: ViewStatus, head: int) -> dict[str, Any]:
    """See `schemas.answers.ViewStatusSchema`. `head` is the feed's last position."""
    return {
        "view": status.key,
        "made": status.is_made,
        "position": status.checkpoint,
        "behind": max(0, head - status.checkpoint),
    }


def _effect(effect: Effect) -> dict[str, Any]:
    """See `schemas.policy_answers.EffectSchema`."""
    return {
        "position": effect.position,
        "looked_at": effect.looked_at,
        "complete": effect.complete,
        **{
            name: {"carriers": group.carriers, "by_reason": dict(sorted(group.by_reason.items()))}
            for name, group in (("become", effect.become), ("cease", effect.cease))
        },
    }


def _document(document: Document, on: str) -> dict[str, Any]:
    return {
        "document_id": document.document_id,
        "kind": document.kind,
        "number": document.number,
        "issuer": document.issuer,
        "valid_from": document.valid_from,
        "valid_to": document.valid_to,
        "limit": document.limit,
        "sha256": document.sha256,
        "url": document.url,
        "holds": document.holds(on),
        "standing": document.standing,
        "reason": document.reason,
        "replaced_by": document.replaced_by,
    }


def _decisions(state: CarrierState) -> dict[str, Any]:
    """What people have to decide on, or have decided; nothing where there is neither."""
    found: dict[str, Any] = {}
    if waiting := list(pending(state.proposals)):
        found["pending"] = [
            {"proposal_id": each.number, "changes": dict(each.changes)} for each in waiting
        ]
    if decided := state.approval:
        found["approval"] = {
            "granted": decided.granted,
            "reason": decided.reason,
            "changed": decided.changed(state.as_json()),
        }
    return found


def _scheduled(state: CarrierState, on: str) -> dict[str, Any]:
    """What is to change after the day `on`; nothing where nothing is."""
    later = [
        {
            "change_id": each.number,
            "effective_on": each.effective_on,
            "changes": dict(each.changes),
            "reason": each.reason,
        }
        for each in state.to_come(on)
    ]
    return {"scheduled": later} if later else {}


def _instruction(noun: str, given: Instruction, on: str) -> dict[str, Any]:
    return {
        f"{noun}_id": given.number,
        "country": given.country,
        "service": given.service,
        "customer": given.customer,
        "valid_from": given.valid_from,
        "valid_to": given.valid_to,
        "reason": given.reason,
        "holds": given.holds(on),
        "taken_back": given.ended,
    }


def _counted(counts: Mapping[str, int], kind: str) -> dict[str, int]:
    """What is left of the keys, in order, without those that nobody is in any longer."""
    return {
        key.removeprefix(kind): count
        for key, count in sorted(counts.items())
        if key.startswith(kind) and count
    }


def _changes(changes: Iterable[Change]) -> list[dict[str, Any]]:
    return [{"field": each.field, "from": each.was, "to": each.became} for each in changes]


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
