"""What gunicorn and the application make of bytes that no well-behaved client sends."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.support.answers import another, another_body
from tests.support.processes import wait_until
from tests.support.service import Answer, Service, exchange

LIMIT = 100_000
LENGTH = b"Content-Length: %d\r\n" % len(another_body())
TYPE = b"Content-Type: application/json\r\n"
HOST = b"Host: localhost\r\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One for all tests: none of these requests may harm it."""
    folder = tmp_path_factory.mktemp("wire")
    with Service(folder, MAX_REQUEST_SIZE=str(LIMIT), WORKERS="2") as running:
        yield running
        assert not [line for line in running.log_lines() if line["level"] in {"error", "critical"}]


def refused(answer: Answer, status: int) -> None:
    """It is a failure in the envelope."""
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json.keys() == {"success", "error"}
    assert answer.json["success"] is False
    error = answer.json["error"]
    assert error.keys() == {"message", "code", "details"}
    assert error["code"] == status
    assert error["message"]


def register(*headers: bytes, body: bytes | None = None, version: bytes = b"1.1") -> bytes:
    """A request to register, with these header lines."""
    body = another_body() if body is None else body
    return b"POST /register-carrier HTTP/%s\r\n%s\r\n%s" % (version, b"".join(headers), body)


def chunked(body: bytes, size: int = 1000) -> bytes:
    """The body in chunks."""
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@pytest.mark.parametrize("size", [0, len(another_body()), LIMIT * 3])
def test_a_chunked_body_is_refused(service: Service, size: int) -> None:
    """411, small or large: no part of it is taken for the whole."""
    body = another_body().rjust(size)[:size] if size else b""
    refused(
        service.send(register(HOST, TYPE, b"Transfer-Encoding: chunked\r\n", body=chunked(body))),
        411,
    )


def test_a_large_body_is_refused(service: Service) -> None:
    """413, whether its length is a byte or a hundred digits over; a body at the limit is taken."""
    exact = another_body().rjust(LIMIT)
    assert (
        service.send(register(HOST, TYPE, b"Content-Length: %d\r\n" % LIMIT, body=exact)).status
        == 201
    )
    for length in (LIMIT + 1, LIMIT * 50, 10**100):
        size = min(length, LIMIT * 50)
        request = register(HOST, TYPE, b"Content-Length: %d\r\n" % length, body=b" " * size)
        refused(service.send(request), 413)


@pytest.mark.parametrize("sent", [0, 10, len(another_body())])
def test_a_body_that_ends_early_is_refused(service: Service, sent: int) -> None:
    """400 (RFC 9112, 8), even if what came is JSON by itself, and nothing is registered."""
    before = len(service.events())
    request = register(HOST, TYPE, b"Content-Length: 500\r\n", body=another_body()[:sent])
    refused(service.send(request, half_close=True), 400)
    assert len(service.events()) == before


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GARBAGE\r\n\r\n", 400),
        (b"\r\n\r\n\r\n", 400),
        (b"GET /health/live\r\n\r\n", 400),
        (b"GET /health/live HTTP/2.0\r\n\r\n", 400),
        (b"GET /health/live HTTP/x\r\n\r\n", 400),
        (b"get /health/live HTTP/1.1\r\n\r\n", 400),
        (b"G\0T /health/live HTTP/1.1\r\n\r\n", 400),
        (b"GET health HTTP/1.1\r\n\r\n", 400),
        (b"GET /\xff\xfe HTTP/1.1\r\n\r\n", 400),
        (b"GET http://[::1/ HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\na b: c\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: \0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX-Request-ID: a\r\n b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET / HTTP/1.1\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 10_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"A: a\r\n" * 200 + b"\r\n", 431),
        (b"GET /%00%ff/../..// HTTP/1.1\r\n\r\n", 404),
        (b"GET //nowhere HTTP/1.1\r\n\r\n", 404),
        (b"GET /health//live HTTP/1.1\r\nHost: elsewhere\r\n\r\n", 404),
        (b"BREW /health/live HTTP/1.1\r\n\r\n", 405),
    ],
)
def test_what_is_no_proper_request_is_refused(
    service: Service, request_bytes: bytes, status: int
) -> None:
    """In the envelope, also where the application is never asked."""
    refused(service.send(request_bytes), status)


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: -1\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 1e3\r\n",
        b"Content-Length: 0x10\r\n",
        b"Content-Length: 5, 5\r\n",
        b"Content-Length:\r\n",
        LENGTH + b"Content-Length: 1\r\n",
        LENGTH + LENGTH,
        LENGTH + b"Transfer-Encoding: chunked\r\n",
        LENGTH + b"Transfer-Encoding: gzip\r\n",
        b"Transfer-Encoding : chunked\r\n",
        LENGTH + TYPE,
    ],
)
def test_what_two_servers_could_read_differently_is_refused(
    service: Service, headers: bytes
) -> None:
    """400: two lengths, a length and chunks, two types, numbers that are none."""
    refused(service.send(register(HOST, TYPE, headers)), 400)


