"""Grafana's dashboards: a real Prometheus that scrapes the service has figures for every panel."""

from __future__ import annotations

import json
import math
import urllib.error
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import chain
from typing import Any

import pytest

from tests.conftest import without
from tests.support.answers import another
from tests.support.processes import NotReady, Unavailable, wait_until
from tests.support.project import ROOT
from tests.support.prometheus import Prometheus
from tests.support.service import Service

BOARDS = {
    file.stem: json.loads(file.read_text())
    for file in sorted((ROOT / "monitoring/dashboards").glob("*.json"))
}
PANELS = {
    f"{name}: {panel['title']}": panel
    for name, board in BOARDS.items()
    for panel in board["panels"]
}
VARIABLES = {"$__rate_interval": "10s"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Two workers on SQLite."""
    with Service(tmp_path_factory.mktemp("watched"), WORKERS="2") as service:
        yield service


@pytest.fixture(scope="module")
def prometheus(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus, which has scraped the service; a listener of each way is there meanwhile."""
    prometheus = Prometheus(tmp_path_factory.mktemp("prometheus"), f"127.0.0.1:{service.port}")
    with ExitStack() as stack:
        try:
            stack.enter_context(prometheus.start())
        except Unavailable as reason:
            without("prometheus", reason)
        for path in ("/events/stream", "/events?wait=20"):
            stack.enter_context(closing(service.connect())).request("GET", path)
        yield prometheus


def send_some_of_everything(service: Service) -> None:
    """A command that is done, its repetition, queries, and requests that are refused."""
    carrier = another()
    key = {"Idempotency-Key": carrier["email"]}
    for _ in range(2):
        service.ask("POST", "/register-carrier", carrier, key)
    service.ask("POST", "/register-carrier", {"name": ""})
    service.ask("GET", "/carriers")
    service.ask("GET", "/carriers/550e8400-e29b-41d4-a716-446655440000")
    service.ask("GET", "/nowhere")
    service.ask("GET", "/carriers", headers={"Authorization": "Bearer nobody.nothing"})


def substituted(expression: str) -> str:
    """The expression as Grafana sends it, with a value for each of its variables."""
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression
    return expression


def expressions(panel: Any) -> list[str]:  # noqa: ANN401 - a panel as JSON has it
    return [substituted(target["expr"]) for target in panel["targets"]]


def has_numbers(prometheus: Prometheus, expression: str) -> bool:
    """Whether there is a series, and one with a number (a quantile of nothing is none)."""
    try:
        series = prometheus.get("query", query=expression)["result"]
    except urllib.error.HTTPError as error:
        pytest.fail(f"{expression}: {error.read().decode()}")
    return any(math.isfinite(float(each["value"][1])) for each in series)


def test_every_panel_has_figures(service: Service, prometheus: Prometheus) -> None:
    """Each expression of each panel finds a series on SQLite too, where no node is hedged."""
    missing = set(chain.from_iterable(map(expressions, PANELS.values())))
    assert missing

    def all_found() -> bool:
        send_some_of_everything(service)
        missing.difference_update([each for each in missing if has_numbers(prometheus, each)])
        return not missing

    try:
        wait_until(all_found, 30, "figures for every panel", interval_s=0.5)
    except NotReady as error:
        pytest.fail(f"{error}; none for {sorted(missing)}")


def test_prometheus_takes_the_alerts_along(prometheus: Prometheus) -> None:
    """The rules that compose mounts are loaded, and Prometheus can evaluate each of them."""

    def evaluated() -> list[Any]:
        rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
        return rules if all(rule["health"] != "unknown" for rule in rules) else []

    rules = wait_until(evaluated, 30, "an evaluation of every rule", interval_s=0.5)
    assert {rule["health"] for rule in rules} == {"ok"}


def test_a_scrape_may_come_by_the_name_in_compose(service: Service) -> None:
    """Prometheus needs no key, and asks for the host `app`; other names are for web pages."""
    with Service(service.folder / "other", ALLOWED_HOSTS="localhost,127.0.0.1,app") as other:
        assert other.ask("GET", "/metrics", headers={"Host": "app:8000"}).status == 200
        assert other.ask("GET", "/metrics", headers={"Host": "elsewhere:8000"}).status == 421


def test_dashboards_are_told_apart() -> None:
    """Links and bookmarks need a uid of each dashboard, and an id of each panel in it."""
    assert set(BOARDS) == {"service", "store", "feed-and-views", "process"}
    assert {name: board["uid"] for name, board in BOARDS.items()} == {
        name: f"carriers-{name}" for name in BOARDS
    }
    assert len({board["title"] for board in BOARDS.values()}) == len(BOARDS)
    assert len(PANELS) == sum(len(board["panels"]) for board in BOARDS.values())
    for board in BOARDS.values():
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_dashboards_ask_the_datasource_that_the_reader_chooses(board: Any) -> None:  # noqa: ANN401
    """None is fixed to the Prometheus that compose brings along."""
    variables = {each["name"]: each for each in board["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    for panel in board["panels"]:
        for asking in (panel, *panel["targets"]):
            assert asking["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


@pytest.mark.parametrize("panel", PANELS.values(), ids=PANELS)
def test_panels_say_what_they_show(panel: Any) -> None:  # noqa: ANN401
    """Each has a title, one sentence, a unit, a name for each line, and asks for our job only."""
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["description"].count(". ") == 0
    assert panel["fieldConfig"]["defaults"]["unit"]
    for target in panel["targets"]:
        assert target["legendFormat"]
        assert 'job="carriers"' in target["expr"]


def test_panels_do_not_overlap() -> None:
    """Each takes a place of its own on the grid, which is 24 wide."""
    for board in BOARDS.values():
        taken: set[tuple[int, int]] = set()
        for place in (panel["gridPos"] for panel in board["panels"]):
            columns = range(place["x"], place["x"] + place["w"])
            rows = range(place["y"], place["y"] + place["h"])
            cells = {(column, row) for column in columns for row in rows}
            assert columns.stop <= 24
            assert not cells & taken
            taken |= cells
