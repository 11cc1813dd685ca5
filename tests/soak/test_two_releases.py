"""Two releases run side by side on one store, each with views that its own code has made: what
readers of either are given is right all the time, also while the view of the newer one is made and
its processes are killed, and after the newer one was taken back.
"""

import http.client
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from app.application.ports.event_store import NO_STREAM
from app.bootstrap import Stores, opened_stores
from config.settings import Settings
from tests.support.cassandra_node import Node
from tests.support.commits import event
from tests.support.measurements import Figures, each_round, rounds
from tests.support.next_release import next_release
from tests.support.processes import wait_until
from tests.support.service import Service
from tests.support.stores import KEYSPACE, make_keyspace, soon

pytestmark = pytest.mark.soak

KILLS = 20
LIFE_S = 3.0
"""A process that is killed has lived that long at most: to start takes one of them."""

SIZES = {"sqlite": (400, 30), "cassandra": (150, 8)}
"""Carriers, and how often each was renamed before: so making the view takes a while."""


@dataclass
class Reader:
    """Asks a release for all active carriers, page by page, over and over."""

    service: Service
    order: Callable[[str], str]
    carriers: int
    right: int = 0
    not_made: int = 0
    wrong: list[str] = field(default_factory=list)

    def read(self, until: threading.Event) -> None:
        """Count what comes back; a process that was killed gives no answer."""
        while not until.is_set():
            try:
                self._walk()
            except (OSError, http.client.HTTPException):
                until.wait(0.02)

    def _walk(self) -> None:
        names: list[str] = []
        path = "/carriers?status=active&limit=100"
        while path:
            answer = self.service.ask("GET", path)
            if answer.status == 503:
                assert "Retry-After" in answer.headers
                self.not_made += 1
                return
            if answer.status != 200:
                self.wrong.append(f"{answer.status}: {answer.body!r}")
                return
            data = answer.json["data"]
            names += [each["name"] for each in data["carriers"]]
            following = f"/carriers?status=active&limit=100&cursor={data['next']}"
            path = following if data["next"] else ""
        if len(names) != self.carriers or names != sorted(names, key=self.order):
            self.wrong.append(f"{len(names)} of {self.carriers}, in the order {names[:5]}")
        self.right += 1


@dataclass(frozen=True)
class World:
    """One store, filled; services of both releases on it."""

    store: str
    folder: Path
    environment: dict[str, str]
    carriers: int
    stores: Stores
    next_code: Path

    def old(self) -> Service:
        """This release's."""
        return Service(self.folder / "old", "127.0.0.1", None, **self.environment)

    def new(self) -> Service:
        """The later release's; it is not waited for."""
        settings = {**self.environment, "PYTHONPATH": str(self.next_code)}
        return Service(self.folder / "new", "127.0.0.1", lambda _: True, **settings)


def fill(stores: Stores, carriers: int, renames: int) -> None:
    """Append all of them."""

    def add(number: int) -> None:
        name = {"name": f"carrier {number:04} {number % 7}"}
        first = event(payload=json.dumps({**name, "email": f"{uuid4()}@a.example"}))
        others = [event("CarrierRenamed", json.dumps({"name": f"{n}"})) for n in range(renames)]
        events = [first, *others, event("CarrierRenamed", json.dumps(name))]
        stores.events.append(str(uuid4()), NO_STREAM, events, uuid4(), soon(60))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(add, range(carriers)))


@pytest.fixture(params=[pytest.param("sqlite", marks=pytest.mark.full), "cassandra"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """On each store."""
    settings = Settings(sqlite_path=tmp_path / "events.sqlite3")
    environment = {"SQLITE_PATH": str(settings.sqlite_path), "WORKERS": "1", "THREADS": "4"}
    if request.param == "cassandra":
        node: Node = request.getfixturevalue("cassandra_node")
        make_keyspace(node)
        named = {"CASSANDRA_HOST": node.host, "CASSANDRA_PORT": str(node.port)}
        environment |= {**named, "CASSANDRA_KEYSPACE": KEYSPACE}
        settings = replace(
            settings,
            event_store="cassandra",
            cassandra_hosts=(node.host,),
            cassandra_port=node.port,
            cassandra_keyspace=KEYSPACE,
        )
    carriers, renames = SIZES[request.param]
    with opened_stores(settings, makes=True) as stores:
        fill(stores, carriers, renames)
        yield World(request.param, tmp_path, environment, carriers, stores, next_release(tmp_path))


@contextmanager
def reading(*readers: Reader) -> Iterator[None]:
    """All of them, until the end of the context."""
    until = threading.Event()
    with ThreadPoolExecutor(len(readers)) as pool:
        futures: list[Future[Any]] = [pool.submit(each.read, until) for each in readers]
        try:
            yield
        finally:
            until.set()
    for future in futures:
        future.result()


def is_made(service: Service) -> bool:
    """Whether the release has a view of its own, which holds the whole feed."""
    try:
        ready = service.ask("GET", "/health/ready").json["data"]
    except (OSError, http.client.HTTPException, KeyError):
        return False
    view = ready["views"].get("carriers", {"made": False, "behind": 1})
    return bool(view["made"]) and view["behind"] == 0


def test_each_release_answers_from_views_of_its_own(world: World, figures: Figures) -> None:
    """While the newer one's view is made, and it is killed (-9) again and again, its readers get
    503 or what is right, and those of the older one what is right; then both; then the newer one is
    taken back, and the older one goes on."""
    chance = random.Random()
    with ExitStack() as services:
        old = services.enter_context(world.old())
        wait_until(lambda: is_made(old), 60, "the older release's view is made")
        new = world.new()
        before = Reader(old, str, world.carriers)
        after = Reader(new, lambda name: name[::-1], world.carriers)
        with reading(before, after):
            for _ in each_round(KILLS):
                new.server.start()
                time.sleep(chance.uniform(0, LIFE_S))
                new.server.kill()
            new.server.start()
            services.callback(new.server.stop)
            wait_until(lambda: is_made(new), 60, "the newer release's view is made")
            enough = after.right + 5, before.right + 5
            wait_until(lambda: after.right > enough[0] and before.right > enough[1], 60, "reads")
        assert (before.wrong, after.wrong) == ([], [])
        assert before.not_made == 0
        changed = old.ask("POST", "/register-carrier", {"name": "zz", "email": "zz@a.example"})
        assert changed.status == 201
        token = {"Consistency-Token": changed.headers["Consistency-Token"]}
        for service in (old, new):
            answer = service.ask("GET", "/carriers?q=zz", headers=token)
            assert [each["name"] for each in answer.json["data"]["carriers"]] == ["zz"]
        new.server.stop()
        last = Reader(old, str, world.carriers + 1)
        with reading(last):
            wait_until(lambda: last.right > 2, 60, "the older release goes on")
        assert last.wrong == []
    figures.add(
        f"two releases on one store, the newer killed (-9) while it makes its view, {world.store}",
        rounds(KILLS),
        f"walks through all pages: {before.right} of the older, {after.right} of the newer release,"
        f" {after.not_made} times 503 before its view was made; 0 wrong answers",
    )
