"""Tickets: made from a key, and checked without the store."""

import pytest

from app.application.access.tickets import TICKET_SECONDS, Ticket, issue_ticket, ticket_in
from tests.support.keys import new_key

NOW = 1_769_860_800.9


def test_a_ticket_is_read_back() -> None:
    """A ticket is read back from its text, which needs no escaping in a URL."""
    key, _ = new_key()
    ticket = issue_ticket(key, NOW)
    assert (ticket.prefix, ticket.expires_at) == (key.prefix, 1_769_860_800 + TICKET_SECONDS)
    assert ticket_in(str(ticket)) == ticket
    assert str(ticket).replace(".", "").replace("-", "").replace("_", "").isalnum()
    assert ticket.is_of(key)


def test_a_ticket_is_of_one_key_and_one_time() -> None:
    """A changed ticket is invalid, and a ticket is valid for its own key only."""
    key, text = new_key()
    other, _ = new_key()
    ticket = issue_ticket(key, NOW)
    assert not ticket.is_of(other)
    assert not Ticket(key.prefix, ticket.expires_at + 1, ticket.signature).is_of(key)
    assert text.partition(".")[2] not in str(ticket)
    assert key.digest.hex() not in str(ticket)


@pytest.mark.parametrize("change", ["", "x", "{}.", ".{}", "{}\n", "{}x", "anonymous"])
def test_what_is_no_ticket(change: str) -> None:
    """Text of another form is no ticket."""
    key, _ = new_key()
    assert ticket_in(change.format(issue_ticket(key, NOW))) is None
