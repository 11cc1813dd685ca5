"""kill -9 of Cassandra's only node under load: what was acknowledged is there when it is back.

As `make cassandra` and docker-compose.yml set the node up. With the default of Cassandra's code
and image, `commitlog_sync: periodic`, this test fails: a node that is killed forgets what it has
answered since it last finished a piece of its commit log.
"""

import random
import threading
import time
from collections.abc import Callable
from uuid import uuid4

import pytest

from app.application.deadline import Deadline
from app.application.ports.errors import StoreError
from app.application.ports.event_store import NO_STREAM
from app.infrastructure.cassandra.session import Contact
from tests.support.cassandra_node import SYNCED_COMMIT_LOG, JvmNode
from tests.support.measurements import Figures, each_round, rounds
from tests.support.processes import wait_until
from tests.support.stores import cassandra_store, commit, make_schema, soon

pytestmark = pytest.mark.soak

KEYSPACE = "killed"
KILLS = 10
WRITERS = 16


class Load:
    """Writers that begin one stream after another until an append fails."""

    def __init__(self, contact: Contact) -> None:
        self._store = cassandra_store(contact, KEYSPACE)
        self.acknowledged: list[str] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._write) for _ in range(WRITERS)]
        for thread in self._threads:
            thread.start()

    def wait(self) -> None:
        """Until they are at work."""
        wait_until(lambda: len(self.acknowledged) >= WRITERS, 60, "the writers write")

    def end(self) -> None:
        """Let the writers notice that their node is gone."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._store.close()

    def _write(self) -> None:
        while not self._over.is_set():
            stream, (commit_id, events) = str(uuid4()), commit()
            try:
                self._store.append(stream, NO_STREAM, events, commit_id, Deadline.after(1))
            except StoreError:
                continue  # not acknowledged
            self.acknowledged.append(stream)


def test_what_was_acknowledged_survives_kill_9_of_the_node(
    start_cassandra: Callable[..., JvmNode], figures: Figures
) -> None:
    """Killed at a random moment, over and over; every acknowledged stream is read afterwards."""
    node, chance = start_cassandra(overrides=dict(SYNCED_COMMIT_LOG)), random.Random()
    contact, acknowledged = Contact((node.host,), node.port), 0
    make_schema(contact, KEYSPACE)
    for _ in each_round(KILLS):
        load = Load(contact)
        load.wait()
        time.sleep(chance.uniform(0.2, 1))
        node.kill()
        load.end()
        node.start()
        acknowledged += len(load.acknowledged)
        assert missing(contact, load.acknowledged) == []
    figures.add(
        f"kill -9 of the only node while {WRITERS} writers append, cassandra",
        rounds(KILLS),
        f"{acknowledged} appends were acknowledged; all of them were read afterwards",
    )


def missing(contact: Contact, streams: list[str]) -> list[str]:
    """Those of the streams that are not there."""
    store = cassandra_store(contact, KEYSPACE)
    try:
        return [stream for stream in streams if not store.read(stream, soon(60))]
    finally:
        store.close()
