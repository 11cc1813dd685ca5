"""A node that is suspected is asked last, and is tried again now and then."""

import time
from dataclasses import dataclass

import pytest

from app.infrastructure.cassandra import suspicion
from app.infrastructure.cassandra.suspicion import Suspects, SuspectsLast


@dataclass(frozen=True)
class Node:
    """What the driver knows of a node, as far as it matters here."""

    endpoint: str
    is_up: bool | None = True

    @property
    def address(self) -> str:
        """As the driver's Host has it: the endpoint's."""
        return self.endpoint


A, B, C = Node("a"), Node("b"), Node("c")


class InOrder:
    """A policy whose plan is always the same."""

    def make_query_plan(self, _keyspace: str | None = None, _query: object = None) -> list[Node]:
        """See the driver's LoadBalancingPolicy."""
        return [A, B, C]


def test_without_suspects_the_plan_is_kept() -> None:
    """Nodes come in the order that the other policy has chosen."""
    assert Suspects().last([A, B, C]) == [A, B, C]


def test_suspects_come_last() -> None:
    """In their own order, behind the others: with all suspected, nothing changes."""
    suspects = Suspects()
    suspects.suspect(A)
    assert suspects.last([A, B, C]) == [B, C, A]
    suspects.suspect(B)
    assert suspects.last([A, B, C]) == [C, A, B]
    suspects.suspect(C)
    assert suspects.last([A, B, C]) == [A, B, C]


def test_a_node_that_answers_is_not_suspected() -> None:
    """Whatever it did before."""
    suspects = Suspects()
    suspects.suspect(A)
    suspects.answered(A)
    assert not suspects.is_suspected(A)
    assert suspects.last([A, B, C]) == [A, B, C]


def test_one_request_tries_a_suspect_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once its time is over one plan has the node in its place; the next ones do not, until it has
    answered."""
    suspects = Suspects()
    suspects.suspect(A)
    with monkeypatch.context() as patch:
        patch.setattr(suspicion, "SUSPECTED_SECONDS", 60.0)
        later = time.monotonic() + 1.1
        patch.setattr("time.monotonic", lambda: later)
        assert suspects.last([A, B, C]) == [A, B, C]
        assert suspects.last([A, B, C]) == [B, C, A]


def test_a_node_is_known_by_its_address() -> None:
    """A new connection to the cluster has new objects for the same nodes."""
    suspects = Suspects()
    suspects.suspect(Node("a"))
    assert suspects.is_suspected(A)


def test_no_node_is_suspected_where_none_was_asked() -> None:
    """A request that found no node says nothing about any."""
    suspects = Suspects()
    suspects.suspect(None)
    suspects.answered(None)
    assert suspects.last([A]) == [A]


def test_whether_another_node_is_left() -> None:
    """One that is neither suspected nor known to be down."""
    suspects = Suspects()
    policy = SuspectsLast(InOrder(), suspects)
    suspects.suspect(A)
    assert policy.has_other("keyspace", None)
    suspects.suspect(B)
    suspects.suspect(C)
    assert not policy.has_other("keyspace", None)
    assert list(policy.make_query_plan()) == [A, B, C]
