"""The description as the linters of others see it. What they are not asked is in their files."""

import re
from pathlib import Path

import pytest

from tests.support.node import CLIENTS, run_module

pytestmark = pytest.mark.usefixtures("require_node")


def test_redocly_finds_nothing(document: Path) -> None:
    """No error and no warning, by its strict rules."""
    done = run_module(
        "redocly", "lint", "--config", CLIENTS / "redocly.yaml", document, cwd=document.parent
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_spectral_finds_nothing(document: Path) -> None:
    """No error and no warning, by all its rules of OpenAPI."""
    rules = ("--ruleset", CLIENTS / "spectral.yaml", "--fail-severity", "hint")
    done = run_module("spectral", "lint", *rules, document, cwd=document.parent)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_lock_names_no_registry() -> None:
    """The programs come from whichever registry npm is set up for."""
    lock = (CLIENTS / "package-lock.json").read_text()
    assert not re.search(r'"resolved"|https?://\S*(registry|npm)', lock)
