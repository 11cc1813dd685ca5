"""What `carriers doctor` says of real nodes: a weak one, and one as docs/operations.md has it."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from app.application.ports.errors import StoreUnavailable
from app.cli import main
from app.infrastructure.cassandra.doctor.checks import check
from app.infrastructure.cassandra.doctor.facts import ClusterFacts, gather
from app.infrastructure.cassandra.roles import let_in, replace_first_login
from app.infrastructure.cassandra.session import Contact
from app.infrastructure.clock import system_clock
from tests.conftest import without
from tests.support import cassandra_node
from tests.support.cassandra_jvm import accepts_cql
from tests.support.cassandra_node import UNFLUSHED_SCHEMA, JvmNode, Unavailable
from tests.support.processes import Server, free_port, wait_until
from tests.support.project import ROOT
from tests.support.stores import driver_session, make_schema
from tests.support.tls import make_certificate

WEAK: Mapping[str, Any] = {
    "commit_failure_policy": "ignore",
    "paxos_variant": "v2_without_linearizable_reads",
    # The node's data are more than a hundredth of that.
    "data_disk_usage_max_disk_size": "5MiB",
    "data_disk_usage_percentage_warn_threshold": 1,
}
SOUND: Mapping[str, Any] = {
    **cassandra_node.SYNCED_COMMIT_LOG,
    "paxos_variant": "v2",
    "paxos_state_purging": "repaired",
    "authenticator": "PasswordAuthenticator",
    "authorizer": "CassandraAuthorizer",
    # Also reached as 127.0.0.2, which its certificate does not name.
    "rpc_address": "0.0.0.0",
    "broadcast_rpc_address": "127.0.0.1",
}
KEYSPACE = "registry"
DURABLE, FORGETFUL, TOO_MANY, SHORT = "durable", "forgetful", "too_many", "short"


def started(overrides: Mapping[str, Any]) -> JvmNode:
    """A node of our own."""
    with pytest.MonkeyPatch.context() as patch:
        # By default it says only every half minute how full its disk is.
        patch.setenv("JAVA_TOOL_OPTIONS", "-Dcassandra.disk_usage.monitor_interval_ms=200")
        try:
            return cassandra_node.start_own(overrides=overrides, options=UNFLUSHED_SCHEMA)
        except Unavailable as reason:
            without("cassandra", reason)


def run(contact: Contact, *statements: str) -> None:
    """Carry out CQL."""
    with driver_session(contact) as session:
        for cql in statements:
            session.execute(cql)


def codes(facts: ClusterFacts, contact: Contact) -> list[str]:
    """What is found."""
    return [each.code for each in check(facts, contact)]


@pytest.fixture(scope="module")
def weak() -> Iterator[Contact]:
    """A node on which everything is wrong that one node can have wrong."""
    node = started(WEAK)
    contact = Contact((node.host,), node.port)
    simple = "replication = {'class': 'SimpleStrategy', 'replication_factor':"
    run(
        contact,
        f"CREATE KEYSPACE {FORGETFUL} WITH {simple} 1}} AND durable_writes = false",
        f"CREATE KEYSPACE {TOO_MANY} WITH {simple} 3}}",
        f"CREATE KEYSPACE {DURABLE} WITH {simple} 1}}",
    )
    yield contact
    node.close()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JvmNode]:
    """A sound node, whose certificate names 127.0.0.1."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, store = make_certificate(folder), folder / "node.p12"
    subprocess.run(
        [
            *("openssl", "pkcs12", "-export", "-passout", "pass:changeit", "-out", store),
            *("-in", certificate, "-inkey", folder / "key.pem"),
        ],
        check=True,
        capture_output=True,
    )
    encryption = {
        "enabled": True,
        "optional": True,  # the wait for its start speaks no TLS
        "keystore": str(store),
        "keystore_password": "changeit",
        "store_type": "PKCS12",
    }
    node = started({**SOUND, "client_encryption_options": encryption})
    (node.data / "ca.pem").write_bytes(certificate.read_bytes())
    yield node
    node.close()


