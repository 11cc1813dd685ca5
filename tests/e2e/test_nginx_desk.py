"""The desk behind nginx, over TLS: what its cookie, its pages and its files are like there."""

from __future__ import annotations

import http.client
import re
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.front import Front, front
from tests.support.service import Service

pytestmark = pytest.mark.nginx

GZIP = {"Accept-Encoding": "gzip"}


@pytest.fixture(scope="module")
def served(
    require_nginx: str, tmp_path_factory: pytest.TempPathFactory, certificate: Path
) -> Iterator[Front]:
    """nginx with a certificate, before the service."""
    folder = tmp_path_factory.mktemp("desk")
    with (
        Service(folder, WORKERS="1", LOG_DIR="") as service,
        front(tmp_path_factory.mktemp("nginx"), service.port, certificate.parent) as nginx,
    ):
        yield nginx


def asked(nginx: Front, certificate: Path, path: str) -> tuple[http.client.HTTPResponse, bytes]:
    """The answer over TLS to a browser, which takes compressed ones."""
    trust = ssl.create_default_context(cafile=str(certificate))
    connection = http.client.HTTPSConnection("127.0.0.1", nginx.tls_port, timeout=10, context=trust)
    with closing(connection):
        connection.request("GET", path, headers=GZIP)
        answer = connection.getresponse()
        return answer, answer.read()


def test_the_cookie_is_secure_behind_nginx(served: Front, certificate: Path) -> None:
    """nginx tells the service that the browser came by https."""
    answer, _ = asked(served, certificate, "/desk/sign-in")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-carriers_desk_visitor=")
    assert "Secure" in cookie
    assert "Domain" not in cookie


def test_files_are_compressed_and_kept_and_pages_are_neither(
    served: Front, certificate: Path
) -> None:
    """A page holds the token of its forms beside what an address says (BREACH)."""
    answer, page = asked(served, certificate, "/desk/carriers?q=a")
    assert answer.status == 200
    assert answer.headers["Content-Encoding"] is None
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    files = re.findall(rb'(?:href|src)="(/desk/static/[^"]+)"', page)
    assert len(files) == 4
    for path in map(bytes.decode, files):
        answer, _ = asked(served, certificate, path)
        assert answer.status == 200
        assert answer.headers["Content-Encoding"] == "gzip"
        assert "immutable" in answer.headers["Cache-Control"]
