"""A shell without settings, in a folder of its own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.service import MORE_SETTINGS, SETTINGS


@pytest.fixture(autouse=True)
def bare_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No setting from outside, and no .env."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(SETTINGS + MORE_SETTINGS):
            del os.environ[name]
    monkeypatch.chdir(tmp_path)
    yield
    os.environ.clear()
    os.environ.update(before)
