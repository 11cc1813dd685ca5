"""Makes the roles of a Cassandra that asks for passwords: `carriers schema`. Web workers never come
here.

Every step can be repeated, by several runs at once: what is there already is left as it is, but for
passwords that differ from those that the caller has.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from cassandra import AuthenticationFailed, InvalidRequest, UnresolvableContactPoints
from cassandra.cluster import NoHostAvailable, Session
from cassandra.protocol import OverloadedErrorMessage

from app.application.deadline import Deadline
from app.application.ports.errors import SchemaError
from app.infrastructure.cassandra.errors import DRIVER_ERRORS
from app.infrastructure.cassandra.session import Contact, make_cluster

FIRST_LOGIN = "cassandra"
"""The superuser that every new cluster has, with a password that is its name."""

FIRST_LOGIN_SECONDS = 60
"""A new node makes that role some ten seconds after it has begun to answer."""

PASSWORD_SECONDS = 20
"""How long a password may take until it is accepted."""

SHOWN_TO_SERVICE = ("settings", "gossip_info")
"""Tables of system_views that tell how nodes are set up, without secrets."""

_POLL_SECONDS = 0.5

Say = Callable[[str], None]


def replace_first_login(contact: Contact, say: Say) -> None:
    """Make the contact's role a superuser unless it can log in, and close the first login.

    Raises SchemaError, also if neither of them can log in.
    """
    if contact.username in {None, FIRST_LOGIN}:
        raise SchemaError(
            f"The superuser {FIRST_LOGIN} cannot replace itself; set CASSANDRA_USERNAME and"
            " CASSANDRA_PASSWORD to those of the role that shall do what it does."
        )
    first = replace(contact, username=FIRST_LOGIN, password=FIRST_LOGIN)
    deadline = Deadline.after(FIRST_LOGIN_SECONDS)
    while not _can_log_in(contact):
        if _can_log_in(first):
            say(f"making the superuser {contact.username}")
            with _connected(first) as session:
                _make_role(session, contact, superuser=True)
        elif deadline.expired:
            raise SchemaError(
                f"Cassandra lets in neither {contact.username} with the given password nor"
                f" {FIRST_LOGIN} with its first one; give the password that it was set to."
            )
        else:
            time.sleep(_POLL_SECONDS)
    with _connected(contact) as session:
        rows = session.execute(
            "SELECT can_login FROM system_auth.roles WHERE role = %s", (FIRST_LOGIN,)
        )
        if any(row["can_login"] for row in rows):
            say(f"closing the login {FIRST_LOGIN}")
            session.execute(f"ALTER ROLE {FIRST_LOGIN} WITH SUPERUSER = false AND LOGIN = false")


def let_in(contact: Contact, keyspace: str, name: str, password: str, say: Say) -> None:
    """Give the role `name` this password and the right to read and write the keyspace's rows, and
    to look at the node's settings, as `carriers doctor` does; no other. Raises SchemaError."""
    with _connected(contact) as session:
        say(f"letting {name} read and write {keyspace}")
        service = replace(contact, username=name, password=password)
        _make_role(session, service, superuser=False)
        for right in ("SELECT", "MODIFY"):
            session.execute(f'GRANT {right} ON KEYSPACE "{keyspace}" TO %s', (name,))
        for table in SHOWN_TO_SERVICE:
            with suppress(InvalidRequest):  # a Cassandra without this table
                session.execute(f"GRANT SELECT ON system_views.{table} TO %s", (name,))


def _make_role(session: Session, contact: Contact, *, superuser: bool) -> None:
    """So that it is there and this contact can log in."""
    options = f"PASSWORD = %s AND SUPERUSER = {str(superuser).lower()} AND LOGIN = true"
    values = (contact.username, contact.password)
    session.execute(f"CREATE ROLE IF NOT EXISTS %s WITH {options}", values)
    # It may have been there, with another password. A node takes a new one every five seconds at
    # most, and goes by an old one for two.
    deadline = Deadline.after(PASSWORD_SECONDS)
    while not _can_log_in(contact):
        if deadline.expired:
            raise SchemaError(f"Cassandra does not take the password of {contact.username}.")
        with suppress(OverloadedErrorMessage):
            session.execute(f"ALTER ROLE %s WITH {options}", values)
        time.sleep(_POLL_SECONDS)


def _can_log_in(contact: Contact) -> bool:
    try:
        with _connected(contact):
            return True
    except SchemaError as error:
        if _is_refusal(error.__cause__):
            return False
        raise


def _is_refusal(reason: BaseException | None) -> bool:
    # The driver puts a mapping there, or a mere list of the hosts.
    errors = reason.errors if isinstance(reason, NoHostAvailable) else None
    reasons = errors.values() if isinstance(errors, dict) else ()
    return any(isinstance(each, AuthenticationFailed) for each in reasons)


@contextmanager
def _connected(contact: Contact) -> Iterator[Session]:
    try:
        cluster = make_cluster(contact)
    except (UnresolvableContactPoints, OSError) as error:
        raise SchemaError(
            f"Cassandra at {', '.join(contact.hosts)} cannot be reached: {error}."
        ) from error
    try:
        yield cluster.connect()
    except DRIVER_ERRORS as error:
        raise SchemaError(f"Cassandra did not do it: {error}") from error
    finally:
        cluster.shutdown()
