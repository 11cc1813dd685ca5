"""One connection pool to a Cassandra cluster, made in the background and waited on by deadline.

Only a statement that is marked as idempotent is sent to a second node, see `hedging`; nothing is
retried here.
"""

import logging
import math
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import backoff
from cassandra import ConsistencyLevel, UnresolvableContactPoints
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import (
    EXEC_PROFILE_DEFAULT,
    Cluster,
    ExecutionProfile,
    NoHostAvailable,
    ResultSet,
    Session,
)
from cassandra.io.libevreactor import LibevConnection
from cassandra.policies import (
    DCAwareRoundRobinPolicy,
    ExponentialReconnectionPolicy,
    FallthroughRetryPolicy,
    RoundRobinPolicy,
    TokenAwarePolicy,
)
from cassandra.query import BoundStatement, PreparedStatement, Statement, dict_factory
from cassandra.timestamps import MonotonicTimestampGenerator

from app.application.deadline import Deadline
from app.application.ports.errors import StoreOutOfReach
from app.application.ports.tracing import NO_TRACING, NOTHING, Attributes, Tracer
from app.infrastructure.cassandra.errors import DRIVER_ERRORS, classify
from app.infrastructure.cassandra.hedging import (
    MAX_TRIES,
    SLOW_SECONDS,
    HedgedRequest,
    Hedging,
    ignored,
)
from app.infrastructure.cassandra.statements import STATEMENTS
from app.infrastructure.cassandra.suspicion import Suspects, SuspectsLast
from app.infrastructure.cassandra.trouble import why_not_connected

log = logging.getLogger(__name__)

Row = Mapping[str, Any]

PAGE_ROWS = 500
_SPAN = "request to Cassandra"
RECONNECT_MIN_SECONDS = 0.1
RECONNECT_MAX_SECONDS = 1.0
SILENCE_SECONDS = 2.0
"""How long a node may be silent before its connection is given up, or while one is made."""
METADATA_SECONDS = 10.0
"""How long it may take to tell all that a client has to know of the cluster: the nodes, and every
table of every keyspace, which may be other people's and many."""

_NOBODY_ANSWERED = (NoHostAvailable, UnresolvableContactPoints, OSError)


@dataclass(frozen=True, slots=True)
class Contact:
    """Where the cluster is and who we are there. `protocol_version` None: negotiate."""

    hosts: tuple[str, ...]
    port: int = 9042
    local_dc: str | None = None
    username: str | None = None
    password: str | None = None
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_check_hostname: bool = False
    protocol_version: int | None = None

    @property
    def consistency(self) -> int:
        """For the commit of a conditional write, and for plain reads."""
        level: int = ConsistencyLevel.LOCAL_QUORUM if self.local_dc else ConsistencyLevel.QUORUM
        return level

    @property
    def serial_consistency(self) -> int:
        """For the decision on a conditional write, and for reads that must see the last one."""
        level: int = ConsistencyLevel.LOCAL_SERIAL if self.local_dc else ConsistencyLevel.SERIAL
        return level


def make_cluster(contact: Contact, suspects: Suspects | None = None) -> Cluster:
    """A driver's cluster as this service needs it, which asks the suspects last; nothing is sent
    yet."""
    datacenter = (
        DCAwareRoundRobinPolicy(contact.local_dc) if contact.local_dc else RoundRobinPolicy()
    )
    profile = ExecutionProfile(
        # A row's first replica comes first: two proposers that have one coordinator compete less.
        load_balancing_policy=SuspectsLast(TokenAwarePolicy(datacenter), suspects or Suspects()),
        # The default policy sends a failed conditional write to the next host, where it meets
        # itself as somebody else's conflict.
        retry_policy=FallthroughRetryPolicy(),
        consistency_level=contact.consistency,
        serial_consistency_level=contact.serial_consistency,
        row_factory=dict_factory,
    )
    options: dict[str, Any] = {}
    if contact.username is not None:
        options["auth_provider"] = PlainTextAuthProvider(contact.username, contact.password)
    if contact.tls_ca is not None:
        options["ssl_context"] = _tls(contact)
    if contact.protocol_version is not None:
        options["protocol_version"] = contact.protocol_version
    return Cluster(
        contact.hosts,
        port=contact.port,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        # The defaults are 5 s, and 30 s + 30 s: a frozen node keeps its connections open.
        connect_timeout=SILENCE_SECONDS,
        # The default, 2 s, keeps a client from ever connecting to a busy node with many tables.
        control_connection_timeout=METADATA_SECONDS,
        idle_heartbeat_interval=1,
        idle_heartbeat_timeout=SILENCE_SECONDS,
        # Each attempt to reach a frozen node occupies one of them.
        executor_threads=4,
        # On a node that is frozen each of them would take its full time: a node that does not know
        # a statement says so, and is told.
        prepare_on_all_hosts=False,
        # The driver's default waits up to 600 s, and gives up for good after 64 attempts.
        reconnection_policy=ExponentialReconnectionPolicy(
            RECONNECT_MIN_SECONDS, RECONNECT_MAX_SECONDS, max_attempts=None
        ),
        # With a clock that is behind, writes are dated on from the last one; said once a minute.
        timestamp_generator=MonotonicTimestampGenerator(warning_interval=60),
        # asyncore is gone in Python 3.12, and the driver would choose silently.
        connection_class=LibevConnection,
        # Off by default: a request of 8 KB and more would wait 45 ms for a delayed ACK.
        sockopts=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        **options,
    )


