"""A peer: the conditional batch of our Cassandra store, sent by the bare driver."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

from cassandra.cluster import Session
from cassandra.query import BatchStatement

import app.infrastructure.cassandra.append.event_store  # noqa: F401 - registers its statements
from app.bootstrap import bring_schema_up_to_date, cassandra_contact
from app.infrastructure.cassandra.session import make_cluster
from app.infrastructure.cassandra.statements import STATEMENTS
from bench.load import CONNECTIONS, new_carrier
from bench.servers import ROOT
from config.settings import Settings
from tests.support.cassandra_node import Node


@contextmanager
def keyspace_of_our_own(node: Node) -> Iterator[Settings]:
    """Settings for a new keyspace with our schema, which is dropped in the end."""
    settings = Settings(
        cassandra_hosts=(node.host,),
        cassandra_port=node.port,
        cassandra_keyspace=f"bench_{uuid4().hex[:12]}",
        event_store="cassandra",
    )
    bring_schema_up_to_date(settings, ROOT / "migrations_cql", lambda _: None)
    try:
        yield settings
    finally:
        cluster = make_cluster(cassandra_contact(settings))
        try:
            cluster.connect().execute(f"DROP KEYSPACE {settings.cassandra_keyspace}", timeout=60)
        finally:
            cluster.shutdown()


class RawDriver:
    """One process, one session, and a thread for each request that the HTTP side has in flight.

    With our own cluster options (TCP_NODELAY, consistency, no retries) and statements: what is
    left out is everything around them. One process is a fair peer, although the HTTP side may
    have several: the driver spends about 0.3 ms of the interpreter on a batch, so one process
    could send 3,000 a second, well over what Cassandra answers on the same cores.
    """

    def __init__(self, settings: Settings) -> None:
        contact = cassandra_contact(settings)
        self._serial = contact.serial_consistency
        self._cluster = make_cluster(contact)
        self._session: Session = self._cluster.connect(settings.cassandra_keyspace)
        self._move_head = self._session.prepare(STATEMENTS["move_head"])
        self._insert = self._session.prepare(STATEMENTS["insert_first"])
        self._log = uuid4()

    def rate(self, seconds: float) -> float:
        """Streams begun per second."""
        counts: list[int] = []
        started = time.monotonic()

        def work() -> None:
            count = 0
            while time.monotonic() - started < seconds:
                self._begin_stream()
                count += 1
            counts.append(count)

        workers = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if len(counts) < CONNECTIONS:
            raise RuntimeError("a request to Cassandra failed; its error is above")
        return sum(counts) / (time.monotonic() - started)

    def close(self) -> None:
        """Close every connection."""
        self._cluster.shutdown()

    def _begin_stream(self) -> None:
        stream, commit = str(uuid4()), uuid4()
        name, email = new_carrier()
        payload = f'{{"name":"{name}","email":"{email}"}}'
        metadata = (
            f'{{"commit_id":"{commit}","correlation_id":"{commit.hex}","causation_id":"{commit}",'
            '"actor":"anonymous","schema_version":1}'
        )
        now = round(datetime.now(UTC).timestamp() * 1000)
        batch = BatchStatement(serial_consistency_level=self._serial)
        batch.add(self._move_head, (1, commit, stream, None, commit, None))
        # Ours names the intent of the append; it has as many bytes here.
        event = ("CarrierRegistered", payload, now, uuid4(), metadata, self._log, 1)
        batch.add(self._insert, (stream, 1, *event))
        if not self._session.execute(batch).one()["[applied]"]:
            raise RuntimeError("a new stream was not begun")
