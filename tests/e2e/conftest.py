"""What the tests of the whole share: a real browser, what stands before nginx and behind it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.conftest import without
from tests.support.browser import chromium
from tests.support.front import Front, Upstream, front
from tests.support.processes import Unavailable
from tests.support.tls import make_certificate


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real one."""
    with ExitStack() as held:
        try:
            started = held.enter_context(chromium())
        except Unavailable as reason:
            without("chromium", reason)
        yield started


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    """A server that says what reached it."""
    with Upstream() as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        yield server
        server.released.set()
        server.shutdown()
        serving.join()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """certificate.pem of 127.0.0.1, with key.pem beside it."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def secured(
    require_nginx: str,
    tmp_path_factory: pytest.TempPathFactory,
    upstream: Upstream,
    certificate: Path,
) -> Iterator[Front]:
    """nginx with a certificate, before `upstream`."""
    with front(tmp_path_factory.mktemp("nginx"), upstream.port, certificate.parent) as running:
        yield running
