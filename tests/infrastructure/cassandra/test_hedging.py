"""A request is sent to a second node when the first is silent, and to no other than that.

The futures here are scripted: when which node answers is what the rules are about. With real nodes
that freeze: tests/soak/test_three_nodes.py.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from cassandra import InvalidRequest, Unavailable, WriteTimeout
from cassandra.connection import ConnectionShutdown

from app.application.deadline import Deadline
from app.application.ports.tracing import Attributes
from app.infrastructure.cassandra import hedging
from app.infrastructure.cassandra.errors import RequestFailed
from app.infrastructure.cassandra.hedging import HedgedRequest, Hedging
from app.infrastructure.cassandra.suspicion import Suspects
from tests.infrastructure.cassandra.test_suspicion import A, B, C, Node

NEVER = 60.0


class Future:
    """Answers after some seconds, with rows or with an error."""

    has_more_pages = False

    def __init__(self, node: Node, seconds: float, outcome: object) -> None:
        self.attempted_hosts = [node]
        self.coordinator_host: Node | None = None
        self._node = node
        self._seconds = seconds
        self._outcome = outcome

    def add_callbacks(
        self,
        callback: Callable[..., None],
        errback: Callable[..., None],
        callback_args: tuple[object, ...],
        errback_args: tuple[object, ...],
    ) -> None:
        """See the driver's ResponseFuture."""

        def answer() -> None:
            self.coordinator_host = self._node
            if isinstance(self._outcome, Exception):
                errback(self._outcome, *errback_args)
            else:
                callback(self._outcome, *callback_args)

        if self._seconds < NEVER:
            timer = threading.Timer(self._seconds, answer)
            timer.daemon = True
            timer.start()


class Told:
    """A span that keeps what it is told. Implements `ports.tracing.Span`."""

    traceparent = None

    def __init__(self) -> None:
        self.attributes: dict[str, str | int] = {}
        self.failed = False

    def note(self, attributes: Attributes) -> None:
        """See `Span`."""
        self.attributes |= attributes

    def fail(self) -> None:
        """See `Span`."""
        self.failed = True

    def end(self, attributes: Attributes) -> None:
        """See `Span`."""
        self.note(attributes)


