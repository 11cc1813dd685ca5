"""The audit as lines of CSV: one a changed field."""

from collections.abc import Iterable, Iterator
from typing import Any

from app.api.resources.csv_text import csv_of, json_cell
from app.api.schemas.audit import SUBJECTS
from app.application.audit.audit import AuditLine
from app.application.csv_formulas import harmless

COLUMNS = (
    "recorded_at",
    "carrier_id",
    "version",
    "event",
    "actor",
    "field",
    "old",
    "new",
    "reason",
    "request_id",
)
"""New ones are put at the end: a client may count."""


def audit_csv(pages: Iterable[Iterable[AuditLine]]) -> Iterator[str]:
    """The header, then the lines, page by page."""
    return csv_of(COLUMNS, (map(_cells, page) for page in pages))


def _cells(line: AuditLine) -> list[str]:
    return [
        line.at.isoformat(timespec="milliseconds"),
        SUBJECTS.get(line.stream) or harmless(line.stream),
        str(line.version),
        harmless(line.event_type),
        harmless(line.actor),
        line.change.field,
        _value(line.change.was),
        _value(line.change.became),
        harmless(line.reason or ""),
        harmless(line.request_id or ""),
    ]


def _value(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Text as it is, anything else as JSON; nothing where there is nothing."""
    if value is None:
        return ""
    return harmless(value if isinstance(value, str) else json_cell(value))
