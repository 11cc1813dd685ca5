"""What others on the network can read or do. A node on loopback is out of their reach."""

from collections.abc import Iterator

from app.application.doctor import Finding, notice, risk
from app.infrastructure.cassandra.doctor.facts import ClusterFacts, NodeFacts
from app.infrastructure.cassandra.doctor.nodes import is_loopback, names, nodes_where, value
from app.infrastructure.cassandra.session import Contact

_OPEN_TO_ALL = ("AllowAllAuthenticator", "AllowAllAuthorizer")


def of_strangers(facts: ClusterFacts, contact: Contact) -> Iterator[Finding]:
    """What others on the network can read or do. A cluster on loopback is out of their reach."""
    reachable = [node for node in facts.nodes if not is_loopback(node)]
    if contact.tls_ca is not None and not contact.tls_check_hostname:
        yield notice(
            "certificate-names-unchecked",
            "Any certificate of CASSANDRA_TLS_CA is taken for a node's, whatever name it has: give"
            " the nodes certificates with their addresses, then set"
            " CASSANDRA_TLS_CHECK_HOSTNAME=true.",
        )
    if contact.tls_ca is None and reachable:
        yield notice(
            "tls-off",
            f"What goes to {names(reachable)} and back, the password too, can be read on the way:"
            " turn on client_encryption_options and set CASSANDRA_TLS_CA, unless nobody else is"
            " on that network.",
        )
    unguarded = nodes_where(reachable, "authenticator", lambda value: value in _OPEN_TO_ALL) or (
        nodes_where(reachable, "authenticator.class_name", lambda value: value in _OPEN_TO_ALL)
    )
    if unguarded:
        yield risk(
            "authentication-off",
            f"{names(unguarded)} let everybody in who reaches them, to read and to delete: set"
            " authenticator: PasswordAuthenticator and authorizer: CassandraAuthorizer, then"
            " CASSANDRA_USERNAME and CASSANDRA_PASSWORD.",
        )
    elif unbounded := [node for node in reachable if _authorizes_all(node)]:
        yield notice(
            "authorization-off",
            f"{names(unbounded)} let every role do everything: set authorizer:"
            " CassandraAuthorizer, and `carriers schema --let-in` for the service's role.",
        )


def _authorizes_all(node: NodeFacts) -> bool:
    if node.settings is None:
        return False
    given = value(node, "authorizer") or value(node, "authorizer.class_name")
    return given in ("", *_OPEN_TO_ALL)
