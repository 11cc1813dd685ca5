"""What happens to the service, and to what lies between the service and its store, while clients
are at work."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from tests.support.cassandra_jvm import JvmNode
from tests.support.cql_frames import STATEMENTS, Frame
from tests.support.history.recorder import Recorder
from tests.support.history.records import Note
from tests.support.processes import wait_until
from tests.support.service import Service
from tests.support.tcp_proxy import DROP_ANSWER, DROP_REQUEST, Fault, FaultProxy, delay_request

_LONGEST_DELAY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault that lasts from `begin` to `end`."""

    name: str
    begin: Callable[[], object]
    end: Callable[[], object] = lambda: None


def suffer(
    troubles: Sequence[Trouble],
    chance: random.Random,
    recorder: Recorder,
    stop: threading.Event,
    longest_seconds: float,
) -> None:
    """One trouble after the other in random order, each for a while, with a calm in between."""
    while not stop.is_set():
        for trouble in chance.sample(troubles, len(troubles)):
            if stop.wait(chance.uniform(0.2, longest_seconds)):
                return
            recorder.add(Note(time.monotonic(), f"{trouble.name} begins"))
            try:
                trouble.begin()
                stop.wait(chance.uniform(0.2, longest_seconds))
            finally:
                trouble.end()
                recorder.add(Note(time.monotonic(), f"{trouble.name} is over"))


def of_service(service: Service, chance: random.Random) -> list[Trouble]:
    """The whole service or one worker is killed (-9), or a worker is frozen."""
    frozen: list[int] = []

    def one_worker() -> int:
        return chance.choice(wait_until(service.workers, 20, "a worker"))

    def kill_worker() -> None:
        with suppress(ProcessLookupError):
            os.kill(one_worker(), signal.SIGKILL)

    def freeze() -> None:
        frozen.append(one_worker())
        _signal(frozen[-1], signal.SIGSTOP)

    return [
        Trouble("kill -9 of the service", service.server.kill, service.server.start),
        Trouble("kill -9 of a worker", kill_worker),
        Trouble("a frozen worker", freeze, lambda: _signal(frozen[-1], signal.SIGCONT)),
    ]


def of_line(proxy: FaultProxy, chance: random.Random) -> list[Trouble]:
    """The connections to the store break, are slow, or lose some or all of what they carry."""

    def slow(_: Frame) -> Fault:
        return delay_request(chance.uniform(0, _LONGEST_DELAY_SECONDS))

    def lossy(_: Frame) -> Fault | None:
        return DROP_ANSWER if chance.random() < 0.2 else None

    def arm(fault: Fault | Callable[[Frame], Fault | None]) -> Callable[[], object]:
        return lambda: proxy.arm(fault, times=None, opcodes=STATEMENTS)

    return [
        Trouble("cut connections", proxy.cut),
        Trouble("latency", arm(slow), proxy.disarm),
        Trouble("lost answers", arm(lossy), proxy.disarm),
        Trouble("a black hole", arm(DROP_REQUEST), proxy.disarm),
    ]


def of_node(node: JvmNode, line: FaultProxy, chance: random.Random) -> list[Trouble]:
    """A node is killed (-9) and started again, is frozen, or cannot be reached by the service."""
    name = f"node {node.host}"
    return [
        Trouble(f"kill -9 of {name}", node.kill, node.start),
        Trouble(f"{name} is frozen", node.pause, node.resume),
        *(replace(each, name=f"{each.name} to {name}") for each in of_line(line, chance)),
    ]


def restart_in_turn(services: Sequence[Service]) -> Trouble:
    """Each instance of the service is stopped as by an operator and started again."""

    def restart() -> None:
        for service in services:
            service.server.stop()
            service.server.start()

    return Trouble("a rolling restart", restart)


def without_majority(nodes: Sequence[JvmNode]) -> Trouble:
    """All nodes but one are frozen."""
    frozen = nodes[1:]

    def each(act: Callable[[JvmNode], None]) -> None:
        for node in frozen:
            act(node)

    return Trouble("no majority", lambda: each(JvmNode.pause), lambda: each(JvmNode.resume))


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