@pytest.fixture(scope="module")
def admin(node: JvmNode) -> Contact:
    """Its superuser, over TLS, with the names of certificates checked."""
    plain = Contact((node.host,), node.port, username="admin", password="s3cret")
    replace_first_login(plain, print)
    make_schema(plain, KEYSPACE)
    return replace(plain, tls_ca=node.data / "ca.pem", tls_check_hostname=True)


def test_everything_that_is_wrong_with_a_weak_node(weak: Contact) -> None:
    """Periodic sync, a commit log that may fail, reads that are not linearizable, one copy, and no
    commit log at all for the keyspace."""
    assert codes(gather(weak, FORGETFUL, system_clock), weak)[:4] == [
        "commit-log-not-synced",
        "commit-failures-ignored",
        "durable-writes-off",
        "one-copy",
    ]
    assert "reads-not-linearizable" in codes(gather(weak, FORGETFUL, system_clock), weak)
    assert "durable-writes-off" not in codes(gather(weak, DURABLE, system_clock), weak)


def test_a_node_tells_that_its_disk_is_nearly_full(weak: Contact) -> None:
    """It does where a threshold is set."""

    def told() -> bool:
        return "disk-nearly-full" in codes(gather(weak, DURABLE, system_clock), weak)

    wait_until(told, 30, "the node has looked at its disk", 0.5)


def test_more_copies_are_asked_for_than_there_are_nodes(weak: Contact) -> None:
    """And it can be looked at all the same."""
    assert "more-copies-than-nodes" in codes(gather(weak, TOO_MANY, system_clock), weak)


def test_a_node_that_strangers_reach(weak: Contact) -> None:
    """What a real node says of itself, at another address than loopback."""
    facts = gather(weak, DURABLE, system_clock)
    assert not {"tls-off", "authentication-off"} & set(codes(facts, weak))
    moved = replace(facts, nodes=[replace(facts.nodes[0], address="192.0.2.1")])
    assert {"tls-off", "authentication-off"} <= set(codes(moved, weak))


@pytest.mark.parametrize("seconds", [5, -5])
def test_the_distance_of_clocks_is_measured(weak: Contact, seconds: int) -> None:
    """By this machine's clock, which is five seconds off here; the way there hides little."""

    def off() -> datetime:
        return system_clock() + timedelta(seconds=seconds)

    (node,) = gather(weak, DURABLE, off).nodes
    assert node.clock is not None
    assert node.clock.ahead == pytest.approx(-seconds, abs=0.3)
    assert 0 < node.clock.uncertainty < 1
    assert "clock-distance" in codes(gather(weak, DURABLE, off), weak)
    assert "clock-distance" not in codes(gather(weak, DURABLE, system_clock), weak)


def test_a_sound_node_has_one_copy_and_nothing_else(admin: Contact) -> None:
    """A cluster of three would not have even that."""
    assert codes(gather(admin, KEYSPACE, system_clock), admin) == ["one-copy"]


def test_a_role_that_may_not_see_settings_is_told_what_to_grant(admin: Contact) -> None:
    """`carriers schema --let-in` grants it."""
    service = replace(admin, username="stranger")
    run(
        admin,
        "CREATE ROLE stranger WITH PASSWORD = 's3cret' AND LOGIN = true",
        f"GRANT SELECT ON KEYSPACE {KEYSPACE} TO stranger",
    )
    assert "settings-not-shown" in codes(gather(service, KEYSPACE, system_clock), service)
    let_in(admin, KEYSPACE, "stranger", "s3cret", print)

    def told() -> list[str]:
        return codes(gather(service, KEYSPACE, system_clock), service)

    # A node goes by what a role might do before for two seconds.
    wait_until(lambda: told() == ["one-copy"], 20, "the grant holds", 0.5)


