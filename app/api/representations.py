"""What the application answers, as the JSON that `schemas.py` describes."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from app.application.handlers import CommandDone
from app.application.history import Change, HistoryEntry
from app.application.repository import CarrierView


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


def _changes(changes: Iterable[Change]) -> list[dict[str, Any]]:
    return [{"field": each.field, "from": each.was, "to": each.became} for each in changes]


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
