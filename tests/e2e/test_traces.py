"""The way of a request as traces show it: to store, feed and views, over both stores."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.support.cassandra_node import Node
from tests.support.collector import Collector, Span
from tests.support.processes import free_port, wait_until
from tests.support.project import ROOT
from tests.support.service import Service, service_environment

CARRIER = {"name": "FedEx", "email": "contact@fedex.com"}
CALLERS = "0af7651916cd43dd8448eb211c80319c"
CALLER = {"traceparent": f"00-{CALLERS}-b7ad6b7169203331-01", "tracestate": "a=zqmark"}


def traced(folder: Path, settings: dict[str, str]) -> Service:
    """A service of one worker; not started."""
    return Service(folder, "127.0.0.1", None, **{"WORKERS": "1", **settings})


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """One for all services of this file."""
    with Collector() as running:
        yield running


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Service]:
    """A service that is traced."""
    with traced(tmp_path_factory.mktemp("traced"), collector.settings) as service:
        await_views(service)
        yield service


@pytest.fixture(scope="module")
def on_cassandra(
    tmp_path_factory: pytest.TempPathFactory, collector: Collector, cassandra_node: Node
) -> Iterator[Service]:
    """The same over a keyspace of its own."""
    folder = tmp_path_factory.mktemp("on_cassandra")
    settings = {
        "CASSANDRA_HOST": cassandra_node.host,
        "CASSANDRA_PORT": str(cassandra_node.port),
        "CASSANDRA_KEYSPACE": f"traces_{uuid4().hex[:12]}",
    }
    environment = service_environment(folder, **settings)
    given = {name: value for name, value in environment.items() if value is not None}
    subprocess.run(
        [sys.executable, "-m", "app.cli", "schema"],
        env={"PATH": "/usr/bin:/bin", "LOG_DIR": "", **given},
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    with traced(folder / "service", settings | collector.settings) as service:
        await_views(service)
        yield service


def await_views(service: Service) -> None:
    """Wait for both views: what their first build takes in is not traced."""

    def are_made() -> bool:
        figures = service.ask("GET", "/metrics").body.decode()
        views = ("carriers", "statistics")
        return all(f'view_made{{projection="{each}"}} 1.0' in figures for each in views)

    wait_until(are_made, 20, "the views")


def registered(service: Service, collector: Collector, expected: set[str]) -> dict[str, Span]:
    """The spans of a registration that a caller traces, once the expected are there."""
    trace = uuid4().hex
    caller = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    carrier = {"name": "FedEx", "email": f"{trace}@fedex.com"}
    assert service.ask("POST", "/register-carrier", carrier, caller).status == 201
    wait_until(lambda: expected <= set(collector.of(trace)), 10, f"{expected} of the trace")
    return collector.of(trace)


def access_line(service: Service, trace: str) -> dict[str, Any]:
    """The line of the request that was part of the trace."""

    def told() -> list[dict[str, Any]]:
        lines = service.log_lines()
        return [each for each in lines if each.get("trace_id") == trace and "route" in each]

    return wait_until(told, 10, "the access line")[0]


def test_a_request_is_followed_to_the_views(on_sqlite: Service, collector: Collector) -> None:
    """Each step is below the one that caused it, and continues the caller's trace."""
    steps = {"request /register-carrier", "command RegisterCarrier", "store append"}
    spans = registered(on_sqlite, collector, {*steps, "view carriers", "view statistics"})
    request, command = spans["request /register-carrier"], spans["command RegisterCarrier"]
    append, view = spans["store append"], spans["view carriers"]
    assert request.parent == "b7ad6b7169203331"
    assert request.attributes["http.response.status_code"] == 201
    assert (command.parent, append.parent) == (request.span, command.span)
    assert append.attributes["outcome"] == "written"
    assert append.attributes["attempts"] == 1
    assert view.parent == command.span
    assert view.links == [request.trace]
    assert view.attributes["outcome"] == "committed"
    assert request.service == "distributing-carriers"


def queried(service: Service, collector: Collector, path: str, last: str) -> list[Span]:
    """The spans of a query that a caller traces, once the last of them is there."""
    trace = uuid4().hex
    caller = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    assert service.ask("GET", path, None, caller).status == 200
    wait_until(lambda: last in collector.of(trace), 10, f"{last} of the trace")
    return [each for each in list(collector.spans) if each.trace == trace]


