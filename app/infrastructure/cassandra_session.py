"""One connection pool to a Cassandra cluster, made in the background and waited on by deadline.

The only module that talks to the driver. It retries nothing: whoever sends a conditional write
has to know how often it was sent.
"""

import logging
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
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
    ResponseFuture,
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
from cassandra.query import PreparedStatement, Statement, dict_factory

from app.application.deadline import Deadline
from app.application.ports import StoreUnavailable
from app.infrastructure.cassandra_errors import DRIVER_ERRORS, RequestFailed, classify

log = logging.getLogger(__name__)

Row = Mapping[str, Any]

PAGE_ROWS = 500
RECONNECT_MIN_SECONDS = 0.1
RECONNECT_MAX_SECONDS = 10.0

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


def make_cluster(contact: Contact) -> Cluster:
    """A driver's cluster as this service needs it; nothing is sent yet."""
    datacenter = (
        DCAwareRoundRobinPolicy(contact.local_dc) if contact.local_dc else RoundRobinPolicy()
    )
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(datacenter),
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
        # The driver's default waits up to 600 s, and gives up for good after 64 attempts.
        reconnection_policy=ExponentialReconnectionPolicy(
            RECONNECT_MIN_SECONDS, RECONNECT_MAX_SECONDS, max_attempts=None
        ),
        # asyncore is gone in Python 3.12, and the driver would choose silently.
        connection_class=LibevConnection,
        # Off by default: a request of 8 KB and more would wait 45 ms for a delayed ACK.
        sockopts=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        **options,
    )


def _tls(contact: Contact) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(contact.tls_ca))
    # Nodes are known by address; their certificates rarely name it, but must be of this CA.
    context.check_hostname = False
    if contact.tls_cert is not None:
        context.load_cert_chain(contact.tls_cert, contact.tls_key)
    return context


class CassandraSession:
    """Connects by itself, as often as it takes, and prepares `statements` on each connect.

    Must be made after a fork: a driver's session does not survive one.
    """

    def __init__(self, contact: Contact, keyspace: str, statements: Mapping[str, str]) -> None:
        self._contact = contact
        self._keyspace = keyspace
        self._cql = statements
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
        session, _ = self._ready(deadline)
        wait = min(seconds, deadline.remaining())
        try:
            return _wait_for(session.execute_async(statement, timeout=wait or 0.001), wait)
        except DRIVER_ERRORS as error:
            raise classify(error) from error

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
        under_way: deque[ResponseFuture] = deque()
        answers: list[list[Row]] = []

        def take_oldest() -> None:
            wait = min(seconds, deadline.remaining())
            answers.append(_wait_for(under_way.popleft(), wait))

        try:
            for statement in statements:
                if len(under_way) == concurrency:
                    take_oldest()
                wait = min(seconds, deadline.remaining())
                under_way.append(session.execute_async(statement, timeout=wait or 0.001))
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

    def _ready(self, deadline: Deadline) -> tuple[Session, Mapping[str, PreparedStatement]]:
        if self._connected is None:
            self._first_try_over.wait(deadline.remaining())
        if self._connected is None:
            raise StoreUnavailable("Cassandra is not connected")
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
            cluster = make_cluster(self._contact)  # which resolves the hosts' names
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
        text = str(error) or type(error).__name__
        # A keyspace that is missing comes in the shape of a host that cannot be reached.
        answered = "keyspace" in text or not isinstance(error, _NOBODY_ANSWERED)
        hint = "; was the schema applied (make schema)?" if answered else ""
        kind = f"{type(error).__name__}{hint}"
        if kind != self._last_trouble:
            self._last_trouble = kind
            log.warning("cannot connect to Cassandra, trying again: %s%s", text, hint)


class SerialRequests:
    """Prepared statements by name, one try each, at one serial consistency: a read sees, and if
    need be completes, the last conditional write. Each raises what `CassandraSession.execute` does.
    """

    def __init__(
        self, session: CassandraSession, serial_consistency: int, attempt_seconds: float
    ) -> None:
        self._session = session
        self._serial = serial_consistency
        self._attempt_seconds = attempt_seconds

    def select(self, deadline: Deadline, name: str, *values: object) -> list[Row]:
        """All rows."""
        statement = self._session.prepared(name, deadline).bind(values)
        statement.consistency_level = self._serial
        return self._session.execute(statement, deadline, self._attempt_seconds)

    def write(self, deadline: Deadline, name: str, *values: object) -> Row:
        """The answer of a conditional write: `[applied]`, and if not, what stood in its way."""
        statement = self._session.prepared(name, deadline).bind(values)
        statement.serial_consistency_level = self._serial
        return self._session.execute(statement, deadline, self._attempt_seconds)[0]


def _wait_for(future: ResponseFuture, seconds: float) -> list[Row]:
    """All pages. Waits on a monotonic clock: the driver's own timers go by the wall clock, and
    set back an hour they would be due in an hour. Raises RequestFailed or a driver's error."""
    pages: list[list[Row]] = []
    errors: list[Exception] = []
    arrived = threading.Event()

    def on(target: list[Any]) -> Callable[[Any], None]:
        def take(result: Any) -> None:  # noqa: ANN401 - rows or an exception
            target.append(result)
            arrived.set()

        return take

    future.add_callbacks(on(pages), on(errors))
    deadline = Deadline.after(seconds)
    while True:
        if not arrived.wait(deadline.remaining()):
            raise RequestFailed("client-timeout", maybe_applied=True)
        if errors:
            raise errors[0]
        if not future.has_more_pages:
            return [row for page in pages for row in page or ()]
        arrived.clear()
        future.start_fetching_next_page()