@pytest.mark.parametrize("name", [b"SCRIPT_NAME", b"PATH_INFO", b"Script-Name", b"REMOTE_USER"])
def test_no_header_changes_the_path(service: Service, name: bytes) -> None:
    """A client's header is not taken for the word of a server in front; no 500 and no other
    address."""
    answer = service.send(b"GET /health/live HTTP/1.1\r\n%s: /health\r\n\r\n" % name)
    if answer.status == 400:
        refused(answer, 400)
    else:
        assert answer.json == {"success": True, "data": {"status": "alive"}}


def test_a_transfer_coding_nobody_knows(service: Service) -> None:
    """An answer of its own (RFC 9112, 6.1), which is no failure of ours."""
    refused(service.send(register(HOST, TYPE, b"Transfer-Encoding: x\r\n")), 501)


@pytest.mark.parametrize("host", [b"", b"Host:\r\n"])
def test_no_host_changes_nothing(service: Service, host: bytes) -> None:
    """Nothing that the service answers is made from it."""
    answer = service.send(register(host, TYPE, LENGTH))
    assert answer.status == 201
    assert answer.headers["Location"].startswith("/carriers/")


@pytest.mark.parametrize(
    "host",
    [
        b"Host: x\r\n",
        b"Host: a b\r\n",
        b"Host: [::1\r\n",
        b"Host: \xff\r\n",
        b"Host: a/../b\r\n",
        b"Host: localhost:8000:8000\r\n",
        b"Host: localhost, x\r\n",
    ],
)
def test_a_foreign_host_is_refused(service: Service, host: bytes) -> None:
    """421, whatever it is, and nothing is registered."""
    before = len(service.events())
    refused(service.send(register(host, TYPE, LENGTH)), 421)
    assert len(service.events()) == before


def test_http_1_0(service: Service) -> None:
    """Old clients are served, and the connection is closed after the answer."""
    answer = service.send(register(TYPE, LENGTH, version=b"1.0"))
    assert answer.status == 201
    assert answer.headers.get("Connection", "close") == "close"


def test_requests_in_a_pipeline_are_answered_in_order(service: Service) -> None:
    """Each with its own answer, on one connection."""
    one = register(HOST, TYPE, LENGTH, b"X-Request-ID: first\r\n")
    two = b"GET /nowhere HTTP/1.1\r\nX-Request-ID: second\r\n\r\n"
    last = b"GET /health/live HTTP/1.1\r\nX-Request-ID: third\r\nConnection: close\r\n\r\n"
    received = b""
    with socket.create_connection((service.host, service.port), timeout=20) as connection:
        connection.sendall(one + two + last)
        while part := connection.recv(65_536):
            received += part
    heads = [part.split(b"\r\n")[0] for part in received.split(b"HTTP/1.1 ")[1:]]
    assert [head[:3] for head in heads] == [b"201", b"404", b"200"]
    at = [received.index(b"X-Request-ID: " + name) for name in (b"first", b"second", b"third")]
    assert at == sorted(at)