class Nodes:
    """Three nodes; what is sent goes to the next future of the script."""

    def __init__(self, *script: Future) -> None:
        self.suspects = Suspects()
        self.sent: list[Node] = []
        self.spans: list[Told] = []
        self.hedges: list[str] = []
        self._script = list(script)

    def ask(
        self, seconds: float = 2.0, tries: int = hedging.MAX_TRIES, slow_seconds: float = math.inf
    ) -> list[Any]:
        """Send a request, and wait for its answer."""
        how = Hedging(
            self.suspects, self._has_other, tries, self._traced, self.hedges.append, slow_seconds
        )
        rows, _ = HedgedRequest(self._send, how, Deadline.after(seconds)).answer()
        return rows

    def told(self) -> list[tuple[object, object, bool]]:
        """Of each try: its number, how it ended, and whether that is a failure."""
        return [
            (each.attributes["attempt"], each.attributes["outcome"], each.failed)
            for each in self.spans
        ]

    def _traced(self) -> Told:
        self.spans.append(Told())
        return self.spans[-1]

    def _send(self, seconds: float) -> Future:
        assert seconds > 0
        future = self._script.pop(0)
        self.sent.append(future.attempted_hosts[-1])
        return future

    def _has_other(self) -> bool:
        return any(not self.suspects.is_suspected(node) for node in (A, B, C))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the time."""
    monkeypatch.setattr(hedging, "HEDGE_SECONDS", 0.05)
    monkeypatch.setattr(hedging, "_PATIENCE", (0.05, 0.2))


def took(call: Callable[[], object]) -> float:
    """Seconds."""
    began = time.monotonic()
    call()
    return time.monotonic() - began


def test_an_answer_in_time_is_not_asked_for_twice() -> None:
    """One node, one request."""
    nodes = Nodes(Future(A, 0.0, ["row"]))
    assert nodes.ask() == ["row"]
    assert nodes.sent == [A]
    assert nodes.hedges == []


def test_a_silent_node_costs_the_time_of_its_silence() -> None:
    """Another node is asked, which is counted, and the silent one is suspected."""
    nodes = Nodes(Future(A, NEVER, None), Future(B, 0.0, ["row"]))
    assert took(nodes.ask) < 0.5
    assert nodes.sent == [A, B]
    assert nodes.hedges == ["silent"]
    assert nodes.suspects.is_suspected(A)


def test_a_trace_shows_each_try() -> None:
    """Which node was asked, in which turn, and what became of it."""
    nodes = Nodes(Future(A, NEVER, None), Future(B, 0.0, ["row"]))
    nodes.ask()
    assert nodes.told() == [(1, "unanswered", False), (2, "answered", False)]
    asked = [each.attributes["network.peer.address"] for each in nodes.spans]
    assert asked == [A.address, B.address]


def test_a_trace_shows_why_a_try_failed() -> None:
    """By the cause that the metrics have as well."""
    nodes = Nodes(Future(A, 0.0, ConnectionShutdown("gone")), Future(B, 0.0, ["row"]))
    nodes.ask()
    assert nodes.told() == [(1, "connection", True), (2, "answered", False)]


def test_the_first_answer_counts() -> None:
    """Be it that of the node that was thought to be silent, which is suspected no longer."""
    nodes = Nodes(Future(A, 0.1, ["a"]), Future(B, 1.0, ["b"]))
    assert nodes.ask() == ["a"]
    assert not nodes.suspects.is_suspected(A)


@contextmanager
def answering_others(nodes: Nodes, node: Node) -> Iterator[None]:
    """The node answers other requests meanwhile, again and again."""
    stop = threading.Event()

    def others() -> None:
        while not stop.wait(0.01):
            nodes.suspects.answered(node)

    thread = threading.Thread(target=others)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_a_slow_node_is_waited_for() -> None:
    """While it answers others it is not silent: two nodes would only hold each other up."""
    nodes = Nodes(Future(A, 0.3, ["row"]))
    with answering_others(nodes, A):
        assert nodes.ask() == ["row"]
    assert nodes.sent == [A]


def test_a_slow_node_is_not_waited_for_with_a_read() -> None:
    """It may be waiting for a copy on a node that is frozen: another node is asked as well."""
    nodes = Nodes(Future(A, NEVER, None), Future(B, 0.0, ["row"]))
    with answering_others(nodes, A):
        assert took(lambda: nodes.ask(slow_seconds=0.2)) < 1
    assert nodes.sent == [A, B]
    assert nodes.hedges == ["slow"]


def test_a_node_that_fell_silent_after_it_was_asked() -> None:
    """Its answers to others before that do not make it wait for the whole time."""
    nodes = Nodes(Future(A, NEVER, None), Future(B, 0.0, ["row"]))
    timer = threading.Timer(0.02, nodes.suspects.answered, (A,))
    timer.start()
    assert took(nodes.ask) < 0.5
    timer.join()


def test_with_no_other_node_it_waits() -> None:
    """A cluster of one, or one of which all nodes are suspected."""
    nodes = Nodes(Future(A, 0.2, ["row"]))
    nodes.suspects.suspect(B)
    nodes.suspects.suspect(C)
    assert nodes.ask() == ["row"]


def test_three_nodes_at_most() -> None:
    """With all of them silent the time ends it: it may have been applied."""
    nodes = Nodes(*(Future(node, NEVER, None) for node in (A, B, C)))
    with pytest.raises(RequestFailed, match="client-timeout") as failed:
        nodes.ask(seconds=0.6)
    assert failed.value.maybe_applied
    assert nodes.sent == [A, B, C]


def test_what_is_not_idempotent_goes_to_one_node() -> None:
    """However silent that is."""
    nodes = Nodes(Future(A, NEVER, None))
    with pytest.raises(RequestFailed, match="client-timeout"):
        nodes.ask(seconds=0.3, tries=1)
    assert nodes.sent == [A]


@pytest.mark.parametrize(
    "error",
    [
        ConnectionShutdown("the connection was closed"),
        Unavailable("", 0, required_replicas=2, alive_replicas=1),
    ],
)
def test_a_node_that_is_no_use_is_passed_over_at_once(error: Exception) -> None:
    """It is out of reach, or cut off from its peers; that is counted too."""
    nodes = Nodes(Future(A, 0.0, error), Future(B, 0.0, ["row"]))
    assert took(nodes.ask) < 0.05
    assert nodes.sent == [A, B]
    assert nodes.hedges == ["of-no-use"]


def test_other_errors_are_the_callers() -> None:
    """Of a write that timed out among the nodes, another node knows no more."""
    nodes = Nodes(Future(A, 0.0, WriteTimeout("", 0)))
    with pytest.raises(RequestFailed, match="write-timeout"):
        nodes.ask()
    assert nodes.sent == [A]


@pytest.mark.parametrize("script", [(A, B), (B, A)])
def test_an_error_of_one_waits_for_the_other(script: Sequence[Node]) -> None:
    """While one of two may still bring an answer, nothing has failed."""
    nodes = Nodes(Future(script[0], 0.1, WriteTimeout("", 0)), Future(script[1], 0.15, ["row"]))
    assert nodes.ask() == ["row"]


def test_a_refusal_by_the_second_leaves_the_first_open() -> None:
    """The first node has the request still: it may have been applied, or yet be."""
    nodes = Nodes(Future(A, 0.2, WriteTimeout("", 0)), Future(B, 0.0, InvalidRequest("")))
    with pytest.raises(RequestFailed) as failed:
        nodes.ask(tries=2)
    assert failed.value.maybe_applied
