"""Waiting for a view."""

import time
from contextlib import nullcontext

import pytest

from app.application.consistency import ViewBehind
from app.application.deadline import Deadline
from app.application.directory.live_views import LiveViews
from tests.support.directory import Filled


def test_the_longer_a_view_is_waited_for_the_seldomer_it_is_looked_at(filled: Filled) -> None:
    """Each look is a read of the store: at once, soon after, and then ten times a second."""
    live = LiveViews(filled.views, wake=lambda: None, place=nullcontext)
    looks: list[float] = []

    def is_there() -> bool:
        looks.append(time.monotonic())
        return False

    began = time.monotonic()
    with pytest.raises(ViewBehind):
        live.wait_until(is_there, Deadline.after(2))  # a second of it is kept for the answer
    assert 0.9 < time.monotonic() - began < 1.9
    assert 2 <= len(looks) <= 15
