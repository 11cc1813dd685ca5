"""Which nodes of Cassandra are suspected to be silent, and a load balancing policy that asks these
last. Between the session, which notices, and the driver.

A frozen node (SIGSTOP, a hung disk, a black-holed address) keeps its connections open, and for
seconds the driver goes on asking it. So does one that is cut off from its peers, and can only say
that it is.
"""

import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

from cassandra.cluster import Cluster
from cassandra.policies import HostDistance, LoadBalancingPolicy
from cassandra.pool import Host
from cassandra.query import Statement

SUSPECTED_SECONDS = 1.0
"""How long a node is asked last. After that one request tries the node again."""


class Suspects:
    """The suspected nodes, and when each node has answered last. For threads."""

    def __init__(self) -> None:
        self._until: dict[Any, float] = {}  # keyed by endpoint: a new connection has new hosts
        self._answered: dict[Any, float] = {}
        self._mutex = threading.Lock()

    def answered(self, host: Host | None) -> None:
        """The node has done what a request asked: it is not suspected."""
        if host is None:
            return
        self._answered[host.endpoint] = time.monotonic()
        if host.endpoint in self._until:
            with self._mutex:
                self._until.pop(host.endpoint, None)

    def suspect(self, host: Host | None) -> None:
        """The node has not answered, or not with what it should know."""
        if host is not None:
            with self._mutex:
                self._until[host.endpoint] = time.monotonic() + SUSPECTED_SECONDS

    def answered_at(self, host: Host) -> float:
        """When the node has answered last, in seconds of the monotonic clock."""
        return self._answered.get(host.endpoint, 0.0)

    def is_suspected(self, host: Host) -> bool:
        """Tell whether the node is suspected, be it that its time is over."""
        return host.endpoint in self._until

    def last(self, hosts: Iterable[Host]) -> list[Host]:
        """The same nodes in the same order, the suspected ones behind the others. A node whose time
        is over keeps its place in this one list, and is suspected for as long again."""
        plan = list(hosts)
        if not self._until:
            return plan
        late = [host for host in plan if self._is_avoided(host)]
        return [host for host in plan if host not in late] + late

    def _is_avoided(self, host: Host) -> bool:
        now = time.monotonic()
        with self._mutex:
            until = self._until.get(host.endpoint)
            if until is None or until > now:
                return until is not None
            self._until[host.endpoint] = now + SUSPECTED_SECONDS
        return False


class SuspectsLast(LoadBalancingPolicy):
    """The plan of another policy, with the suspected nodes at its end."""

    def __init__(self, child: LoadBalancingPolicy, suspects: Suspects) -> None:
        super().__init__()
        self._child = child
        self._suspects = suspects

    def make_query_plan(
        self, working_keyspace: str | None = None, query: Statement | None = None
    ) -> Iterator[Host]:
        """See `LoadBalancingPolicy`."""
        return iter(self._suspects.last(self._child.make_query_plan(working_keyspace, query)))

    def has_other(self, working_keyspace: str | None, query: Statement) -> bool:
        """Tell whether the plan for the query has a node that is not suspected."""
        plan = self._child.make_query_plan(working_keyspace, query)
        return any(
            host.is_up is not False and not self._suspects.is_suspected(host) for host in plan
        )

    def populate(self, cluster: Cluster, hosts: Iterable[Host]) -> None:
        """See `LoadBalancingPolicy`."""
        self._child.populate(cluster, hosts)

    def check_supported(self) -> None:
        """See `LoadBalancingPolicy`."""
        self._child.check_supported()

    def distance(self, host: Host) -> HostDistance:
        """See `LoadBalancingPolicy`."""
        return self._child.distance(host)

    def on_up(self, host: Host) -> None:
        """See `LoadBalancingPolicy`."""
        self._child.on_up(host)

    def on_down(self, host: Host) -> None:
        """See `LoadBalancingPolicy`."""
        self._child.on_down(host)

    def on_add(self, host: Host) -> None:
        """See `LoadBalancingPolicy`."""
        self._child.on_add(host)

    def on_remove(self, host: Host) -> None:
        """See `LoadBalancingPolicy`."""
        self._child.on_remove(host)
