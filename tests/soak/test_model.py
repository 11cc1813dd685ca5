"""Whatever is sent and asked, every store answers what a model in plain Python does.

`SEED=7 COMMANDS=2000 pytest tests/soak/test_model.py -k sqlite` repeats a walk: a disagreement says
both numbers, as times between commands follow from how many there are. Without them it is one seed
and as many as fit a short run, and with `SOAK=full` another seed each time and 20,000 commands.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from time import thread_time

import pytest

from app import create_app
from app.application.ports.keys import Scope
from app.bootstrap import build_services, services
from config.settings import Settings
from tests.support.cassandra_node import Node
from tests.support.keys import add_key, bearer
from tests.support.measurements import IS_FULL, Figures
from tests.support.model.choices import ADOPT, KINDS
from tests.support.model.client import Client
from tests.support.model.walk import Walk, WalkClock
from tests.support.stores import KEYSPACE, make_keyspace

pytestmark = pytest.mark.soak

STEPS = {"sqlite": 20_000 if IS_FULL else 300, "cassandra": 20_000 if IS_FULL else 60}
"""How many commands are sent, unless COMMANDS says another number."""

ENOUGH_FOR_ALL = 2_000
"""So many hold each kind of command in a form that is carried out."""

NO_COMMANDS = {
    "/events/ticket": "it changes nothing",
    "/imports": "its rows are commands that the model has; tests/soak/test_imports.py is about it",
}


@pytest.fixture(params=STEPS)
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """An empty registry on a store."""
    if request.param == "sqlite":
        return Settings(app_env="testing", sqlite_path=tmp_path / "events.sqlite3")
    node: Node = request.getfixturevalue("cassandra_node")
    make_keyspace(node)
    return Settings(
        app_env="testing",
        event_store="cassandra",
        cassandra_hosts=(node.host,),
        cassandra_port=node.port,
        cassandra_keyspace=KEYSPACE,
    )


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> WalkClock:
    """The time of all parts."""
    clock = WalkClock()
    monkeypatch.setattr(services, "clock", clock)
    return clock


@pytest.fixture
def client(settings: Settings, clock: WalkClock) -> Iterator[Client]:
    """Three people with a key each."""
    built = build_services(settings)
    try:
        keys = built.operations.keys
        people = {name: bearer(add_key(keys, name, Scope.ADMIN)) for name in ("ann", "bob", "cid")}
        yield Client(create_app(settings, built).test_client(), people)
    finally:
        built.close()


def test_the_registry_does_what_the_model_does(
    client: Client, clock: WalkClock, settings: Settings, figures: Figures
) -> None:
    """Random commands of every kind, valid and not, stale and repeated, dry and by several people;
    then state, history, audit, as-of, documents, blocks, eligibility by two times, policy, lists,
    CSV, counts, duplicates and the feed."""
    seed = int(os.environ.get("SEED", Random().randrange(10**6) if IS_FULL else 14))
    store = settings.event_store
    steps = int(os.environ.get("COMMANDS", STEPS[store]))
    walk = Walk(seed, steps, client, clock, may_repeat=store == "cassandra")
    began = thread_time()
    walk.go(every=max(15, steps // 200))
    seen = (
        f"0 differences in {walk.comparisons} answers, seed {seed}, {thread_time() - began:.0f} s"
    )
    figures.add(f"random commands to a model and to {store}", steps, seen)
    if steps >= ENOUGH_FOR_ALL:
        assert {command for command, status in walk.outcomes if status < 300} == KINDS


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_every_command_has_a_model(client: Client) -> None:
    """Whoever adds one adds what it does to `tests/support/model/themes`."""
    described = json.loads(client.get("/openapi.json").data)["paths"]
    commands = {
        ADOPT if path == "/policy" else path.rpartition("/")[2].removesuffix("-carrier")
        for path, item in described.items()
        if {"post", "put"} & item.keys() and path not in NO_COMMANDS
    }
    assert commands == KINDS
