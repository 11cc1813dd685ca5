"""What the application answers, as the JSON that `schemas.py` describes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from app.application.handlers import CommandDone
from app.application.history import Change, HistoryEntry
from app.application.projections.statistics import COUNTRY, REGISTERED, SERVICE, STATE, TOTAL
from app.application.repository import CarrierView, Told
from app.domain.carrier import POSSIBLE
from app.domain.eligibility import Verdict


def registered(done: CommandDone) -> dict[str, Any]:
    """See `schemas.RegisteredSchema`."""
    return {"message": "Carrier registered successfully", "carrier_id": done.carrier_id}


def changed(done: CommandDone) -> dict[str, Any]:
    """See `schemas.ChangedSchema`."""
    return {"carrier_id": done.carrier_id, "version": done.version, "state": done.state}


def plan(done: CommandDone) -> dict[str, Any]:
    """See `schemas.PlanSchema`."""
    return {
        "dry_run": True,
        "version": done.version,
        "state": done.state,
        "events": [{"type": type(event).__name__, "data": asdict(event)} for event in done.planned],
        "changes": _changes(done.changes),
    }


def carrier(view: CarrierView) -> dict[str, Any]:
    """See `schemas.CarrierSchema`."""
    return {
        "carrier_id": view.carrier_id,
        "version": view.version,
        "registered_at": _moment(view.registered_at),
        **view.state.as_json(),
    }


def listed(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a view's row. See `schemas.CarrierSchema`."""
    return {name: value for name, value in body.items() if name != "updated_at"}


def eligibility(told: Sequence[Told], verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """See `schemas.EligibilitySchema`."""
    rules = [
        {
            "rule": verdict.rule,
            "holds": verdict.holds,
            "explanation": verdict.explanation,
            "event": None if verdict.decided_by is None else _deciding(told[verdict.decided_by]),
        }
        for verdict in verdicts
    ]
    return {"eligible": all(rule["holds"] for rule in rules), "rules": rules}


def statistics(counts: Mapping[str, int], position: int, days: int) -> dict[str, Any]:
    """See `schemas.StatisticsSchema`. `days` are those on which somebody registered: so the answer
    rests on the view alone, and not on what day it is."""
    registered = sorted(_counted(counts, REGISTERED).items())
    return {
        "total": counts.get(TOTAL, 0),
        "states": dict.fromkeys(POSSIBLE, 0) | _counted(counts, STATE),
        "countries": _counted(counts, COUNTRY),
        "services": _counted(counts, SERVICE),
        "registrations": [{"day": day, "count": count} for day, count in registered[-days:]],
        "position": position,
    }


def history_entry(entry: HistoryEntry) -> dict[str, Any]:
    """See `schemas.HistoryEntrySchema`."""
    return {
        "version": entry.version,
        "event_id": str(entry.event_id),
        "type": entry.event_type,
        "at": _moment(entry.at),
        "who": entry.who,
        "correlation_id": entry.correlation_id,
        "causation_id": entry.causation_id,
        "changes": _changes(entry.changes),
    }


def _deciding(told: Told) -> dict[str, Any]:
    return {
        "version": told.version,
        "event_id": str(told.event_id),
        "type": told.event_type,
        "at": _moment(told.at),
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
