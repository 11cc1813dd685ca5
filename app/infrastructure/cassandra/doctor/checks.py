"""What follows from a cluster's facts: pure functions, a few findings each.

The reasons, and what a cluster of three should have, are in docs/operations.md.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from app.application.doctor import Finding, notice
from app.infrastructure.cassandra.doctor.copies import of_copies
from app.infrastructure.cassandra.doctor.durability import (
    of_commit_log,
    of_decisions,
    of_durable_writes,
)
from app.infrastructure.cassandra.doctor.exposure import of_strangers
from app.infrastructure.cassandra.doctor.facts import ClusterFacts, KeyspaceFacts
from app.infrastructure.cassandra.doctor.nodes import names
from app.infrastructure.cassandra.roles import SHOWN_TO_SERVICE
from app.infrastructure.cassandra.session import Contact

MAX_CLOCK_SECONDS = 0.5
"""A clock that is further away than that is worth a word."""

WITHOUT_TABLES = frozenset({"schema-missing", "schema-behind"})
"""Codes of findings with which views and keys cannot be looked at."""

Check = Callable[[ClusterFacts, Contact], Iterable[Finding]]


def check(facts: ClusterFacts, contact: Contact) -> Iterator[Finding]:
    """All checks on a cluster that need no other store."""
    for each in _CHECKS:
        yield from each(facts, contact)


def of_clocks(facts: ClusterFacts, _: Contact) -> Iterator[Finding]:
    """How far the nodes' clocks are from this machine's, beyond what the way there may hide."""
    for node in facts.nodes:
        clock = node.clock
        if clock is not None and abs(clock.ahead) - clock.uncertainty > MAX_CLOCK_SECONDS:
            direction = "ahead of" if clock.ahead > 0 else "behind"
            yield notice(
                "clock-distance",
                f"The clock of {node.address} is {abs(clock.ahead):.1f} s {direction} this"
                f" machine's (give or take {clock.uncertainty:.3f} s): keys expire, and events are"
                " dated, by these clocks. Let chrony or another NTP client run on both.",
            )


def of_disks(facts: ClusterFacts, _: Contact) -> Iterator[Finding]:
    """What nodes say of their disks, which they do where data_disk_usage thresholds are set."""
    for state, words in (("FULL", "full, and writes are refused"), ("STUFFED", "nearly full")):
        nodes = [node for node in facts.nodes if (node.disk or "").upper().startswith(state)]
        if nodes:
            yield notice(
                "disk-nearly-full",
                f"{names(nodes)} say that their disks are {words}: add room or nodes.",
            )


def of_sight(facts: ClusterFacts, contact: Contact) -> Iterator[Finding]:
    """What could not be looked at."""
    blind = [node for node in facts.nodes if node.answers and node.settings is None]
    if blind:
        grants = "; ".join(
            f"GRANT SELECT ON system_views.{table} TO {contact.username or '…'}"
            for table in SHOWN_TO_SERVICE
        )
        yield notice(
            "settings-not-shown",
            f"{names(blind)} do not show their settings to the role"
            f" {contact.username or 'of this service'}, so commit log, authentication and paxos"
            f" were not looked at: run `carriers schema --let-in` again, or {grants}.",
        )


def of_schema(
    keyspace: KeyspaceFacts | None, name: str, known: Mapping[str, str]
) -> Iterator[Finding]:
    """Of the migrations that this release has (`known`: their checksums by name), those that the
    keyspace called `name` lacks, and those that it has besides."""
    if keyspace is None:
        yield notice(
            "schema-missing",
            f"There is no keyspace {name}, so every request gets 503: apply the schema with"
            " `carriers schema`.",
        )
        return
    if (applied := keyspace.migrations) is None:
        return
    if missing := sorted(known.keys() - applied.keys()):
        yield notice(
            "schema-behind",
            f"The keyspace {name} lacks {', '.join(missing)}, so requests may get 503: apply the"
            " schema with `carriers schema`.",
        )
    if unknown := sorted(applied.keys() - known.keys()):
        yield notice(
            "schema-ahead",
            f"The keyspace {name} has {', '.join(unknown)}, which this release does not know: a"
            " newer one has been here; go on with that.",
        )
    changed = sorted(each for each in known if applied.get(each, known[each]) != known[each])
    if changed:
        yield notice(
            "schema-differs",
            f"{', '.join(changed)} in the keyspace {name} is not the file that this release has:"
            " use the release that made the keyspace, or compare the files.",
        )


_CHECKS: Sequence[Check] = (
    of_commit_log,
    of_durable_writes,
    of_copies,
    of_decisions,
    of_strangers,
    of_clocks,
    of_disks,
    of_sight,
)