def test_a_refused_body_is_not_taken_for_a_request(service: Service) -> None:
    """What follows a refusal on the same connection is read as what it was, or not at all."""
    smuggled = b"GET /health/live HTTP/1.1\r\nX-Request-ID: smuggled\r\n\r\n"
    body = smuggled.ljust(LIMIT + 1)
    for headers, content in (
        (b"Content-Length: %d\r\n" % len(body), body),
        (b"Transfer-Encoding: chunked\r\n", b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)),
        (b"Content-Type: text/plain\r\nContent-Length: %d\r\n" % len(smuggled), smuggled),
        (b"Content-Length: x\r\n", smuggled),
    ):
        received = b""
        with socket.create_connection((service.host, service.port), timeout=20) as connection:
            try:
                connection.sendall(register(HOST, headers, body=content))
                connection.shutdown(socket.SHUT_WR)
                while part := connection.recv(65_536):
                    received += part
            except ConnectionError:
                pass  # it closed with our bytes unread, which resets the connection
        assert b"smuggled" not in received
        assert received.count(b"HTTP/1.1 ") <= 1


def test_expect_100_continue(service: Service) -> None:
    """Whoever asks first is told to go on, then answered; any other expectation is refused."""
    with socket.create_connection((service.host, service.port), timeout=20) as connection:
        connection.sendall(register(HOST, TYPE, LENGTH, b"Expect: 100-continue\r\n", body=b""))
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(another_body())
        assert connection.recv(1000).startswith(b"HTTP/1.1 201 ")
    refused(service.send(register(HOST, TYPE, LENGTH, b"Expect: 200-ok\r\n")), 417)


def test_what_is_no_request_is_logged(service: Service) -> None:
    """An access line has the status and the id that the answer has, and nothing that was sent."""
    answer = service.send(b"GET /zqmark HTTP/1.1\r\nHost localhost\r\n\r\n")
    refused(answer, 400)

    def told() -> list[dict[str, Any]]:
        mine = answer.headers["X-Request-ID"]
        return [line for line in service.log_lines() if line["request_id"] == mine]

    (line,) = wait_until(told, 10, "the access line")
    assert (line["logger"], line["status"], line["route"]) == ("app.access", 400, "unparsed")
    assert "zqmark" not in str(line)


@pytest.mark.parametrize("given", [b"\xff\xfe", b"a\tb", b"<script>", b"x" * 129, b"a@b.com"])
def test_an_odd_request_id_is_replaced(service: Service, given: bytes) -> None:
    """As in-process, with bytes that only the wire can carry."""
    answer = service.send(b"GET /health/live HTTP/1.1\r\nX-Request-ID: %s\r\n\r\n" % given)
    assert len(answer.headers["X-Request-ID"]) == 32
    assert given.decode("latin-1") not in answer.headers.values()


def test_a_megabyte_of_anything_holds_nobody_up(service: Service) -> None:
    """The costliest bodies that fit are answered within seconds, and others meanwhile."""
    room = LIMIT - 200
    values = [
        "a" + "\u0301\u0323" * (room // 4),
        "\u0344" * (room // 2),
        "@" * room,
        "\ufdfa" * (room // 3),
    ]
    for value in values:
        for field in ("name", "email"):
            body = json.dumps({**another(), field: value}, ensure_ascii=False).encode()
            request = register(HOST, TYPE, b"Content-Length: %d\r\n" % len(body), body=body)
            refused(service.send(request), 422)


def test_the_service_is_none_the_worse(service: Service) -> None:
    """After a client that says half a word and leaves, the next one is served."""
    for half in (b"", b"GET", b"GET / HTTP/1.1\r\nA", register(HOST, TYPE, LENGTH, body=b"{")):
        with socket.create_connection((service.host, service.port), timeout=20) as connection:
            connection.sendall(half)
    with closing(service.connect()) as connection:
        for _ in range(20):
            assert exchange(connection, "POST", "/register-carrier", another()).status == 201
