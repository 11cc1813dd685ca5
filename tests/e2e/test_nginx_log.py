"""nginx's own log lines, and how docs/operations.md finds them among the application's."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import without
from tests.support.front import LIMIT, Upstream, front
from tests.support.processes import Unavailable, wait_until
from tests.support.project import ROOT
from tests.support.service import Service

pytestmark = pytest.mark.nginx


def documented(beginning: str) -> str:
    """The command in docs/operations.md that has this in it, as a person would copy it."""
    text = (ROOT / "docs/operations.md").read_text()
    (command,) = re.findall(rf"(?m)^.*{re.escape(beginning)}.*$", text)
    return str(command)


def piped(command: str, text: str) -> str:
    """What a shell prints that is given this text on its standard input."""
    done = subprocess.run(
        ["/bin/sh", "-c", command], input=text, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_log_tells_of_own_answers_and_of_nobody(
    require_nginx: str, tmp_path: Path, upstream: Upstream
) -> None:
    """One JSON line for each answer of nginx's own, none for the application's, no path in any."""
    with front(tmp_path, upstream.port) as nginx:
        nginx.ask("/echo?email=ada@example.com")
        nginx.ask("/echo", {"X-Request-ID": "answered"})
        nginx.ask("/metrics?email=ada@example.com", {"X-Request-ID": "hidden"})
        nginx.ask("/echo?email=ada@example.com", {"X-Request-ID": "large"}, b"x" * (LIMIT + 1))
        nginx.ask("/broken", {"X-Request-ID": "broken"}, b"{}")
        wait_until(lambda: nginx.server.output().count("\n") == 3, 5, "three lines")
        output = nginx.server.output()
    lines = [json.loads(line) for line in output.splitlines()]
    assert {(line["request_id"], line["method"], line["status"]) for line in lines} == {
        ("hidden", "GET", 404),
        ("large", "POST", 413),
        ("broken", "POST", 504),
    }
    assert "ada" not in output
    assert "127.0.0.1" not in output


def test_what_clients_do_wrong_adds_no_line_that_is_not_json(
    require_nginx: str, tmp_path: Path, upstream: Upstream, certificate: Path
) -> None:
    """Broken requests, broken handshakes and a dead application leave JSON lines only."""
    with front(tmp_path, upstream.port, certificate.parent) as nginx:
        nginx.send(b"GET /echo HTTP/1.1\r\n\r\n")
        nginx.send(b"\x16\x03\x01\x02\x00\x01\r\n\r\n")
        nginx.send(b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n", nginx.tls_port)
        nginx.ask("/broken")
        subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{nginx.tls_port}", "-tls1_1"],
            input="",
            capture_output=True,
            text=True,
            check=False,
        )
        wait_until(lambda: nginx.server.output().count("\n") >= 4, 5, "four lines")
        output = nginx.server.output()
    assert {json.loads(line)["logger"] for line in output.splitlines()} == {"nginx"}


def test_the_documented_search_finds_one_request_in_both_logs(
    require_nginx: str, tmp_path: Path
) -> None:
    """The grep of docs/operations.md finds the line of nginx and that of the application."""
    service = Service(tmp_path / "service")
    with service, front(tmp_path / "nginx", service.port) as nginx:
        nginx.ask("/health/live", {"X-Request-ID": "mine"})
        nginx.ask("/carriers?limit=x", {"X-Request-ID": "mine"})
        nginx.ask("/metrics", {"X-Request-ID": "mine"})
        wait_until(lambda: "mine" in nginx.server.output(), 5, "nginx's line")
        wait_until(lambda: "mine" in service.server.output(), 5, "the application's line")
        both = service.server.output() + nginx.server.output()
    search = (
        documented("""app nginx | grep '"request_id":"ID"'""")
        .replace("ID", "mine")
        .split(" | ", 1)[1]
    )
    found = [json.loads(line) for line in piped(search, both).splitlines()]
    assert {line["request_id"] for line in found} == {"mine"}
    assert "nginx" in {line["logger"] for line in found}
    assert len({line["logger"] for line in found}) > 1


def test_the_documented_pipeline_reads_what_is_no_json() -> None:
    """A line that nginx or Python writes about itself does not end the pipeline: it is wrapped."""
    plain = "2026/11/25 15:00:00 [emerg] 1#1: bind() to 0.0.0.0:8080 failed"
    if shutil.which("jq") is None:
        without("jq", Unavailable("no jq: install it (Debian: apt-get install jq)"))
    filter_ = documented("jq -cR").split(" | ", 1)[1]
    text = piped(filter_, f'{{"level":"info","message":"one"}}\n{plain}\n12\n{{"level":"x"}}\n')
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines == [
        {"level": "info", "message": "one"},
        {"logger": "plain", "message": plain},
        {"logger": "plain", "message": "12"},
        {"level": "x"},
    ]
