"""The service as clients meet it behind nginx: what is compressed, and HTTP/2."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.answers import another
from tests.support.front import Front, front
from tests.support.processes import wait_until
from tests.support.service import Service

pytestmark = pytest.mark.nginx

LONG = {"metadata": {f"key{number}": "x" * 100 for number in range(15)}}
CARRIERS = 8
LISTENERS = 12


@dataclass
class Behind:
    """A service with some carriers, and the nginx before it."""

    service: Service
    nginx: Front
    certificate: Path
    carrier: str

    @contextmanager
    def client(self, *, http2: bool) -> Iterator[httpx.Client]:
        """A client that speaks only one of both versions; with HTTP/2 it has one connection."""
        with httpx.Client(
            http1=not http2,
            http2=http2,
            verify=ssl.create_default_context(cafile=str(self.certificate)),
            base_url=f"https://127.0.0.1:{self.nginx.tls_port}",
            limits=httpx.Limits(max_connections=1 if http2 else None),
            headers={"Accept-Encoding": "gzip"},
            timeout=20,
            trust_env=False,
        ) as client:
            yield client


@pytest.fixture(scope="module")
def behind(
    require_nginx: str, tmp_path_factory: pytest.TempPathFactory, certificate: Path
) -> Iterator[Behind]:
    """A service that takes a dozen carriers of more than a kilobyte each."""
    assert require_nginx
    folder = tmp_path_factory.mktemp("behind")
    settings = {"WORKERS": "1", "LISTENERS": str(LISTENERS), "HEARTBEAT": "0.3"}
    with (
        Service(folder / "service", "127.0.0.1", None, **settings) as service,
        front(folder / "nginx", service.port, certificate.parent, timeout="2s") as nginx,
    ):
        answers = [
            service.ask("POST", "/register-carrier", {**another(), **LONG}) for _ in range(CARRIERS)
        ]
        assert {answer.status for answer in answers} == {201}
        carrier = answers[0].json["data"]["carrier_id"]
        yield Behind(service, nginx, certificate, carrier)


@pytest.fixture
def client(behind: Behind) -> Iterator[httpx.Client]:
    """A client with HTTP/1.1, which takes gzip."""
    with behind.client(http2=False) as made:
        yield made


@pytest.fixture
def client2(behind: Behind) -> Iterator[httpx.Client]:
    """A client with HTTP/2 and one connection, which takes gzip."""
    with behind.client(http2=True) as made:
        yield made


@pytest.mark.parametrize(
    "path",
    [
        "/openapi.json",
        "/docs/pages.css",
        "/docs/docs.js",
        "/carriers",
        "/carriers.csv",
        "/audit.csv",
        "/events",
        "/carriers/{carrier}/history",
    ],
)
def test_long_reads_are_compressed(behind: Behind, client: httpx.Client, path: str) -> None:
    """JSON, CSV and the pages come as gzip to who takes it, and are the same as without."""
    path = path.format(carrier=behind.carrier)
    compressed = client.get(path)
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert compressed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert compressed.content == plain.content
    assert compressed.num_bytes_downloaded < plain.num_bytes_downloaded / 2


def test_the_description_is_a_tenth_of_its_size(client: httpx.Client) -> None:
    """What was 150 KB of OpenAPI arrives as less than a tenth of them or so."""
    answer = client.get("/openapi.json")
    assert answer.num_bytes_downloaded < len(answer.content) / 8


def test_what_if_match_is_made_of_stays_strong(behind: Behind, client: httpx.Client) -> None:
    """A carrier's answer is never compressed, however long: its ETag arrives as it was sent, and
    a client that sends it back in If-Match changes the carrier."""
    address = f"/carriers/{behind.carrier}"
    shown = client.get(address)
    assert len(shown.content) > 1024
    assert "Content-Encoding" not in shown.headers
    assert shown.headers["ETag"] == f'"{shown.json()["data"]["version"]}"'
    changed = client.post(
        f"{address}/rename",
        json={"name": f"FedEx {time.monotonic_ns()}"},
        headers={"If-Match": shown.headers["ETag"]},
    )
    assert changed.status_code == 200
    assert changed.headers["ETag"] == f'"{shown.json()["data"]["version"] + 1}"'


@pytest.mark.parametrize("path", ["/carriers", "/docs/docs.js"])
def test_what_came_compressed_is_known_again(client: httpx.Client, path: str) -> None:
    """The ETag of a compressed answer, which nginx makes a weak one, gets 304 in If-None-Match."""

    def known() -> bool:
        answer = client.get(path)
        assert answer.headers["ETag"].startswith("W/")
        again = client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
        return (again.status_code, again.content) == (304, b"")

    wait_until(known, 5, "the list to stand still")


def test_a_compressed_error_is_an_envelope(client: httpx.Client) -> None:
    """Whether short or long, what the application refuses arrives whole."""
    answer = client.get("/carriers", params={"limit": "x" * 2000})
    assert answer.status_code == 400
    assert answer.json()["success"] is False


@pytest.mark.parametrize("name", ["client", "client2"])
def test_an_event_stream_is_not_compressed(request: pytest.FixtureRequest, name: str) -> None:
    """Also for who takes gzip: each event arrives when it happens."""
    client: httpx.Client = request.getfixturevalue(name)
    with client.stream("GET", "/events/stream") as stream:
        assert "Content-Encoding" not in stream.headers
        lines = (line for line in stream.iter_lines() if line.startswith("data:"))
        assert json.loads(next(lines).removeprefix("data:"))["position"] == 1


def test_both_versions_of_http_are_spoken(client: httpx.Client, client2: httpx.Client) -> None:
    """Which of them, TLS negotiates; the answers are the same."""
    one, two = client.get("/carriers"), client2.get("/carriers")
    assert (one.http_version, two.http_version) == ("HTTP/1.1", "HTTP/2")
    assert one.content == two.content


def test_errors_of_nginx_itself_come_over_http2(client2: httpx.Client) -> None:
    """The envelope, with the client's request id."""
    answer = client2.get("/metrics", headers={"X-Request-ID": "mine"})
    assert (answer.status_code, answer.headers["X-Request-ID"]) == (404, "mine")
    assert answer.json()["error"]["code"] == 404


