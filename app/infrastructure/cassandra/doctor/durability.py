"""Whether a write that was acknowledged is on a disk, and stays decided."""

from collections.abc import Iterator

from app.application.doctor import Finding, notice, risk
from app.infrastructure.cassandra.doctor.facts import ClusterFacts
from app.infrastructure.cassandra.doctor.nodes import names, nodes_where, value
from app.infrastructure.cassandra.session import Contact

_SYNCED_FIRST = ("batch", "group")


def of_commit_log(facts: ClusterFacts, _: Contact) -> Iterator[Finding]:
    """Whether a write is on the disk before it is acknowledged."""
    late = nodes_where(facts.nodes, "commitlog_sync", lambda value: value not in _SYNCED_FIRST)
    if late:
        period = value(late[0], "commitlog_sync_period")
        yield risk(
            "commit-log-not-synced",
            f"{names(late)} acknowledge writes before they are on the disk (commitlog_sync:"
            f" periodic, {period}), so kill -9 or a power cut loses acknowledged events: set"
            " commitlog_sync: batch in cassandra.yaml and restart the node.",
        )
    ignoring = nodes_where(facts.nodes, "commit_failure_policy", lambda value: value == "ignore")
    if ignoring:
        yield risk(
            "commit-failures-ignored",
            f"{names(ignoring)} go on when the commit log cannot be written"
            " (commit_failure_policy: ignore), so acknowledged events can be lost: set it to stop"
            " or die.",
        )


def of_durable_writes(facts: ClusterFacts, _: Contact) -> Iterator[Finding]:
    """Whether the keyspace's writes pass through the commit log at all."""
    if facts.keyspace is not None and not facts.keyspace.durable_writes:
        yield risk(
            "durable-writes-off",
            f"The keyspace {facts.keyspace.name} has durable_writes = false, so its writes are in"
            " no commit log and a restart of the node loses them: ALTER KEYSPACE"
            f" {facts.keyspace.name} WITH durable_writes = true.",
        )


def of_decisions(facts: ClusterFacts, _: Contact) -> Iterator[Finding]:
    """How conditional writes are decided."""
    weak = nodes_where(facts.nodes, "paxos_variant", lambda value: "without_linearizable" in value)
    if weak:
        yield risk(
            "reads-not-linearizable",
            f"{names(weak)} give up the guarantee that a read sees the last conditional write"
            f" (paxos_variant: {value(weak[0], 'paxos_variant')}), on which appends rest: set v2.",
        )
    if len(facts.nodes) == 1:  # nobody to decide with
        return
    old = nodes_where(facts.nodes, "paxos_variant", lambda value: value == "v1")
    if old:
        yield notice(
            "paxos-v1",
            f"{names(old)} decide by paxos_variant v1, which takes more round trips, and waits"
            " longer while writers meet: set v2 on every node.",
        )
    unpurged = [
        node
        for node in nodes_where(facts.nodes, "paxos_variant", lambda value: value == "v2")
        if value(node, "paxos_state_purging") == "legacy"
    ]
    if unpurged:
        yield notice(
            "paxos-state-by-ttl",
            f"{names(unpurged)} forget the state of paxos by its age (paxos_state_purging:"
            " legacy): once `nodetool repair` runs regularly, set repaired on every node.",
        )
