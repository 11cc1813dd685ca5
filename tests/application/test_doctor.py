"""Findings that every store has in common: views, and who may call."""

import re

import pytest

from app.application.doctor import (
    EVENTS_BEHIND,
    Finding,
    Severity,
    in_order,
    notice,
    of_access,
    of_views,
    risk,
)
from app.application.projections.status import ViewStatus
from tests.support.project import ROOT


def view(live: int | None = 1, checkpoint: int = 5, parked: int = 0) -> ViewStatus:
    """A view of this release."""
    return ViewStatus("carriers.v1", live, checkpoint, parked, 0, None, None)


def codes(findings: list[Finding]) -> list[str]:
    """In their order."""
    return [each.code for each in findings]


def test_risks_come_first() -> None:
    """Otherwise findings keep their order."""
    given = [notice("a", "A."), risk("b", "B."), notice("c", "C."), risk("d", "D.")]
    assert codes(in_order(given)) == ["b", "d", "a", "c"]


@pytest.mark.parametrize(
    ("status", "others", "head", "expected"),
    [
        (view(), [], 5, []),
        (view(None, 0), [], 0, []),
        (view(None, 0), [], 5, ["view-not-made"]),
        (view(checkpoint=5), [], 5 + EVENTS_BEHIND, []),
        (view(checkpoint=5), [], 6 + EVENTS_BEHIND, ["view-behind"]),
        (view(parked=2), [], 5, ["parked-streams"]),
        (view(), ["carriers.v0"], 5, ["views-of-other-releases"]),
    ],
)
def test_views(status: ViewStatus, others: list[str], head: int, expected: list[str]) -> None:
    """Not made, behind, with parked streams, of another release; an empty registry has none."""
    findings = list(of_views([status], others, head))
    assert codes(findings) == expected
    assert all(each.severity is Severity.NOTICE for each in findings)


@pytest.mark.parametrize(
    ("on_loopback", "allow_anonymous", "has_keys", "expected"),
    [
        (True, True, False, []),
        (False, True, True, []),
        (False, False, False, []),
        (False, True, False, ["open-to-everybody"]),
    ],
)
def test_who_may_call(
    on_loopback: bool, allow_anonymous: bool, has_keys: bool, expected: list[str]
) -> None:
    """Everybody who reaches the service, if it was told so and has no key yet."""
    findings = of_access(
        "0.0.0.0", on_loopback=on_loopback, allow_anonymous=allow_anonymous, has_keys=has_keys
    )
    assert codes(list(findings)) == expected


def test_operations_explains_every_code() -> None:
    """In the table of docs/operations.md, and none that there is not."""
    finding = re.compile(r'\b(?:notice|risk|Finding)\(\s*"([a-z0-9-]+)"')
    made = {code for file in ROOT.glob("app/**/*.py") for code in finding.findall(file.read_text())}
    section = (ROOT / "docs/operations.md").read_text().partition("## What could lose data")[2]
    rows = [
        line.split("|")[1] for line in section.partition("\n## ")[0].splitlines() if "|" in line
    ]
    assert {code for row in rows for code in re.findall(r"`([a-z0-9-]+)`", row)} == made