def test_streams_leave_room_on_one_connection(behind: Behind, client2: httpx.Client) -> None:
    """Six streams and a long poll over one connection, as many as a browser would have in all with
    HTTP/1.1: commands go through beside them, and each of them sees the event."""
    # Only what is new, so that each of them waits for the same event.
    last = str(len(behind.service.events()))
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        streams = [
            stack.enter_context(
                client2.stream("GET", "/events/stream", headers={"Last-Event-ID": last})
            )
            for _ in range(6)
        ]
        polled = pool.submit(client2.get, "/events", params={"after": last, "wait": "10"})
        done = client2.post("/register-carrier", json=another())
        assert done.status_code == 201
        for stream in streams:
            assert stream.http_version == "HTTP/2"
            lines = (line for line in stream.iter_lines() if line.startswith("data:"))
            event = json.loads(next(lines).removeprefix("data:"))
            assert event["subject"] == done.json()["data"]["carrier_id"]
        answered = polled.result(20)
        assert answered.status_code == 200, answered.text
        (seen,) = answered.json()["data"]["events"]
        assert seen["subject"] == done.json()["data"]["carrier_id"]


def test_a_quiet_stream_outlives_nginx_s_patience(behind: Behind, client2: httpx.Client) -> None:
    """Over HTTP/2 too the signs of life arrive one by one and keep the stream open."""
    last = str(len(behind.service.events()))
    started = time.monotonic()
    with client2.stream("GET", "/events/stream", headers={"Last-Event-ID": last}) as stream:
        signs = (line for line in stream.iter_lines() if line.startswith(":"))
        for _ in range(9):
            next(signs)
    assert time.monotonic() - started > 2


def test_a_stream_that_is_left_frees_its_place(behind: Behind) -> None:
    """A client that resets one stream of a connection is gone for the application as well: with
    all places taken and left again and again there is always room."""
    for _ in range(2 * LISTENERS):
        with behind.client(http2=True) as client:
            answer = None
            due = time.monotonic() + 10
            while answer != 200 and time.monotonic() < due:
                with client.stream("GET", "/events/stream") as stream:
                    answer = stream.status_code
                    next(stream.iter_raw())
            assert answer == 200
