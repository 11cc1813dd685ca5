"""`carriers feed`: its standing, streams from before it, and the process that keeps it up."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from app.application.consistency import Token, ViewBehind
from app.bootstrap import build_services
from app.cli.errors import UNAVAILABLE
from config.settings import Settings
from tests.cli.at_the_desk import is_let_in, sign_in
from tests.cli.shell import DONE, data, registered, run
from tests.support.cassandra_node import Node
from tests.support.processes import Server, free_port, wait_until
from tests.support.project import ROOT
from tests.support.stores import KEYSPACE, driver_session, make_keyspace, soon

OLD = "INSERT INTO events (aggregate_id, version, event_type, payload, created_at)"


@contextmanager
def following(folder: Path) -> Iterator[Server]:
    """The process that follows, on the settings of the test."""
    log = folder / "follow.log"
    server = Server(
        [sys.executable, "-m", "app.cli", "feed", "follow"],
        log=log,
        ready=lambda: "following the feed" in server.output(),
        env={"PYTHONPATH": str(ROOT)},
        cwd=folder,
    )
    with server:
        yield server


def holds(head: int) -> bool:
    """Whether the feed and each view hold that many events."""
    found = data("projections", "status")
    return {found["head"], *(each["checkpoint"] for each in found["projections"])} == {head}


@pytest.mark.usefixtures("empty_registry")
def test_the_standing_of_a_file() -> None:
    """Its id and its head; there is nothing that could be behind."""
    before = data("feed", "status")
    feed = before["feed"]
    assert before == {"store": "sqlite", "feed": str(UUID(feed)), "head": 0}
    registered()
    assert data("feed", "status") == {**before, "head": 1}
    shown = run("feed", "status").stdout.split()
    assert shown == ["store", "sqlite", "feed", feed, "head", "1"]


def test_the_feed_is_given_another_id() -> None:
    """Once that is confirmed."""
    registered()
    before = data("feed", "status")
    assert run("feed", "renew").exit_code != DONE
    assert data("feed", "status") == before
    done = run("feed", "renew", "--yes")
    after = data("feed", "status")["feed"]
    assert (done.exit_code, done.stdout) == (
        DONE,
        f"The feed is {after} from now on; the service rebuilds the views.\n",
    )
    assert after != before["feed"]


def test_renewing_the_feed_ends_the_sessions_of_the_desk() -> None:
    """As the keys may be those of a copy, which does not know what was ended since."""
    registered()
    key = data("keys", "create", "--name", "ana", "--scope", "read")["key"]
    session = sign_in(key)
    assert is_let_in(session)
    run("feed", "renew", "--yes")
    assert not is_let_in(session)
    assert is_let_in(sign_in(key))


def test_a_file_has_nothing_to_backfill() -> None:
    """The command says so, and it is no error."""
    result = run("feed", "backfill")
    assert (result.exit_code, result.stderr) == (DONE, "")
    assert result.stdout.startswith("There is nothing to backfill")


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_process_of_its_own_keeps_the_views_up(tmp_path: Path, stop: signal.Signals) -> None:
    """What is appended is taken in until a signal ends it at once, in good order; the log is that
    of the service."""
    registered()
    with following(tmp_path) as server:
        wait_until(lambda: holds(1), 20, "what was there is taken in")
        registered("b@fedex.com")
        wait_until(lambda: holds(2), 20, "what came is taken in")
        os.kill(server.pid, stop)
        assert server.wait(5) == 0
        lines = [json.loads(line) for line in server.output().splitlines()]
    assert [line["message"] for line in lines] == [
        "following the feed of the sqlite store",
        f"stopping: {stop.name}",
    ]


def test_workers_leave_it_to_that_process_if_they_are_told_to() -> None:
    """They make the views that their release lacks, and keep none up."""
    registered()
    services = build_services(Settings(follower=False, workers_follow=False))
    try:
        wait_until(lambda: holds(1), 20, "the views are made")
        token = Token({registered("b@fedex.com"): 1})
        with pytest.raises(ViewBehind):
            services.directory.wait_for(token, soon())
        assert services.directory.status("carriers", soon()).checkpoint == 1
    finally:
        services.close()


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    """Nobody follows it, and whoever started it is told."""
    (tmp_path / "var").touch()
    with pytest.raises(Exception, match="The store cannot be opened"), following(tmp_path):
        pass


@pytest.mark.parametrize("command", ["status", "backfill"])
def test_a_cassandra_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """A code of its own, and a sentence."""
    monkeypatch.setenv("CASSANDRA_HOST", "127.0.0.1")
    monkeypatch.setenv("CASSANDRA_PORT", str(free_port()))
    monkeypatch.setenv("REQUEST_TIMEOUT", "1")
    result = run("feed", command)
    assert result.exit_code == UNAVAILABLE
    assert "the store failed" in result.stderr.lower()


def test_a_registry_from_before_the_feed(
    cassandra_node: Node, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """On Cassandra: an old stream is backfilled, waits for its position, and is in the feed and in
    the views as soon as somebody follows."""
    contact = make_keyspace(cassandra_node)
    monkeypatch.setenv("CASSANDRA_HOST", cassandra_node.host)
    monkeypatch.setenv("CASSANDRA_PORT", str(cassandra_node.port))
    monkeypatch.setenv("CASSANDRA_KEYSPACE", KEYSPACE)
    before = data("feed", "status")
    payload = json.dumps({"name": "Old", "email": f"{uuid4()}@x.example"})
    with driver_session(contact, KEYSPACE) as session:
        session.execute(
            f"{OLD} VALUES (%s, 1, 'CarrierRegistered', %s, toTimestamp(now()))",
            (str(uuid4()), payload),
        )

    result = run("feed", "backfill")
    assert result.stdout.startswith("1 of "), result.output
    assert result.stderr.endswith(" streams looked at, 1 backfilled\n")
    now = data("feed", "status")
    assert (now["store"], now["head"]) == ("cassandra", before["head"])
    assert (now["intent_logs"], now["waiting"]) == (
        before["intent_logs"] + 1,
        before["waiting"] + 1,
    )

    with following(tmp_path) as server:
        wait_until(lambda: holds(before["head"] + 1), 30, "it is in the views")
        assert server.stop() == 0
