"""What follows from a cluster's facts. The facts here are made up: clusters of several nodes and
data centres, which `test_real_nodes.py` does not start."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from app.application.doctor import Finding, Severity
from app.infrastructure.cassandra.doctor.checks import check, of_schema
from app.infrastructure.cassandra.doctor.facts import (
    ClusterFacts,
    KeyspaceFacts,
    NodeClock,
    NodeFacts,
)
from app.infrastructure.cassandra.session import Contact

SOUND: Mapping[str, str] = {
    "commitlog_sync": "group",
    "commit_failure_policy": "stop",
    "authenticator": "PasswordAuthenticator",
    "authorizer": "org.apache.cassandra.auth.CassandraAuthorizer",
    "paxos_variant": "v2",
    "paxos_state_purging": "repaired",
}
CLOCK = NodeClock(ahead=0.001, uncertainty=0.002)
NODES = [
    NodeFacts(f"10.0.0.{number}", "dc1", answers=True, settings=SOUND, clock=CLOCK)
    for number in (1, 2, 3)
]
KEYSPACE = KeyspaceFacts("registry", {"class": "NetworkTopologyStrategy", "dc1": "3"}, True, {})
HEALTHY = ClusterFacts(NODES, KEYSPACE)
CONTACT = Contact(
    ("10.0.0.1",), local_dc="dc1", username="u", tls_ca=Path("ca.pem"), tls_check_hostname=True
)


def found(facts: ClusterFacts, contact: Contact = CONTACT) -> list[tuple[str, Severity]]:
    """Codes and severities."""
    return [(each.code, each.severity) for each in check(facts, contact)]


def with_settings(**changed: str) -> ClusterFacts:
    """The healthy cluster, but for these settings of its second node."""
    one, two, three = NODES
    return replace(HEALTHY, nodes=[one, replace(two, settings={**SOUND, **changed}), three])


def with_replication(kind: str, **options: str) -> ClusterFacts:
    """The healthy cluster with another replication."""
    return replace(HEALTHY, keyspace=replace(KEYSPACE, replication={"class": kind, **options}))


def sentences(facts: ClusterFacts, contact: Contact = CONTACT) -> list[str]:
    """What is said."""
    return [each.sentence for each in check(facts, contact)]


def test_nothing_is_said_of_a_healthy_cluster_of_three() -> None:
    """Three nodes with three copies, as docs/operations.md has it."""
    assert found(HEALTHY) == []


@pytest.mark.parametrize(
    ("changed", "code", "severity"),
    [
        ({"commitlog_sync": "periodic"}, "commit-log-not-synced", Severity.RISK),
        ({"commit_failure_policy": "ignore"}, "commit-failures-ignored", Severity.RISK),
        (
            {"paxos_variant": "v2_without_linearizable_reads"},
            "reads-not-linearizable",
            Severity.RISK,
        ),
        ({"paxos_variant": "v1"}, "paxos-v1", Severity.NOTICE),
        ({"paxos_state_purging": "legacy"}, "paxos-state-by-ttl", Severity.NOTICE),
        ({"authenticator": "AllowAllAuthenticator"}, "authentication-off", Severity.RISK),
        ({"authorizer": "AllowAllAuthorizer"}, "authorization-off", Severity.NOTICE),
    ],
)
def test_a_setting_of_one_node_is_enough(
    changed: dict[str, str], code: str, severity: Severity
) -> None:
    """The node is named."""
    facts = with_settings(**changed)
    assert found(facts) == [(code, severity)]
    assert "10.0.0.2" in sentences(facts)[0]
    assert "10.0.0.1" not in sentences(facts)[0]


def test_one_copy_on_several_nodes_is_a_risk() -> None:
    """It is lost with its node."""
    assert found(with_replication("NetworkTopologyStrategy", dc1="1")) == [
        ("one-copy", Severity.RISK)
    ]


def test_one_copy_on_the_only_node_is_worth_knowing() -> None:
    """There is nowhere to put another, as with a file of SQLite."""
    facts = with_replication("NetworkTopologyStrategy", dc1="1")
    assert found(replace(facts, nodes=NODES[:1])) == [("one-copy", Severity.NOTICE)]


def test_two_copies_spare_no_node() -> None:
    """Both are a quorum of two."""
    assert found(with_replication("NetworkTopologyStrategy", dc1="2")) == [
        ("no-node-to-spare", Severity.NOTICE)
    ]


def test_more_copies_than_nodes() -> None:
    """A quorum is counted of the copies that there should be."""
    facts = with_replication("NetworkTopologyStrategy", dc1="5")
    assert found(facts) == [("more-copies-than-nodes", Severity.NOTICE)]


def test_simple_strategy_knows_no_data_centres() -> None:
    """With several of them it is a risk; with one it is not."""
    facts = with_replication("SimpleStrategy", replication_factor="3")
    assert found(facts) == []
    elsewhere = replace(facts, nodes=[*NODES, replace(NODES[0], datacenter="dc2")])
    assert found(elsewhere) == [("simple-strategy", Severity.RISK)]


def test_a_local_data_centre_without_copies() -> None:
    """Every request would fail."""
    facts = replace(HEALTHY, nodes=[*NODES, replace(NODES[0], datacenter="dc2")])
    assert found(facts, replace(CONTACT, local_dc="dc2")) == [
        ("local-dc-without-copies", Severity.NOTICE)
    ]


def test_each_data_centre_counts_its_own_copies() -> None:
    """Without a local one all of them decide."""
    nodes = [*NODES, replace(NODES[0], datacenter="dc2")]
    facts = replace(with_replication("NetworkTopologyStrategy", dc1="3", dc2="1"), nodes=nodes)
    assert found(facts, replace(CONTACT, local_dc=None)) == [("one-copy", Severity.NOTICE)]
    assert found(facts) == []


@pytest.mark.parametrize(("down", "severity"), [(1, Severity.NOTICE), (2, Severity.RISK)])
def test_nodes_that_give_no_answer(down: int, severity: Severity) -> None:
    """With as many down as leave one copy, events are at risk."""
    silent = [NodeFacts(node.address, "dc1", answers=False) for node in NODES[:down]]
    facts = replace(HEALTHY, nodes=[*silent, *NODES[down:]])
    assert found(facts) == [("nodes-down", severity)]


def test_writes_past_the_commit_log() -> None:
    """durable_writes = false is a risk."""
    facts = replace(HEALTHY, keyspace=replace(KEYSPACE, durable_writes=False))
    assert found(facts) == [("durable-writes-off", Severity.RISK)]


@pytest.mark.parametrize(
    ("ahead", "uncertainty", "said"),
    [(0.4, 0.0, []), (0.9, 0.5, []), (2.0, 0.1, ["ahead of"]), (-2.0, 0.1, ["behind"])],
)
def test_a_clock_that_is_off(ahead: float, uncertainty: float, said: list[str]) -> None:
    """By more than half a second, and by more than the way there may hide."""
    one, *others = NODES
    facts = replace(HEALTHY, nodes=[replace(one, clock=NodeClock(ahead, uncertainty)), *others])
    assert [code for code, _ in found(facts)] == ["clock-distance"] * len(said)
    for words, sentence in zip(said, sentences(facts), strict=True):
        assert f"2.0 s {words} this machine's" in sentence


def test_what_can_be_read_on_the_way() -> None:
    """Without TLS, unless all nodes are on loopback."""
    plain = replace(CONTACT, tls_ca=None, tls_check_hostname=False)
    assert found(HEALTHY, plain) == [("tls-off", Severity.NOTICE)]
    here = [replace(node, address="127.0.0.1") for node in NODES]
    assert found(replace(HEALTHY, nodes=here), plain) == []


def test_certificates_of_any_name() -> None:
    """TLS without a check of names is worth knowing."""
    unchecked = replace(CONTACT, tls_check_hostname=False)
    assert found(HEALTHY, unchecked) == [("certificate-names-unchecked", Severity.NOTICE)]


@pytest.mark.parametrize(("said", "words"), [("STUFFED", "nearly full"), ("FULL", "refused")])
def test_a_node_that_says_its_disk_is_full(said: str, words: str) -> None:
    """It tells the others, where thresholds are set."""
    one, *others = NODES
    facts = replace(HEALTHY, nodes=[replace(one, disk=said), *others])
    assert found(facts) == [("disk-nearly-full", Severity.NOTICE)]
    assert words in sentences(facts)[0]


def test_settings_that_the_role_may_not_see() -> None:
    """What would let it see them is said."""
    blind = [replace(node, settings=None) for node in NODES]
    facts = replace(HEALTHY, nodes=blind)
    assert found(facts) == [("settings-not-shown", Severity.NOTICE)]
    assert "GRANT SELECT ON system_views.settings TO u" in sentences(facts)[0]


@pytest.mark.parametrize(
    ("applied", "codes"),
    [
        ({"0001.cql": "a", "0002.cql": "b"}, []),
        ({"0001.cql": "a"}, ["schema-behind"]),
        ({"0001.cql": "a", "0002.cql": "b", "0003.cql": "c"}, ["schema-ahead"]),
        ({"0001.cql": "a", "0002.cql": "x"}, ["schema-differs"]),
        (None, []),
    ],
)
def test_the_schema_is_this_releases(applied: dict[str, str] | None, codes: list[str]) -> None:
    """Compared by name and checksum; what cannot be read is left out."""
    known = {"0001.cql": "a", "0002.cql": "b"}
    findings = list(of_schema(replace(KEYSPACE, migrations=applied), "registry", known))
    assert [each.code for each in findings] == codes


def test_a_keyspace_that_is_not_there() -> None:
    """There is one thing to do."""
    (missing,) = of_schema(None, "registry", {"0001.cql": "a"})
    assert missing.code == "schema-missing"
    assert found(replace(HEALTHY, keyspace=None)) == []


def test_every_sentence_says_what_to_do() -> None:
    """One sentence or two, and an end."""
    worst = ClusterFacts(
        [replace(NODES[0], settings={**SOUND, "commitlog_sync": "periodic"}, clock=None)],
        replace(KEYSPACE, replication={"class": "SimpleStrategy", "replication_factor": "1"}),
    )
    said: list[Finding] = list(check(worst, CONTACT))
    assert [each.code for each in said] == ["commit-log-not-synced", "one-copy"]
    assert all(each.sentence.endswith(".") and ": " in each.sentence for each in said)