def _tls(contact: Contact) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(contact.tls_ca))
    # The driver knows nodes by address. Certificates that do not name it must be of this CA still.
    context.check_hostname = contact.tls_check_hostname
    if contact.tls_cert is not None:
        context.load_cert_chain(contact.tls_cert, contact.tls_key)
    return context


def _about(statement: Statement) -> Attributes:
    """What a span says of a request: its text, which holds no values."""
    if not isinstance(statement, BoundStatement):
        return {"db.system.name": "cassandra", "db.operation.name": "BATCH"}
    text: str = statement.prepared_statement.query_string
    operation = text.split(maxsplit=1)[0]
    return {"db.system.name": "cassandra", "db.operation.name": operation, "db.query.text": text}


def _is_plain_read(statement: Statement) -> bool:
    """Whether it is a read without a round of Paxos, two of which hold each other up."""
    if not isinstance(statement, BoundStatement):
        return False
    reads = statement.prepared_statement.query_string.lstrip().startswith("SELECT")
    return reads and not ConsistencyLevel.is_serial(statement.consistency_level)


class CassandraSession:
    """Connects by itself, as often as it takes, and prepares the statements that are registered
    when it is made.

    Must be made after a fork: a driver's session does not survive one.
    """

    def __init__(
        self,
        contact: Contact,
        keyspace: str,
        statements: Mapping[str, str] = STATEMENTS,
        tracer: Tracer = NO_TRACING,
        on_hedge: Callable[[str], None] = ignored,
    ) -> None:
        self._tracer = tracer
        self._contact = contact
        self._keyspace = keyspace
        self._cql = dict(statements)  # others may be registered while it connects
        self._suspects = Suspects()
        self._on_hedge = on_hedge
        self._connected: tuple[Session, Mapping[str, PreparedStatement]] | None = None
        self._cluster: Cluster | None = None
        self._last_trouble = ""
        self._first_try_over = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(
            target=self._connect_until_done, name="cassandra-connect", daemon=True
        )
        self._thread.start()

    def prepared(self, name: str, deadline: Deadline) -> PreparedStatement:
        """The prepared statement. Waits while the first attempt to connect is under way; after
        that a missing connection is a StoreUnavailable at once."""
        return self._ready(deadline)[1][name]

    def execute(self, statement: Statement, deadline: Deadline, seconds: float) -> list[Row]:
        """Send once, wait `seconds` at most (and no longer than the deadline), return all rows.

        Raises StoreUnavailable if there is no connection, else RequestFailed.
        """
        return self.send(statement, deadline, seconds)()

    def send(
        self, statement: Statement, deadline: Deadline, seconds: float
    ) -> Callable[[], list[Row]]:
        """The same in two steps: send, without waiting; what is returned waits, until `seconds`
        after the sending at most, and returns all rows. Either may raise."""
        session, _ = self._ready(deadline)
        limit = deadline.within(seconds)
        try:
            request = self._begin(session, statement, limit)
        except DRIVER_ERRORS as error:
            raise classify(error) from error

        def rows() -> list[Row]:
            try:
                return self._all_pages(session, statement, request, limit)
            except DRIVER_ERRORS as error:
                raise classify(error) from error

        return rows

    def execute_all(
        self,
        statements: Iterable[Statement],
        deadline: Deadline,
        seconds: float,
        concurrency: int = 32,
    ) -> list[list[Row]]:
        """The same for many that do not depend on each other, several at a time; all rows of each
        in the order of the statements. Raises what `execute` does, for the first that failed."""
        session, _ = self._ready(deadline)
        under_way: deque[tuple[Statement, HedgedRequest]] = deque()
        answers: list[list[Row]] = []

        def take_oldest() -> None:
            limit = deadline.within(seconds)
            answers.append(self._all_pages(session, *under_way.popleft(), limit))

        try:
            for statement in statements:
                if len(under_way) == concurrency:
                    take_oldest()
                limit = deadline.within(seconds)
                under_way.append((statement, self._begin(session, statement, limit)))
            while under_way:
                take_oldest()
        except DRIVER_ERRORS as error:
            raise classify(error) from error
        return answers

    def close(self) -> None:
        """Stop connecting, close every connection."""
        self._closing.set()
        self._thread.join(timeout=RECONNECT_MAX_SECONDS)
        if self._cluster is not None:
            self._cluster.shutdown()

    def _begin(
        self,
        session: Session,
        statement: Statement,
        deadline: Deadline,
        paging_state: bytes | None = None,
    ) -> HedgedRequest:
        """Send the statement, for the page that begins there."""
        policy: SuspectsLast = session.cluster.profile_manager.default.load_balancing_policy
        tries = MAX_TRIES if statement.is_idempotent else 1
        has_other = partial(policy.has_other, session.keyspace, statement)
        about = _about(statement) if self._tracer.is_on else NOTHING
        return HedgedRequest(
            lambda left: session.execute_async(statement, timeout=left, paging_state=paging_state),
            Hedging(
                self._suspects,
                has_other,
                tries,
                partial(self._tracer.attempt, _SPAN, about),
                self._on_hedge,
                SLOW_SECONDS if _is_plain_read(statement) else math.inf,
            ),
            deadline,
        )

    def _all_pages(
        self, session: Session, statement: Statement, request: HedgedRequest, deadline: Deadline
    ) -> list[Row]:
        page, future = request.answer()
        rows: list[Row] = list(page)
        while future.has_more_pages:
            state = ResultSet(future, []).paging_state
            page, future = self._begin(session, statement, deadline, state).answer()
            rows += page
        return rows

    def _ready(self, deadline: Deadline) -> tuple[Session, Mapping[str, PreparedStatement]]:
        if self._connected is None:
            self._first_try_over.wait(deadline.remaining())
        if self._connected is None:
            raise StoreOutOfReach("Cassandra is not connected")
        return self._connected

    def _connect_until_done(self) -> None:
        waits = backoff.expo(factor=RECONNECT_MIN_SECONDS, max_value=RECONNECT_MAX_SECONDS)
        next(waits)  # primes the generator
        while not self._closing.is_set() and not self._connect():
            self._first_try_over.set()
            self._closing.wait(backoff.full_jitter(next(waits)))
        self._first_try_over.set()

    def _connect(self) -> bool:
        cluster: Cluster | None = None
        try:
            # Resolves the hosts' names.
            cluster = make_cluster(self._contact, self._suspects)
            session = cluster.connect(self._keyspace)
            session.default_fetch_size = PAGE_ROWS
            prepared = {name: session.prepare(cql) for name, cql in self._cql.items()}
        except Exception as error:  # noqa: BLE001 - the driver raises far more than its own here
            if cluster is not None:
                cluster.shutdown()
            self._say_once(error)
            return False
        self._cluster, self._connected = cluster, (session, prepared)
        log.info("connected to Cassandra")
        return True

    def _say_once(self, error: Exception) -> None:
        """Why it does not connect: a line for each new reason, not for each try."""
        contact = self._contact
        text = why_not_connected(contact.hosts, contact.port, self._keyspace, error)
        # A keyspace that is missing comes in the shape of a host that cannot be reached.
        answered = "keyspace" in text or not isinstance(error, _NOBODY_ANSWERED)
        hint = "; was the schema applied (make schema)?" if answered else ""
        if text != self._last_trouble:
            self._last_trouble = text
            log.warning("cannot connect to Cassandra, trying again: %s%s", text, hint)
