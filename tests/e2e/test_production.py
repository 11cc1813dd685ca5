"""The whole of production in one test: real nginx, real gunicorn, real Cassandra."""

import json
import urllib.request
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.support.cassandra_node import Node
from tests.support.nginx import start_nginx
from tests.support.nginx_conf import nginx_conf
from tests.support.processes import free_port, wait_until
from tests.support.service import Service
from tests.support.stores import KEYSPACE, make_keyspace

pytestmark = pytest.mark.nginx


def ask(port: int, method: str, path: str, body: object = None) -> tuple[int, Any, dict[str, str]]:
    """Status, JSON and headers of one request."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"X-Request-ID": "end-to-end", "X-Forwarded-For": "203.0.113.7"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    response = connection.getresponse()
    answer = response.status, json.loads(response.read()), dict(response.getheaders())
    connection.close()
    return answer


def test_a_carrier_is_registered_through_every_part(
    cassandra_node: Node, require_nginx: str, tmp_path: Path
) -> None:
    """What nginx hands on is stored in Cassandra, can be read back, and survives a restart."""
    assert require_nginx
    make_keyspace(cassandra_node)
    service = Service(
        tmp_path / "service",
        CASSANDRA_HOST=cassandra_node.host,
        CASSANDRA_PORT=str(cassandra_node.port),
        CASSANDRA_KEYSPACE=KEYSPACE,
    )
    listen = free_port()
    conf = nginx_conf(listen=listen, tls_listen=free_port(), upstream=service.port)
    with ExitStack() as stack:
        stack.callback(start_nginx(conf, tmp_path / "nginx", port=listen).stop)
        status, body, headers = ask(listen, "GET", "/health/live")
        assert (status, body["error"]["code"], headers["Retry-After"]) == (503, 503, "1")
        with service:
            wait_until(lambda: ask(listen, "GET", "/health/ready")[0] == 200, 30, "ready")
            status, body, headers = ask(
                listen, "POST", "/register-carrier", {"name": "FedEx", "email": "c@fedex.com"}
            )
            carrier_id = body["data"]["carrier_id"]
            assert (status, headers["X-Request-ID"]) == (201, "end-to-end")
            assert headers["Location"] == f"/carriers/{carrier_id}"
            assert ask(listen, "POST", "/register-carrier", {"name": 1})[0] == 422
            assert ask(listen, "GET", "/metrics")[0] == 404
            metrics = urllib.request.urlopen(f"http://127.0.0.1:{service.port}/metrics").read()
            assert b'event_store_appends_total{outcome="written"} 1.0' in metrics
            assert b"event_store_up 1.0" in metrics
        with service:
            wait_until(lambda: ask(listen, "GET", "/health/ready")[0] == 200, 30, "ready again")
            status, body, _ = ask(listen, "GET", f"/carriers/{carrier_id}")
            assert (status, body["data"]["name"], body["data"]["version"]) == (200, "FedEx", 1)
