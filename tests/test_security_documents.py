"""SECURITY.md and docs/security.md: what they name is there, and no requirement is left out."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import pytest

from tests.support.project import ROOT

DOCUMENT = (ROOT / "docs/security.md").read_text()
POLICY = (ROOT / "SECURITY.md").read_text()
REQUIREMENTS = 253
"""How many ASVS 5.0.0 has of levels 1 and 2."""

_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


class Row(NamedTuple):
    """A row of a table: some requirements, and what is said of them."""

    requirements: tuple[str, ...]
    state: str
    how: str
    shown_by: str


def rows() -> Iterator[Row]:
    """Every row of the document's tables."""
    for line in DOCUMENT.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if re.match(r"\d+\.\d+\.\d+", cells[0]):
            yield Row(tuple(cells[0].split(", ")), *cells[1:])


@cache
def names_in(path: str) -> frozenset[str]:
    """The tests of a file."""
    nodes = ast.walk(ast.parse((ROOT / path).read_text()))
    return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize(("path", "name"), sorted(set(_TEST.findall(DOCUMENT))))
def test_every_test_that_is_named_is_there(path: str, name: str) -> None:
    """A claim without its test would go on standing."""
    assert name in names_in(path)


def test_no_test_is_named_in_another_way() -> None:
    """Each can be looked for."""
    assert len(_TEST.findall(DOCUMENT)) == DOCUMENT.count("::")


def test_every_requirement_is_spoken_of_once() -> None:
    """All of levels 1 and 2."""
    spoken = [each for row in rows() for each in row.requirements]
    assert len(set(spoken)) == len(spoken) == REQUIREMENTS


def test_what_is_met_is_shown() -> None:
    """A test for each row that is met; for any other a reason."""
    for row in rows():
        assert row.state in {"met", "n/a", "open"}, row
        assert row.how.endswith("."), row
        assert bool(_TEST.search(row.shown_by)) is (row.state == "met"), row


def test_the_policy_says_what_it_has_to() -> None:
    """How to report, what is supported, how soon dependencies are renewed, what is trusted."""
    headings = re.findall(r"(?m)^## (.*)$", POLICY)
    assert headings == ["Report a flaw", "What is supported", "What the service trusts"]
    assert "within\nseven days" in POLICY
    for path in re.findall(r"\]\((?!http)([^)#]+)\)", POLICY):
        assert (ROOT / path).exists()
