"""What the judge says of a run: a failure that tells how to make the run again, or a figure."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.history.judgement import broken, described
from tests.support.history.order import feed_order
from tests.support.history.records import History


def judge(history: History, seed: int, file: Path) -> History:
    """The history; fails with the verdicts if a promise was not kept."""
    verdicts = broken(history)
    assert not verdicts, "\n".join([f"{again(seed)}, {file}", *map(str, verdicts)])
    return history


def again(seed: int) -> str:
    """The command that makes the choices of the test that runs now again."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "").removesuffix(" (call)")
    full = f"SOAK={soak} " if (soak := os.environ.get("SOAK")) else ""
    return f"SEED={seed} SEEDS=1 {full}.venv/bin/pytest --no-cov '{test}'"


def seen(*histories: History) -> str:
    """What there was, for the figures."""
    return f"{described(*histories)}; {feed_order(*histories)}; every promise kept"
