"""Beside the way of the data: the real parts that tests ask for by name, one of each per run."""

from __future__ import annotations

import os
import signal
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.support import cassandra_node as cassandra
from tests.support.measurements import IS_FULL
from tests.support.nginx import find_nginx
from tests.support.processes import Unavailable
from tests.support.stores import drop_keyspaces

_TOOLS = {
    *("nginx", "promtool", "prometheus", "openssl", "jq", "envsubst"),
    *("systemd", "chromium", "node", "cc", "iptables", "mount"),
}
_LONG = ("tests/soak/", "tests/e2e/", "tests/infrastructure/cassandra/", "tests/examples/")
PARTS = {"cassandra", *_TOOLS}
"""What REQUIRE can name."""
_GIVEN: dict[str, str] = {}
"""Which Cassandra the run was given; tests of settings take that out of the environment."""


def pytest_configure() -> None:
    """Let SIGTERM end a run as Ctrl-C does, so that everything that was started is stopped."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    given = {"CASSANDRA_HOST", "CASSANDRA_PORT"} & os.environ.keys()
    _GIVEN.update({name: os.environ[name] for name in given})
    if unknown := _required() - PARTS:
        names = ", ".join(sorted(PARTS))
        raise pytest.UsageError(f"REQUIRE names {', '.join(unknown)}: it can name {names}")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start one Cassandra for all processes of a run with --numprocesses, before they are there."""
    is_controller = session.config.pluginmanager.hasplugin("dsession")
    if not is_controller or os.environ.get("CASSANDRA_HOST"):
        return
    try:
        node = cassandra.start()
    except Unavailable:
        return  # each test that asks for one says so
    os.environ |= {"CASSANDRA_HOST": node.host, "CASSANDRA_PORT": str(node.port)}
    session.config.add_cleanup(node.close)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, unless SOAK=full, what has no small form; begin with the folders whose files take
    longest, so that at the end no process is alone with one of them."""
    items.sort(key=lambda item: not item.nodeid.startswith(_LONG))
    if IS_FULL:
        return
    left_out = [item for item in items if item.get_closest_marker("full")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once for each reason why tests were skipped, and how many."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    for reason, tests in reasons.items():
        terminalreporter.write_line(f"{tests} skipped: {reason}")


def is_required(part: str) -> bool:
    """Tell whether REQUIRE (as in REQUIRE=cassandra,nginx) forbids to skip for want of `part`."""
    return part in _required()


def _required() -> set[str]:
    return set(filter(None, os.environ.get("REQUIRE", "").replace(" ", "").split(",")))


def without(part: str, reason: Unavailable) -> NoReturn:
    """Skip the test with the one line that says how to get the part, or fail if it is required."""
    if is_required(part):
        raise pytest.fail.Exception(f"REQUIRE names {part}: {reason}", pytrace=False) from None
    raise pytest.skip.Exception(str(reason)) from None


@pytest.fixture(autouse=True)
def _nothing_stays_blocked() -> Iterator[None]:
    """The tests after this one start processes, which inherit what it leaves blocked: they could
    not be stopped."""
    yield
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, blocked)
    assert blocked == set()


@pytest.fixture(scope="module", autouse=True)
def _keyspaces_end_with_their_module() -> Iterator[None]:
    """Whoever connects reads the schema of all keyspaces: with those of all tests before it that
    would take seconds in the end, and time out."""
    yield
    drop_keyspaces()


@pytest.fixture(scope="session")
def cassandra_node() -> Iterator[cassandra.Node]:
    """A Cassandra that all tests share: each brings a keyspace of its own, none breaks it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _GIVEN.items():
            patch.setenv(name, value)
        try:
            node = cassandra.start()
        except Unavailable as reason:
            without("cassandra", reason)
    yield node
    drop_keyspaces(own=True)
    node.close()


@pytest.fixture
def start_cassandra() -> Iterator[Callable[..., cassandra.JvmNode]]:
    """start_own(), for tests that kill, pause or restart a node; closed after the test."""
    started: list[cassandra.JvmNode] = []

    def start(
        *, port: int | None = None, overrides: dict[str, object] | None = None
    ) -> cassandra.JvmNode:
        try:
            node = cassandra.start_own(port=port, overrides=overrides)
        except Unavailable as reason:
            without("cassandra", reason)
        started.append(node)
        return node

    yield start
    for node in started:
        node.close()


@pytest.fixture(scope="session")
def require_nginx() -> str:
    """The path of a real nginx."""
    try:
        return find_nginx()
    except Unavailable as reason:
        without("nginx", reason)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can enter; pytest's own are closed to them."""
    with tempfile.TemporaryDirectory(prefix="carriers-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)