def test_a_certificate_of_another_name_is_refused(admin: Contact) -> None:
    """With CASSANDRA_TLS_CHECK_HOSTNAME, in words that name the setting."""
    other = replace(admin, hosts=("127.0.0.2",))
    with pytest.raises(StoreUnavailable, match="does not name this address"):
        gather(other, KEYSPACE, system_clock)


def test_a_certificate_of_another_name_is_taken_without_the_setting(admin: Contact) -> None:
    """It is of the CA; the doctor says that names are not checked."""
    unchecked = replace(admin, hosts=("127.0.0.2",), tls_check_hostname=False)
    facts = gather(unchecked, KEYSPACE, system_clock)
    assert codes(facts, unchecked) == ["one-copy", "certificate-names-unchecked"]


@pytest.mark.full
def test_make_cassandra_syncs_before_it_acknowledges(tmp_path: Path) -> None:
    """A node for development promises what one in production does."""
    port = free_port()
    contact = Contact(("127.0.0.1",), port)
    command = [sys.executable, "-m", "tests.support.cassandra_node", "--port", str(port)]
    with Server(
        [*command, "--data", tmp_path / "data"],
        log=tmp_path / "log",
        ready=lambda: accepts_cql("127.0.0.1", port),
        cwd=ROOT,
        deadline_s=180,
    ):
        facts = gather(contact, KEYSPACE, system_clock)
    assert codes(facts, contact) == []


def environment(contact: Contact, keyspace: str) -> dict[str, str]:
    """The settings that stand for the contact."""
    secrets = {"CASSANDRA_USERNAME": contact.username, "CASSANDRA_PASSWORD": contact.password}
    return {
        "CASSANDRA_HOST": contact.hosts[0],
        "CASSANDRA_PORT": str(contact.port),
        "CASSANDRA_KEYSPACE": keyspace,
        **{name: value for name, value in secrets.items() if value is not None},
        **({"CASSANDRA_TLS_CA": str(contact.tls_ca)} if contact.tls_ca else {}),
        "CASSANDRA_TLS_CHECK_HOSTNAME": str(contact.tls_check_hostname).lower(),
    }


def examined(contact: Contact, keyspace: str) -> tuple[int, list[str]]:
    """How `carriers doctor` ends, and what it finds."""
    result = CliRunner().invoke(main, ["doctor", "--json"], env=environment(contact, keyspace))
    return result.exit_code, [each["code"] for each in json.loads(result.stdout)["findings"]]


def test_the_command_on_a_sound_node(admin: Contact) -> None:
    """Something to know: one copy. Views and keys are looked at as well."""
    assert examined(admin, KEYSPACE) == (1, ["one-copy"])


def test_the_command_on_a_weak_node(weak: Contact) -> None:
    """Data at risk, and a keyspace without tables."""
    exit_code, found = examined(weak, DURABLE)
    assert exit_code == 2
    assert "commit-log-not-synced" in found
    assert "schema-behind" in found


def test_the_command_without_a_keyspace(weak: Contact) -> None:
    """The cluster is looked at all the same."""
    assert "schema-missing" in examined(weak, "nobodys")[1]


@pytest.mark.full  # that views cannot be seen is tried with fakes in every run
def test_the_command_without_a_quorum(weak: Contact) -> None:
    """Its tables are there, but nobody can read them."""
    make_schema(weak, SHORT)
    three = "{'class': 'SimpleStrategy', 'replication_factor': 3}"
    run(weak, f"ALTER KEYSPACE {SHORT} WITH replication = {three}")
    assert "views-not-seen" in examined(weak, SHORT)[1]


def test_the_command_without_a_node() -> None:
    """Exit code 6, as everywhere."""
    contact = Contact(("127.0.0.1",), free_port())
    result = CliRunner().invoke(main, ["doctor"], env=environment(contact, KEYSPACE))
    assert (result.exit_code, result.stdout) == (6, "")
    assert "Connection refused" in result.stderr
