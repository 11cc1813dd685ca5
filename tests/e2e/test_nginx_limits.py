"""What nginx lets one client address do: so many requests in a time, so many at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.front import Front, Upstream, assert_own_error, front
from tests.support.nginx_conf import Limits
from tests.support.processes import wait_until

pytestmark = pytest.mark.nginx

SLOW = Limits("1r/m", burst=4, connections=100, listeners=100)
NARROW = Limits("10000r/s", burst=10_000, connections=2, listeners=2)


@contextmanager
def held(nginx: Front, upstream: Upstream, *paths: str) -> Iterator[None]:
    """These requests stay unanswered meanwhile."""
    upstream.released.clear()
    upstream.held.clear()
    clients = [threading.Thread(target=nginx.ask, args=(path,)) for path in paths]
    for client in clients:
        client.start()
    try:
        wait_until(lambda: len(upstream.held) == len(paths), 10, "requests under way")
        yield
    finally:
        upstream.released.set()
        for client in clients:
            client.join()


def test_more_requests_than_the_burst_get_429(
    require_nginx: str, tmp_path: Path, upstream: Upstream
) -> None:
    """The first and the burst are passed on at once; the next is told when to come back, in the
    envelope, and does not reach the application."""
    with front(tmp_path, upstream.port, limits=SLOW) as nginx:
        passed = [nginx.ask("/echo").status for _ in range(1 + SLOW.burst)]
        refused = nginx.ask("/late", body=b"{}")
    assert passed == [200] * (1 + SLOW.burst)
    assert_own_error(refused, 429, "Retry-After")
    assert refused.headers["Retry-After"] == "1"
    assert refused.headers["RateLimit"] == '"address";r=0;t=1'
    assert refused.headers["RateLimit-Policy"] == f'"address";q={SLOW.burst}'
    assert "/late" not in upstream.paths


def test_429_comes_as_a_problem_too(require_nginx: str, tmp_path: Path, upstream: Upstream) -> None:
    """RFC 9457 for who asks for it."""
    with front(tmp_path, upstream.port, limits=SLOW) as nginx:
        for _ in range(1 + SLOW.burst):
            nginx.ask("/echo")
        refused = nginx.ask("/echo", {"Accept": "application/problem+json"})
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert (refused.body["status"], refused.body["title"]) == (429, "Too Many Requests")


def test_health_is_never_limited(require_nginx: str, tmp_path: Path, upstream: Upstream) -> None:
    """A probe is answered however many requests came from its address."""
    with front(tmp_path, upstream.port, limits=SLOW) as nginx:
        for _ in range(2 + SLOW.burst):
            nginx.ask("/echo")
        probes = {nginx.ask("/health/ready").status for _ in range(20)}
    assert probes == {200}


def test_more_at_once_than_allowed_get_429(
    require_nginx: str, tmp_path: Path, upstream: Upstream
) -> None:
    """With all connections of an address under way the next is refused; after them it is not."""
    with front(tmp_path, upstream.port, limits=NARROW, timeout="10s") as nginx:
        with held(nginx, upstream, "/held", "/held"):
            refused = nginx.ask("/echo")
            assert nginx.ask("/health/live").status == 200
        assert_own_error(refused, 429)
        wait_until(lambda: nginx.ask("/echo").status == 200, 5, "room again")


def test_listeners_and_other_requests_are_counted_apart(
    require_nginx: str, tmp_path: Path, upstream: Upstream
) -> None:
    """Listeners have a limit of their own, which long polls and pages of the desk share: commands
    find room beside them, and listeners beside commands."""
    with front(tmp_path, upstream.port, limits=NARROW, timeout="10s") as nginx:
        with held(nginx, upstream, "/events/stream", "/events?wait=20"):
            assert_own_error(nginx.ask("/events/stream"), 429)
            assert_own_error(nginx.ask("/events?after=1&wait=0.5"), 429)
            assert_own_error(nginx.ask("/desk/changes?after=1"), 429)
            assert_own_error(nginx.ask("/desk/carriers/1/changes?version=1"), 429)
            assert nginx.ask("/desk/carriers/1/timeline").status != 429
            assert nginx.ask("/events?wait=0").status == 200
            assert nginx.ask("/echo", body=b"{}").status == 200
        with held(nginx, upstream, "/held", "/held", "/events/stream"):
            assert nginx.ask("/echo").status == 429


def test_a_refusal_is_logged_without_the_address(
    require_nginx: str, tmp_path: Path, upstream: Upstream
) -> None:
    """One JSON line says 429 and whose request it was by its id, and nothing else about whom."""
    with front(tmp_path, upstream.port, limits=SLOW) as nginx:
        for _ in range(2 + SLOW.burst):
            nginx.ask("/echo?email=ada@example.com")
        wait_until(lambda: nginx.server.output().count("\n") == 1, 5, "a line")
        output = nginx.server.output()
    assert '"status":429' in output
    assert "ada" not in output
    assert "127.0.0.1" not in output
