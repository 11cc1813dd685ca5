"""Beside the way of the data: many kept-alive connections at once, as a proxy's pool has them, and
which worker answers what they ask.

`python -m tests.support.worker_shares` prints the shares and the throughput of 20 runs.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from tests.support.nginx import start_nginx
from tests.support.nginx_conf import nginx_conf
from tests.support.processes import free_port, wait_until
from tests.support.service import Service

CONNECTIONS = 16
RUNS = 20
SECONDS = 1.5
WORKERS = 2
_PATIENCE_SECONDS = 20.0


class Connection:
    """One kept-alive connection with at most one registration under way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""

    def ask(self) -> None:
        """Register a carrier."""
        body = json.dumps({"name": "FedEx", "email": f"{uuid4()}@fedex.com"}).encode()
        head = "POST /register-carrier HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.socket.sendall(head.encode() + body)

    def is_answered(self) -> bool:
        """Take what has arrived; whether the answer is complete."""
        arrived = self.socket.recv(65_536)
        assert arrived, "the server closed the connection"
        self._received += arrived
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return False
        assert head.startswith(b"HTTP/1.1 201 "), self._received
        length = head.lower().partition(b"content-length:")[2].partition(b"\r")[0]
        if len(body) < int(length):
            return False
        self._received = b""
        return True


def connect_all_then_ask(port: int) -> list[Connection]:
    """All connections are made before the first of them asks."""
    made = [Connection(port) for _ in range(CONNECTIONS)]
    for each in made:
        each.ask()
    return made


def ask_as_each_connects(port: int) -> list[Connection]:
    """Each connection asks before the next one is made; no answer is waited for."""
    made = []
    for _ in range(CONNECTIONS):
        made.append(Connection(port))
        made[-1].ask()
    return made


def wait_for_each_answer(port: int) -> list[Connection]:
    """Each connection asks and is answered before the next one is made; then all ask."""
    made = []
    for _ in range(CONNECTIONS):
        made.append(Connection(port))
        made[-1].ask()
        while not made[-1].is_answered():
            pass
    for each in made:
        each.ask()
    return made


def connect_in_two_bursts(port: int) -> list[Connection]:
    """Half of the connections are busy when the other half is made."""
    made = []
    for _ in range(2):
        burst = [Connection(port) for _ in range(CONNECTIONS // 2)]
        for each in burst:
            each.ask()
        made += burst
        time.sleep(0.05)
    return made


Order = Callable[[int], list[Connection]]
ORDERS: list[Order] = [
    connect_all_then_ask,
    ask_as_each_connects,
    wait_for_each_answer,
    connect_in_two_bursts,
]


@dataclass(frozen=True)
class Run:
    """What came of one run: registrations by the worker's process id, and in how many seconds."""

    answers: Mapping[int, int]
    seconds: float

    @property
    def rate(self) -> float:
        """Registrations per second."""
        return sum(self.answers.values()) / self.seconds

    @property
    def smallest_share(self) -> float:
        """The part of the registrations, from 0 to 1, of the worker with the fewest."""
        return min(self.answers.values()) / sum(self.answers.values())


def run(service: Service, port: int, order: Order, seconds: float) -> Run:
    """Register through `port` for so long over connections that are made in this order; 16 are
    always under way. The access lines say which worker answered."""
    before = service.server.log.stat().st_size
    with _opened(order(port)) as waiting:
        started = time.monotonic()
        count = _keep_asking(waiting, started + seconds)
        taken = time.monotonic() - started
    workers = service.workers()
    wait_until(lambda: sum(_answers(service.server.log, before).values()) >= count, 10, "lines")
    answers = _answers(service.server.log, before)
    return Run({worker: answers[worker] for worker in workers}, taken)


@contextmanager
def _opened(connections: list[Connection]) -> Iterator[selectors.BaseSelector]:
    with selectors.DefaultSelector() as waiting:
        for each in connections:
            waiting.register(each.socket, selectors.EVENT_READ, each)
        try:
            yield waiting
        finally:
            for each in connections:
                each.socket.close()


def _keep_asking(waiting: selectors.BaseSelector, until: float) -> int:
    """Ask again after each answer until the moment, and take the answers to what was asked."""
    count, under_way = 0, CONNECTIONS
    while under_way:
        ready = waiting.select(_PATIENCE_SECONDS)
        assert ready, "no answer"
        for connection in (key.data for key, _ in ready):
            if connection.is_answered():
                count += 1
                if time.monotonic() < until:
                    connection.ask()
                else:
                    under_way -= 1
    return count


def _answers(log: Path, after: int) -> Counter[int]:
    """Registrations by process id, from the lines that were written after so many bytes."""
    with log.open("rb") as lines:
        lines.seek(after)
        written = lines.read()
    whole = written[: written.rfind(b"\n") + 1].splitlines()
    entries = [json.loads(line) for line in whole if b"/register-carrier" in line]
    return Counter(entry["process_id"] for entry in entries if entry["logger"] == "app.access")


def shares(service: Service) -> list[int]:
    """How many of 16 connections, made at once, each worker got, the oldest worker first."""
    answers = run(service, service.port, connect_all_then_ask, 0).answers
    return [answers[worker] for worker in sorted(answers)]


@contextmanager
def served(folder: Path, *, through_nginx: bool = False) -> Iterator[tuple[Service, int]]:
    """The service with two workers that both accept, and the port to ask: its own, or that of an
    nginx in front of it. Raises Unavailable without nginx."""
    with ExitStack() as stack:
        service = stack.enter_context(Service(folder / "service", WORKERS=str(WORKERS)))
        wait_until(lambda: 0 not in shares(service), 10, "two workers that accept")
        if not through_nginx:
            yield service, service.port
            return
        port = free_port()
        conf = nginx_conf(listen=port, tls_listen=free_port(), upstream=service.port)
        nginx = start_nginx(conf, folder / "nginx", port=port)
        stack.callback(nginx.stop)
        yield service, port


def main() -> None:
    """Print one line for each way, straight and through nginx, and one for each run."""
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder), through_nginx=True) as (service, front),
    ):
        for way, port in (("straight", service.port), ("through nginx", front)):
            orders = [ORDERS[number % len(ORDERS)] for number in range(RUNS)]
            runs = [run(service, port, order, SECONDS) for order in orders]
            fewest = [each.smallest_share for each in runs]
            rates = [each.rate for each in runs]
            sys.stdout.write(
                f"{way}: smaller share {min(fewest):.0%} to {max(fewest):.0%},"
                f" {min(rates):,.0f} to {max(rates):,.0f}/s, slowest ÷ fastest"
                f" {min(rates) / max(rates):.2f}\n"
            )
            for each, order in zip(runs, orders, strict=True):
                line = f"  {order.__name__}: {each.smallest_share:.0%} {each.rate:,.0f}/s\n"
                sys.stdout.write(line)


if __name__ == "__main__":
    main()