READINGS: dict[str, dict[str, dict[str, Any]]] = {
    "/carriers?q=fed&limit=5": {
        "views generations": {},
        "views progress": {},
        "views find_prefix": {"outcome": "read"},
        "views rows": {"outcome": "read"},
    },
    "/statistics": {"views counts": {"outcome": "read"}},
    "/events?limit=1": {"feed read": {"outcome": "read", "events": 1}, "feed standing": {}},
}
"""By query: the readings that its trace shows, and what each says at least."""


def assert_readings_are_shown(spans: list[Span], expected: dict[str, dict[str, Any]]) -> Span:
    """Each is right below the request, and says nothing that was asked for; give the request."""
    (request,) = [each for each in spans if each.name.startswith("request /")]
    by_name = {each.name: each for each in spans if each.parent == request.span}
    assert expected.keys() <= by_name.keys()
    for name, attributes in expected.items():
        assert attributes.items() <= by_name[name].attributes.items()
        if name.startswith("views "):
            assert by_name[name].attributes["view"] in {"carriers.v3", "statistics.v3"}
    assert not [each for each in spans if "fed" in map(str, each.attributes.values())]
    return request


@pytest.mark.parametrize("path", READINGS)
def test_readings_of_views_and_feed_are_shown(
    on_sqlite: Service, collector: Collector, path: str
) -> None:
    """Below the request that makes them, each once."""
    registered(on_sqlite, collector, {"view carriers", "view statistics"})
    request = f"request {path.partition('?')[0]}"
    assert_readings_are_shown(queried(on_sqlite, collector, path, request), READINGS[path])


def test_log_event_and_feed_name_the_trace(on_sqlite: Service, collector: Collector) -> None:
    """So that one leads to the other."""
    spans = registered(on_sqlite, collector, {"command RegisterCarrier"})
    command = spans["command RegisterCarrier"]
    assert access_line(on_sqlite, command.trace)["route"] == "/register-carrier"
    traceparent = f"00-{command.trace}-{command.span}-01"
    with closing(sqlite3.connect(on_sqlite.database)) as database:
        rows = database.execute("SELECT metadata FROM events").fetchall()
    assert [text for (text,) in rows if f'"traceparent":"{traceparent}"' in text]
    page = on_sqlite.ask("GET", "/events?limit=1000").json["data"]["events"]
    assert traceparent in [each.get("traceparent") for each in page]


def test_without_a_caller_a_trace_begins(on_sqlite: Service, collector: Collector) -> None:
    """A `traceparent` that is none is no caller's."""
    before = len(collector.spans)
    on_sqlite.ask("GET", "/carriers", None, {"traceparent": "nonsense"})
    route = "request /carriers"
    spans = wait_until(
        lambda: [each for each in list(collector.spans)[before:] if each.name == route],
        10,
        "the request's span",
    )
    assert not spans[0].parent
    assert access_line(on_sqlite, spans[0].trace)["route"] == "/carriers"


def test_a_refusal_is_an_outcome(on_sqlite: Service, collector: Collector) -> None:
    """By the error's name, without what it says; and no failure of ours."""
    on_sqlite.ask("POST", "/register-carrier", CARRIER)
    assert on_sqlite.ask("POST", "/register-carrier", CARRIER, CALLER).status == 409
    wait_until(lambda: "request /register-carrier" in collector.of(CALLERS), 10, "the refusal")
    append = collector.of(CALLERS)["store append"]
    assert (append.attributes["outcome"], append.failed) == ("AlreadyClaimed", False)
    sent = b"".join(collector.raw)
    assert b"zqmark" not in sent
    assert b"contact@" not in sent


def test_probes_are_not_traced(on_sqlite: Service, collector: Collector) -> None:
    """They would outnumber everything else."""
    for path in ("/health/live", "/health/ready", "/metrics"):
        assert on_sqlite.ask("GET", path).status == 200
    registered(on_sqlite, collector, {"request /register-carrier"})
    names = {each.name for each in list(collector.spans)}
    assert not {each for each in names if "health" in each or "metrics" in each}


def test_on_cassandra_nodes_and_positions_are_shown(
    on_cassandra: Service, collector: Collector
) -> None:
    """Each request to a node is below the append; the feed's commit says which positions."""
    expected = {"store append", "request to Cassandra", "feed commit", "view carriers"}
    spans = registered(on_cassandra, collector, expected)
    trace = spans["store append"].trace
    tries = [
        each
        for each in list(collector.spans)
        if each.trace == trace and each.parent == spans["store append"].span
    ]
    assert {each.name for each in tries} == {"request to Cassandra"}
    assert {each.attributes["outcome"] for each in tries} == {"answered"}
    assert {each.attributes["attempt"] for each in tries} == {1}
    assert all(each.attributes["network.peer.address"] for each in tries)
    commit = spans["feed commit"]
    assert commit.links == [trace]
    page = on_cassandra.ask("GET", "/events?limit=1000").json["data"]["events"]
    position = next(each["position"] for each in page if trace in each.get("traceparent", ""))
    places = commit.attributes["feed.first"], commit.attributes["feed.last"]
    assert places == (position, position)
    assert commit.attributes["outcome"] == "committed"
    assert access_line(on_cassandra, trace)["status"] == 201


