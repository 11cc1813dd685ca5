"""Reading what one has just written: tokens, and for whom a query waits."""

from uuid import UUID

import pytest

from app.application.consistency import BadToken, Token, ViewBehind, token_in, token_of
from app.application.deadline import Deadline
from app.application.views import Changes, Parked
from tests.support.directory import Filled, carrier
from tests.support.stores import soon


def test_a_token_is_opaque_and_names_a_carrier_at_a_version() -> None:
    """One that was mangled is refused."""
    token = token_of(str(UUID(int=7)), 300)
    assert token_in(token) == Token(str(UUID(int=7)), 300)
    for wrong in ("", "a", "é" * 32, token[:-4], token[:-1] + "!", "B" + token[1:], token * 2):
        with pytest.raises(BadToken):
            token_in(wrong)


def test_what_the_view_holds_is_not_waited_for(filled: Filled) -> None:
    """Not even when nobody else may wait."""
    filled.put(carrier(1))
    with filled.tail.listener():
        filled.directory.wait_for(Token(str(UUID(int=1)), 1), soon())


def test_who_waits_wakes_who_fills_the_view(filled: Filled) -> None:
    """And goes on as soon as it is there."""
    filled.nudged = lambda: filled.put(carrier(1))
    filled.directory.wait_for(Token(str(UUID(int=1)), 1), soon())


def test_waiting_ends_in_time_for_an_answer(filled: Filled) -> None:
    """A second before the request's deadline."""
    filled.put(carrier(1))
    deadline = Deadline.after(1.1)
    with pytest.raises(ViewBehind):
        filled.directory.wait_for(Token(str(UUID(int=1)), 2), deadline)
    assert deadline.remaining() > 0.5


def test_a_parked_carrier_is_not_waited_for(filled: Filled) -> None:
    """From the version on that cannot be applied."""
    filled.put(carrier(1))
    stream = str(UUID(int=1))
    filled.written.commit(Changes(5, parked=[Parked(stream, 2, 5, "unreadable", 2)]))
    filled.directory.wait_for(Token(stream, 1), soon())
    with pytest.raises(ViewBehind, match="stopped following"):
        filled.directory.wait_for(Token(stream, 2), soon())


def test_only_so_many_wait(filled: Filled) -> None:
    """The others are told at once."""
    with filled.tail.listener(), pytest.raises(ViewBehind, match="too many"):
        filled.directory.wait_for(Token(str(UUID(int=1)), 1), soon())
