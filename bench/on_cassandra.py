"""Around the way of the data: a keyspace on Cassandra for one measurement."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from app.bootstrap import bring_schema_up_to_date, cassandra_contact
from app.infrastructure.cassandra.session import make_cluster
from bench.servers import ROOT
from config.settings import Settings
from tests.support.cassandra_node import Node


@contextmanager
def keyspace_of_our_own(node: Node) -> Iterator[Settings]:
    """Settings for a new keyspace with our schema, which is dropped in the end."""
    served = Settings.from_env()
    settings = Settings(
        cassandra_hosts=(node.host,),
        cassandra_port=node.port,
        cassandra_keyspace=f"bench_{uuid4().hex[:12]}",
        event_store="cassandra",
        workers=served.workers,
        threads=served.threads,
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
