"""nginx → what it stands before: the project's nginx.conf in a real nginx.

Behind it is a server that says what reached it; before it are clients of every kind.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import without
from tests.support.front import LIMIT, Front, Upstream, assert_own_error, front
from tests.support.nginx_conf import CONF, TLS_CONF
from tests.support.processes import Unavailable, free_port
from tests.support.project import ROOT

pytestmark = pytest.mark.nginx


@pytest.fixture(scope="module")
def nginx(
    require_nginx: str, tmp_path_factory: pytest.TempPathFactory, upstream: Upstream
) -> Iterator[Front]:
    """nginx without a certificate before an upstream that works."""
    with front(tmp_path_factory.mktemp("nginx"), upstream.port) as running:
        yield running


def chunks(total: int) -> Iterator[bytes]:
    for _ in range(total // 1000):
        yield b"x" * 1000


def test_a_request_is_passed_on_whole(nginx: Front, upstream: Upstream) -> None:
    """Body, query and the application's answer go through as they are."""
    answer = nginx.ask("/echo?q=1", body=b"x" * LIMIT)
    assert (answer.status, answer.body["length"]) == (200, LIMIT)
    assert answer.headers["X-Request-ID"] == "the-application's"
    assert upstream.paths[-1] == "/echo?q=1"
    assert answer.body["headers"]["host"] == f"127.0.0.1:{nginx.port}"


def test_nothing_is_cached(nginx: Front, upstream: Upstream) -> None:
    """Each request is the application's to answer: what one client was told, no other gets."""
    for _ in range(2):
        assert nginx.ask("/echo?cached").status == 200
    assert upstream.paths.count("/echo?cached") == 2
    assert "_cache" not in (ROOT / "nginx.conf").read_text()


def test_connections_to_the_application_are_kept(nginx: Front) -> None:
    """Two clients' requests, one after the other, share a connection upstream."""
    ports = {nginx.ask("/echo").body["port"] for _ in range(20)}
    assert len(ports) < 20


def test_a_body_over_the_limit_is_refused(nginx: Front, upstream: Upstream) -> None:
    """A declared length over the limit gets 413, which says what the limit is."""
    assert_own_error(nginx.ask("/large", body=b"x" * (LIMIT + 1)), 413, str(LIMIT))
    assert "/large" not in upstream.paths


def test_a_chunked_body_over_the_limit_is_refused(nginx: Front, upstream: Upstream) -> None:
    """A body that turns out too large on the way gets 413, and none of it is passed on."""
    assert_own_error(nginx.ask("/large-chunks", body=chunks(LIMIT + 1000)), 413, str(LIMIT))
    assert "/large-chunks" not in upstream.paths


def test_a_chunked_body_arrives_with_its_length(nginx: Front) -> None:
    """The application never sees chunks: it gets a Content-Length."""
    answer = nginx.ask("/echo", body=chunks(LIMIT))
    assert answer.body["length"] == LIMIT
    assert answer.body["headers"]["content-length"] == str(LIMIT)
    assert "transfer-encoding" not in answer.body["headers"]


@pytest.mark.parametrize("given", ["a", "Order-7_of.9", "x" * 128])
def test_a_harmless_request_id_is_passed_on(nginx: Front, given: str) -> None:
    """Letters, digits, dot, dash and underscore, at most 128: the client's id is kept."""
    answer = nginx.ask("/echo", {"X-Request-ID": given})
    assert answer.body["headers"]["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, 'a"b', "a b", "a;b", "<a>", "é"])
def test_any_other_request_id_is_replaced(nginx: Front, given: str) -> None:
    """Anything that could do harm in a header or a log line gives way to an id of nginx's own."""
    answer = nginx.ask("/echo", {"X-Request-ID": given})
    made = answer.body["headers"]["x-request-id"]
    assert made != given
    assert len(made) == 32
    assert set(made) <= set("0123456789abcdef")


def test_an_error_of_its_own_carries_the_request_id(nginx: Front) -> None:
    """What nginx refuses can be found by the client's request id too."""
    assert nginx.ask("/metrics", {"X-Request-ID": "mine"}).headers["X-Request-ID"] == "mine"


def test_a_stranger_is_not_believed_about_where_it_comes_from(nginx: Front) -> None:
    """Every forwarding header that a client can send is replaced or taken away."""
    claimed = {
        "X-Forwarded-For": "10.1.1.1",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Port": "1",
        "X-Forwarded-Prefix": "/evil",
        "X-Real-IP": "10.1.1.1",
        "Forwarded": "for=10.1.1.1",
    }
    seen = nginx.ask("/echo", claimed).body["headers"]
    assert {name: value for name, value in seen.items() if "forwarded" in name} == {
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "http",
        "x-forwarded-host": f"127.0.0.1:{nginx.port}",
    }
    assert "x-real-ip" not in seen


@pytest.mark.parametrize(
    "path", ["/metrics", "/metrics/", "//metrics", "/metrics?a=1", "/%6detrics", "/x/../metrics"]
)
def test_metrics_are_hidden(nginx: Front, upstream: Upstream, path: str) -> None:
    """However it is written, /metrics is not there for a stranger."""
    assert_own_error(nginx.ask(path), 404)
    assert path not in upstream.paths


@pytest.mark.parametrize(
    ("accept", "is_problem"),
    [
        ("application/problem+json", True),
        ("application/json, application/problem+json;q=0.5", True),
        ("application/problem+json;q=0, */*", False),
        ("*/*", False),
    ],
)
def test_its_own_errors_come_as_problems(nginx: Front, accept: str, is_problem: bool) -> None:
    """RFC 9457 for who names it, the envelope for everybody else."""
    answer = nginx.ask("/metrics", {"Accept": accept})
    if not is_problem:
        assert_own_error(answer, 404)
        return
    assert answer.status == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.body.pop("detail")
    assert answer.body == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "request_id": answer.headers["X-Request-ID"],
        "details": {},
    }


