"""The service is restarted under load behind nginx, and no client notices."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from httpx_sse import connect_sse

from tests.support.nginx import start_nginx
from tests.support.nginx_conf import nginx_conf
from tests.support.offered_load import Crowd
from tests.support.processes import free_port, wait_until
from tests.support.service import Service

pytestmark = [pytest.mark.nginx, pytest.mark.alone]

CLIENTS = 8
SETTINGS = {"WORKERS": "2", "HEARTBEAT": "0.5"}


class Listener:
    """A client that follows the feed through nginx, and comes back with its last id."""

    def __init__(self, port: int) -> None:
        self.positions: list[int] = []
        self.streams = 0
        self._address = f"http://127.0.0.1:{port}/events/stream"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        """Stop following."""
        self._over.set()
        self._thread.join(20)

    def _run(self) -> None:
        last = "0"
        with httpx.Client(timeout=10, trust_env=False) as client:
            while not self._over.is_set():
                headers = {"Last-Event-ID": last}
                try:
                    with connect_sse(client, "GET", self._address, headers=headers) as source:
                        self.streams += source.response.status_code == 200
                        for event in source.iter_sse():
                            last = event.id
                            self.positions.append(int(last.rpartition(":")[2]))
                            if self._over.is_set():
                                return
                except httpx.HTTPError:
                    pass
                self._over.wait(0.05)


def reload(services: list[Service]) -> None:
    """SIGHUP of the first: all its workers are replaced."""
    first = services[0]
    before = set(first.workers())
    os.kill(first.server.pid, signal.SIGHUP)
    wait_until(lambda: before.isdisjoint(first.workers()), 30, "other workers")


def replace_each(services: list[Service]) -> None:
    """One after the other is stopped and started again."""
    for service in services:
        os.kill(service.server.pid, signal.SIGTERM)
        assert service.server.wait(20) == 0
        time.sleep(0.2)
        service.server.start()
        # nginx counts fail_timeout, one second, in whole seconds: it may wait for two.
        time.sleep(2.2)


@pytest.mark.parametrize("restart", [reload, replace_each])
def test_a_restart_under_load_fails_no_request(
    require_nginx: str, tmp_path: Path, restart: Callable[[list[Service]], None]
) -> None:
    """Each registration is answered with 201; a listener sees each event once, in order, over
    several streams. Two instances share a file of SQLite."""
    assert require_nginx
    shared = {**SETTINGS, "SQLITE_PATH": str(tmp_path / "events.sqlite3")}
    with ExitStack() as stack:
        services = [
            stack.enter_context(Service(tmp_path / name, "127.0.0.1", None, **shared))
            for name in ("one", "two")
        ]
        port = free_port()
        conf = nginx_conf(listen=port, tls_listen=free_port(), upstream=services[0].port)
        servers = " ".join(f"server 127.0.0.1:{each.port} fail_timeout=1s;" for each in services)
        only = f"server 127.0.0.1:{services[0].port};"
        assert only in conf["nginx.conf"]
        conf["nginx.conf"] = conf["nginx.conf"].replace(only, servers)
        listener = Listener(port)
        stack.callback(listener.end)  # after nginx has ended its stream
        nginx = start_nginx(conf, tmp_path / "nginx", port=port)
        stack.callback(nginx.stop)
        crowd = Crowd(port, CLIENTS)
        with crowd.at_work():
            wait_until(lambda: crowd.statuses()[201] > 50, 20, "some load")
            restart(services)
            done = crowd.statuses()[201]
            wait_until(lambda: crowd.statuses()[201] > done + 50, 20, "load afterwards")
        count = crowd.statuses()[201]
        assert crowd.statuses().keys() == {201}, crowd.statuses()
        wait_until(lambda: len(listener.positions) >= count, 10, "all events")
        assert listener.positions == list(range(1, count + 1))