def test_on_cassandra_requests_are_below_the_readings(
    on_cassandra: Service, collector: Collector
) -> None:
    """A reading is shown as on SQLite; the requests that it takes are below it, each once."""
    registered(on_cassandra, collector, {"view carriers", "view statistics"})
    for path, expected in READINGS.items():
        spans = queried(on_cassandra, collector, path, f"request {path.partition('?')[0]}")
        request = assert_readings_are_shown(spans, expected)
        requests = [each for each in spans if each.name == "request to Cassandra"]
        readings = {
            each.span: each.name
            for each in spans
            if each.parent == request.span and each.name in expected
        }
        assert {readings.get(each.parent) for each in requests} >= expected.keys()
        assert len({each.span for each in requests}) == len(requests)


def test_a_command_of_the_shell_is_traced(tmp_path: Path, collector: Collector) -> None:
    """Its spans are sent before it ends."""
    environment = service_environment(tmp_path, **collector.settings)
    given = {name: value for name, value in environment.items() if value is not None}
    before = len(collector.spans)
    subprocess.run(
        [sys.executable, "-m", "app.cli", "register", "--name", "FedEx", "--email", "a@b.example"],
        env={"PATH": "/usr/bin:/bin", **given},
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    names = {each.name for each in collector.spans[before:]}
    assert {"command RegisterCarrier", "store append"} <= names


def test_off_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    """Neither by default nor where the SDK is disabled, and the log names no trace."""
    program = (
        "import sys\n"
        "from app import create_app\n"
        "from config.settings import Settings\n"
        "app = create_app(Settings.from_env())\n"
        "app.test_client().get('/carriers')\n"
        "app.extensions['services'].close()\n"
        "sys.exit(any(each.startswith('opentelemetry') for each in sys.modules))\n"
    )
    off = {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    for number, settings in enumerate(({}, off)):
        folder = tmp_path / str(number)
        folder.mkdir()
        environment = service_environment(folder, **settings)
        given = {name: value for name, value in environment.items() if value is not None}
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={"PATH": "/usr/bin:/bin", **given},
            cwd=folder,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert "trace_id" not in done.stderr


def test_without_the_packages_the_start_says_so(tmp_path: Path, collector: Collector) -> None:
    """In one line; the service serves without traces."""
    (tmp_path / "bare" / "opentelemetry").mkdir(parents=True)
    (tmp_path / "bare" / "opentelemetry" / "__init__.py").touch()  # hides what is installed
    hidden = {"PYTHONPATH": f"{tmp_path / 'bare'}:{ROOT}"}
    with traced(tmp_path / "service", collector.settings | hidden) as service:
        assert service.ask("POST", "/register-carrier", CARRIER).status == 201
        told = [each for each in service.log_lines() if "OpenTelemetry" in each["message"]]
        assert [each["level"] for each in told] == ["warning"]
        assert "distributing-carriers[traces]" in told[0]["message"]


@pytest.mark.parametrize("kind", ["down", "silent"])
def test_a_collector_that_takes_nothing_costs_nothing(tmp_path: Path, kind: str) -> None:
    """Requests are answered, each process that has traces says so in one line, and the service ends
    in time."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1] if kind == "silent" else free_port()
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }
        service = traced(tmp_path, settings)
        with service:
            for number in range(10):
                carrier = {"name": "FedEx", "email": f"{number}@fedex.com"}
                assert service.ask("POST", "/register-carrier", carrier).status == 201

            def told() -> list[int]:
                lines = [
                    each for each in service.log_lines() if "traces are lost" in each["message"]
                ]
                return [each["process_id"] for each in lines]

            wait_until(told, 15, "the line about the traces")
            service.ask("GET", "/carriers")
            began = time.monotonic()
            assert service.server.stop() == 0
            # The limit of the exporter's own is half a minute, gunicorn's 40 s.
            assert time.monotonic() - began < 15
        assert len(told()) == len(set(told()))
        assert "Traceback" not in service.server.output()