def test_the_error_pages_have_no_address(nginx: Front) -> None:
    """The locations that nginx's errors are made in cannot be asked for."""
    assert_own_error(nginx.ask("/nginx/refused"), 404)
    assert_own_error(nginx.ask("/nginx/unanswered"), 404)


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422, 429, 500, 502, 503, 504])
def test_the_applications_errors_pass_untouched(nginx: Front, status: int) -> None:
    """An error answer of the application is not replaced by nginx's."""
    answer = nginx.ask(f"/{status}")
    assert answer.status == status
    assert "headers" in answer.body


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
        (b"GET /echo HTTP/1.1\r\n\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400),
        (
            b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"TRACE /echo HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"GET /echo HTTP/3.0\r\nHost: a\r\n\r\n", 505),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET /echo HTTP/1.1\r\nHost: a\r\nX-Large: " + b"x" * 9000 + b"\r\n\r\n", 431),
    ],
    ids=["tls", "no-host", "length", "smuggling", "coding", "trace", "version", "uri", "header"],
)
def test_what_is_no_request_is_refused(
    nginx: Front, upstream: Upstream, request_bytes: bytes, status: int
) -> None:
    """Whatever bytes arrive, the answer is the envelope, and nothing reaches the application."""
    before = len(upstream.paths)
    assert_own_error(nginx.send(request_bytes), status)
    assert len(upstream.paths) == before


def test_an_answer_that_takes_too_long_leaves_the_outcome_open(
    require_nginx: str, tmp_path: Path, upstream: Upstream
) -> None:
    """A slow application gets 504, which does not claim to know what happened; it is asked once."""
    with front(tmp_path, upstream.port, timeout="300ms") as nginx:
        answer = nginx.ask("/slow", body=b"{}")
    assert_own_error(answer, 504, "unknown", "look before")
    assert upstream.paths.count("/slow") == 1


def test_a_connection_that_breaks_leaves_the_outcome_open(nginx: Front, upstream: Upstream) -> None:
    """A worker that dies with the request in hand gets the same 504, and nobody is asked again."""
    answer = nginx.ask("/broken", body=b"{}")
    assert_own_error(answer, 504, "unknown", "look before")
    assert upstream.paths.count("/broken") == 1


def test_an_application_that_is_down_did_nothing(require_nginx: str, tmp_path: Path) -> None:
    """Where nobody listens the answer is 503, says that nothing was done and when to come back."""
    with front(tmp_path, free_port()) as nginx:
        answer = nginx.ask("/echo", body=b"{}")
    assert_own_error(answer, 503, "nothing was done")
    assert answer.headers["Retry-After"] == "1"


def test_the_templates_can_be_filled_in_by_hand(tmp_path: Path) -> None:
    """The commands of docs/operations.md leave no name open, and nginx its own variables."""
    if shutil.which("envsubst") is None:
        without("envsubst", Unavailable("no envsubst (Debian: apt-get install gettext-base)"))
    block = (ROOT / "docs/operations.md").read_text().split("**By hand**", 1)[1]
    (commands,) = re.findall(r"(?s)```sh\n(export NGINX_.*?done)\n", block)
    script = commands.replace("/run/carriers-nginx", str(tmp_path))
    subprocess.run(["/bin/sh", "-euc", script], cwd=ROOT, check=True, env={"PATH": "/usr/bin:/bin"})
    main, tls = ((tmp_path / name).read_text() for name in (CONF, TLS_CONF))
    assert not re.search(r"\$\{NGINX_[A-Z]", main + tls)
    assert "listen 80;" in main
    assert "include nginx.tls-on[.]conf;" in main
    assert "listen 443 ssl http2;" in tls
    assert "$request_uri" in tls
