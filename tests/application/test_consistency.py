"""Consistency tokens: what they name, and how long a query waits for a view."""

import re
from uuid import UUID

import pytest

from app.application.consistency import (
    TOKEN_PATTERN,
    BadToken,
    Token,
    ViewBehind,
    token_in,
    token_of,
)
from app.application.deadline import Deadline
from app.application.ports.views import Changes, Parked
from tests.support.directory import Filled, carrier
from tests.support.stores import soon

ONE, OTHER = str(UUID(int=1)), str(UUID(int=2))


@pytest.mark.parametrize("written", [{ONE: 300}, {ONE: 1, OTHER: 2**32 - 1}])
@pytest.mark.parametrize("feed", [None, "7c9e6679-7425-40de-944b-e07fc1f90ae7"])
def test_a_token_is_opaque_and_names_carriers_at_versions(
    written: dict[str, int], feed: str | None
) -> None:
    """A token names one carrier or two, and a damaged token is refused."""
    token = token_of(written, feed)
    assert re.fullmatch(TOKEN_PATTERN, token)
    assert token_in(token) == Token(written, feed)
    damaged = (token[:-4], token[:-1] + "!", "B" + token[1:], token * 2, token + "AAAA")
    for wrong in ("", "a", "é" * 32, *damaged):
        with pytest.raises(BadToken):
            token_in(wrong)


def test_a_token_of_a_former_release_is_read() -> None:
    """A token of an earlier release is read; it names no feed."""
    former = "AAAAAAAAAAAAAAAAAAAABwAAASyWNho_"
    assert token_in(former) == Token({str(UUID(int=7)): 300}, None)
    assert token_of({str(UUID(int=7)): 300}) == former


def test_what_the_view_holds_is_not_waited_for(filled: Filled) -> None:
    """A query whose view holds the token's version does not wait, even if the concurrency limit is
    reached."""
    filled.put(carrier(1))
    with filled.tail.listener():
        filled.directory.wait_for(Token({ONE: 1}), soon())


def test_who_waits_wakes_who_fills_the_view(filled: Filled) -> None:
    """A waiting query wakes the follower, and ends as soon as the view holds the version."""
    filled.woken = lambda: filled.put(carrier(1))
    filled.directory.wait_for(Token({ONE: 1}), soon())


def test_waiting_ends_in_time_for_an_answer(filled: Filled) -> None:
    """Waiting ends a second before the request's deadline."""
    filled.put(carrier(1))
    deadline = Deadline.after(1.1)
    with pytest.raises(ViewBehind):
        filled.directory.wait_for(Token({ONE: 2}), deadline)
    assert deadline.remaining() > 0.5


def test_a_parked_carrier_is_not_waited_for(filled: Filled) -> None:
    """A query does not wait for a version from which the carrier's stream is parked."""
    filled.put(carrier(1))
    stream = ONE
    filled.written.commit(Changes(5, parked=[Parked(stream, 2, 5, "unreadable", 2)]))
    filled.directory.wait_for(Token({stream: 1}), soon())
    with pytest.raises(ViewBehind, match="stopped following"):
        filled.directory.wait_for(Token({stream: 2}), soon())


def test_both_carriers_of_a_token_are_waited_for(filled: Filled) -> None:
    """A query waits until its view holds the second one too, and not for a parked one."""
    filled.put(carrier(1))
    filled.woken = lambda: filled.put(carrier(2))
    filled.directory.wait_for(Token({ONE: 1, OTHER: 1}), soon())
    filled.written.commit(Changes(5, parked=[Parked(OTHER, 2, 5, "unreadable", 2)]))
    with pytest.raises(ViewBehind, match="stopped following"):
        filled.directory.wait_for(Token({ONE: 1, OTHER: 2}), soon())


def test_only_so_many_wait(filled: Filled) -> None:
    """Beyond the concurrency limit a query is refused at once."""
    with filled.tail.listener(), pytest.raises(ViewBehind, match="too many"):
        filled.directory.wait_for(Token({ONE: 1}), soon())
