"""The feed as subscribers meet it: over the wire, through gunicorn and nginx."""

import http.client
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import httpx
import pytest
from httpx_sse import connect_sse

from tests.support.answers import another
from tests.support.event_streams import Received
from tests.support.nginx import start_nginx
from tests.support.nginx_conf import nginx_conf
from tests.support.processes import free_port, wait_until
from tests.support.service import Service, has_read_all

LISTENERS = 2
HEARTBEAT = 0.2
NGINX_TIMEOUT = 0.7
# A connection that is kept for more would keep a process that ends for two seconds.
LAST_REQUEST = {"Connection": "close"}
EVENTS = 60
AHEAD = 5
SETTINGS = {
    "WORKERS": "1",
    "THREADS": "2",
    "LISTENERS": str(LISTENERS),
    "HEARTBEAT": str(HEARTBEAT),
}


@dataclass
class Front:
    """A service, and the port of the nginx before it."""

    service: Service
    port: int


@pytest.fixture(scope="module")
def front(require_nginx: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """One worker with few places; nginx has less patience than a test takes."""
    assert require_nginx
    folder = tmp_path_factory.mktemp("front")
    with Service(folder / "service", "127.0.0.1", None, **SETTINGS) as service:
        port = free_port()
        conf = nginx_conf(
            listen=port,
            tls_listen=free_port(),
            upstream=service.port,
            timeout=f"{NGINX_TIMEOUT * 1000:.0f}ms",
        )
        nginx = start_nginx(conf, folder / "nginx", port=port)
        try:
            yield Front(service, port)
        finally:
            nginx.stop()


@dataclass
class Listening:
    """An answer that goes on."""

    status: int
    headers: Mapping[str, str]
    received: Received


@contextmanager
def listening(port: int, query: str = "", last: str | None = None) -> Iterator[Listening]:
    """What is answered to a listener; the connection is cut at the end."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(
        "GET", f"/events/stream{query}", headers={**LAST_REQUEST, "Last-Event-ID": last or "0"}
    )
    response = connection.getresponse()
    try:
        chunks = iter(lambda: response.read1(65_536), b"")
        yield Listening(response.status, dict(response.headers), Received(chunks))
    finally:
        response.close()
        connection.close()


@contextmanager
def stream_of(port: int, last: str | None = None) -> Iterator[Listening]:
    """A stream, as soon as there is a place."""
    with ExitStack() as stack:

        def admitted() -> Listening | None:
            with ExitStack() as tried:
                stream = tried.enter_context(listening(port, last=last))
                if stream.status != 200:
                    return None
                stack.push(tried.pop_all())
                return stream

        stream = wait_until(admitted, 10, "a free place")
        assert stream is not None
        yield stream


@contextmanager
def beside(work: Callable[[], object]) -> Iterator[None]:
    """Let it run in a thread of its own meanwhile."""
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join(30)


def test_who_comes_back_misses_nothing(front: Front) -> None:
    """While another writes, always a little ahead, a client is cut off again and again and goes on
    with the last id that it has: it sees every event once, in order."""
    seen: list[int] = []

    def write() -> None:
        for number in range(EVENTS):
            wait_until(lambda: len(seen) >= number - AHEAD, 20, "the reader")  # noqa: B023
            assert front.service.ask("POST", "/register-carrier", another()).status == 201

    last: str | None = None
    with beside(write):
        while len(seen) < EVENTS:
            with stream_of(front.port, last) as stream:
                wanted = min(AHEAD * 2, EVENTS - len(seen))
                for event in islice(stream.received.events(), wanted):
                    seen.append(event["position"])
                last = stream.received.last_event_id
    assert seen == list(range(1, EVENTS + 1))


def test_a_quiet_stream_stays_open(front: Front) -> None:
    """Signs of life come through nginx at once, and so keep it from giving up."""
    started = time.monotonic()
    head = front.service.ask("GET", "/events").json["data"]["head"]
    with stream_of(front.port, last=str(head)) as stream:
        assert stream.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        quiet = islice(stream.received.blocks, 8)
        assert [block.keys() for block in quiet] == [{"retry"}, *([{""}] * 7)]
    assert NGINX_TIMEOUT < 7 * HEARTBEAT <= time.monotonic() - started


def test_a_client_of_others_gets_events_and_nothing_else(front: Front) -> None:
    """httpx-sse takes every empty line for the end of an event, also one after a comment or after
    `retry` alone: it sees no event that has no data, however quiet the stream is."""
    for _ in range(2):
        assert front.service.ask("POST", "/register-carrier", another()).status == 201
    address = f"http://127.0.0.1:{front.port}/events/stream"
    with (
        httpx.Client(timeout=10) as client,
        connect_sse(client, "GET", address) as stream,
    ):
        received = stream.iter_sse()
        before = [next(received), next(received)]
        assert [each.retry for each in before] == [2000, None]
        head = front.service.ask("GET", "/events").json["data"]["head"]
        skipped = [next(received) for _ in range(head - 2)]
        threading.Timer(
            4 * HEARTBEAT, front.service.ask, ("POST", "/register-carrier", another())
        ).start()
        found = [*before, *skipped, next(received)]
    assert [each.event for each in found] == ["message"] * len(found)
    places = [each.json() for each in found]
    assert [each.id for each in found] == [f"{each['feed']}:{each['position']}" for each in places]
    assert [each["position"] for each in places] == list(range(1, head + 2))


def test_places_are_few_and_come_back(front: Front) -> None:
    """With all of them taken it is 503, through nginx as well, while everything else is answered;
    a client that goes away makes room."""
    with stream_of(front.port):
        for _ in range(2):
            with stream_of(front.port), listening(front.port) as third:
                assert (third.status, third.headers["Retry-After"]) == (503, "5")
                assert front.service.ask("POST", "/register-carrier", another()).status == 201


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_waits_for_no_listener(tmp_path: Path, number: signal.Signals) -> None:
    """A stream ends, a request that waits is answered, and then the service ends, in seconds."""
    with ExitStack() as stack:
        service = stack.enter_context(Service(tmp_path, "127.0.0.1", None, **SETTINGS))
        stream = stack.enter_context(listening(service.port))
        assert next(stream.received.blocks).keys() == {"retry"}
        connection = stack.enter_context(closing(service.connect()))
        connection.request("GET", "/events?wait=30", headers=LAST_REQUEST)
        wait_until(lambda: has_read_all(service.port), 10, "the request to be read")
        started = time.monotonic()
        os.kill(service.server.pid, number)
        assert all(block == {"": ""} for block in stream.received.blocks)
        assert connection.getresponse().status == 200
        assert service.server.wait(10) == 0
        assert time.monotonic() - started < 5
