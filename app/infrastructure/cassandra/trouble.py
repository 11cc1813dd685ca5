"""Why there is no connection to Cassandra, in the words of who runs it: each host, its port, and
what failed there. Never a user's name or password."""

import re
from collections.abc import Mapping, Sequence

from cassandra import AuthenticationFailed, OperationTimedOut, UnresolvableContactPoints
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionShutdown, ProtocolError

_LAST_ERROR = re.compile(r"Last error: (.*)", re.DOTALL)
_TLS = re.compile(r"\[SSL: (\w+)\]")
_OTHER_NAME = re.compile(r"mismatch, certificate is not valid for")  # Python's own words
_MAX_CHARACTERS = 200

_SENTENCES: tuple[tuple[type[Exception], str], ...] = (
    (
        AuthenticationFailed,
        "the login was refused: look at CASSANDRA_USERNAME and CASSANDRA_PASSWORD",
    ),
    (OperationTimedOut, "no answer in time"),
    (ProtocolError, "what answers there does not speak Cassandra's protocol"),
    (
        ConnectionShutdown,
        "the connection was closed at once; does the node want TLS (CASSANDRA_TLS_CA)?",
    ),
)


def why_not_connected(hosts: Sequence[str], port: int, keyspace: str, error: Exception) -> str:
    """What failed on the way to a session on the keyspace, in one line."""
    if isinstance(error, UnresolvableContactPoints):
        return "; ".join(f"{host}:{port}: the name is not known" for host in hosts)
    if isinstance(error, NoHostAvailable):
        if isinstance(error.errors, Mapping) and error.errors:
            failed = {str(node): _in_words(each) for node, each in error.errors.items()}
            return "; ".join(f"{node}: {words}" for node, words in sorted(failed.items()))
        if "keyspace" in str(error):  # a list of the hosts, all of which answered
            return f"{_addresses(hosts, port)}: there is no keyspace {keyspace}"
    return f"{_addresses(hosts, port)}: {_in_words(error)}"


def _addresses(hosts: Sequence[str], port: int) -> str:
    return ", ".join(f"{host}:{port}" for host in hosts)


def _in_words(error: Exception) -> str:
    text = str(error)
    for kind, sentence in _SENTENCES:
        if isinstance(error, kind):
            return sentence
    if _OTHER_NAME.search(text):
        return (
            "TLS failed: the node's certificate does not name this address"
            " (CASSANDRA_TLS_CHECK_HOSTNAME)"
        )
    if found := _TLS.search(text):
        return f"TLS failed: {found[1].replace('_', ' ').lower()}"
    if last := _LAST_ERROR.search(text):
        text = last[1]
    elif isinstance(error, OSError) and error.strerror:
        text = error.strerror
    return " ".join(text.split())[:_MAX_CHARACTERS] or type(error).__name__
