"""docs/sabotages.md: what finds which fault, and in how long."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.support.measurements import IS_FULL
from tests.support.project import ROOT
from tests.support.sabotages.finders import Found
from tests.support.sabotages.sabotage import Sabotage

DOCUMENT = ROOT / "docs" / "sabotages.md"

_HEAD = """# Sabotages

Faults that `make soak` puts into copies of this code, one at a time (`tests/support/sabotages`),
and what finds each of them. The promises are those of `tests/support/history`: a judge knows
nothing but what clients of the service were told. Without a fault the same tests pass.

Last full run: {date}. Seconds are those until the test had failed, its preparation included.

| fault | where | found by | seconds |
| --- | --- | --- | --- |
"""


def write_document(found: list[tuple[Sabotage, Found]]) -> None:
    """Replace the document, if this is a full run."""
    if not IS_FULL:
        return
    rows = [
        f"| {sabotage.name} | {sabotage.file} | {each.by or '**nothing**'} | {each.seconds:.0f} |"
        for sabotage, each in found
    ]
    head = _HEAD.format(date=datetime.now(UTC).date().isoformat())
    DOCUMENT.write_text(head + "\n".join(rows) + "\n")
