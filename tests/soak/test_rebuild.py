"""Rebuilding a view beside the running service, killed at random moments: readers notice nothing,
each run goes on, and in the end the rows are what the events say.
"""

import http.client
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import pytest

from app.application.ports.event_store import NO_STREAM, EventData
from app.application.ports.views import Generations, View
from app.application.projections import PROJECTIONS
from app.application.projections.carriers import row_of
from app.application.projections.replay import NOTHING, Replayer
from app.bootstrap import Stores, opened_stores
from app.infrastructure.codec import JsonCodec
from config.settings import Settings
from tests.support.cassandra_node import Node
from tests.support.commits import event
from tests.support.measurements import IS_FULL, Figures, each_round, rounds
from tests.support.processes import Server, wait_until
from tests.support.service import Service, exchange, service_environment
from tests.support.stores import KEYSPACE, make_keyspace, soon

pytestmark = pytest.mark.soak

KILLS = 20
READERS = 3
PAUSE_S = 1.5
GUESS_S = (1.0, 1.0 + PAUSE_S)
RUN_S = 120.0
READ_EVERY_S = 0.05
WRITE_EVERY_S = 0.05
NAME = "carriers"


@dataclass(frozen=True)
class Size:
    """Carriers, and the events that each of them has before the service starts."""

    carriers: int
    events: int

    @property
    def events_in_all(self) -> int:
        """Of this run."""
        return self.carriers * rounds(self.events)


SIZES = {"sqlite": Size(500, 40), "cassandra": Size(200, 20)}


@dataclass(frozen=True)
class World:
    """The running service, its settings for processes and for this one, and its carriers."""

    store: str
    service: Service
    environment: dict[str, str]
    stores: Stores
    carriers: frozenset[str]

    def rebuild(self, log: Path, pause_s: float = PAUSE_S) -> Server:
        """The command, which is at work once it has started."""
        options = ("--pause", str(pause_s))
        server = Server(
            [sys.executable, "-m", "app.cli", "projections", "rebuild", NAME, *options],
            log=log,
            ready=lambda: " events\n" in server.output(),
            env=service_environment(self.service.folder, **self.environment),
            cwd=self.service.folder,
        )
        return server

    def wait_until_shown(self, changes: int = 0) -> None:
        """Return once the live view holds all events: those of the beginning and so many more."""
        events = SIZES[self.store].events_in_all + changes
        wait_until(
            lambda: self.stores.views.progress(self.live(), soon()).checkpoint >= events,
            60,
            f"the view holds {events} events",
        )

    def generations(self) -> Generations:
        """Of the view."""
        return self.stores.views.generations(PROJECTIONS[NAME].key, soon())

    def live(self) -> View:
        """What readers are given; generation 0 as long as there is nothing."""
        return View(PROJECTIONS[NAME].key, self.generations().live or 0)


def history(number: int, length: int) -> Iterator[EventData]:
    """One of the carriers that are there from the beginning."""
    yield event(payload=json.dumps({"name": f"Carrier {number}", "email": f"{uuid4()}@a.example"}))
    for version in range(2, length + 1):
        yield event("CarrierRenamed", json.dumps({"name": f"Carrier {number} {version}"}))


def fill(stores: Stores, size: Size) -> frozenset[str]:
    """Append all of them; their ids."""

    def add(number: int) -> str:
        carrier_id = str(uuid4())
        events = list(history(number, rounds(size.events)))
        stores.events.append(carrier_id, NO_STREAM, events, uuid4(), soon(60))
        return carrier_id

    with ThreadPoolExecutor(16) as pool:
        return frozenset(pool.map(add, range(size.carriers)))


@pytest.fixture(params=SIZES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """The service over each store; its views hold everything."""
    store: str = request.param
    settings = Settings(sqlite_path=tmp_path / "var/events.sqlite3")
    environment: dict[str, str] = {}
    with ExitStack() as closing:
        if store == "cassandra":
            node: Node = request.getfixturevalue("cassandra_node")
            make_keyspace(node)
            environment = {
                "CASSANDRA_HOST": node.host,
                "CASSANDRA_PORT": str(node.port),
                "CASSANDRA_KEYSPACE": KEYSPACE,
            }
            settings = replace(
                settings,
                event_store=store,
                cassandra_hosts=(node.host,),
                cassandra_port=node.port,
                cassandra_keyspace=KEYSPACE,
            )
        stores = closing.enter_context(opened_stores(settings, makes=True))
        carriers = fill(stores, SIZES[store])
        service = Service(tmp_path, "127.0.0.1", None, WORKERS="2", THREADS="8", **environment)
        closing.enter_context(service)
        world = World(store, service, environment, stores, carriers)
        world.wait_until_shown()
        yield world


class Traffic:
    """Readers that walk through all pages, and a writer, until the end of the context; what they
    see must be complete each time."""

    def __init__(self, world: World) -> None:
        self.walks = 0
        self.writes = 0
        self._world = world
        self._stop = threading.Event()
        self._wrong: list[str] = []

    def __enter__(self) -> "Traffic":
        self._pool = ThreadPoolExecutor(READERS + 1)
        calls: list[Callable[[http.client.HTTPConnection], None]] = [self._walk] * READERS
        self._futures = [
            self._pool.submit(self._repeat, each) for each in (*calls, self._change_one)
        ]
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown()

    def check(self) -> None:
        """Nobody has seen anything wrong so far."""
        for future in self._futures:
            if future.done():
                future.result()
        assert self._wrong == []

    def _repeat(self, call: Callable[[http.client.HTTPConnection], None]) -> None:
        connection = self._world.service.connect()
        while not self._stop.is_set():
            call(connection)
        connection.close()

    def _walk(self, connection: http.client.HTTPConnection) -> None:
        found: Counter[str] = Counter()
        path: str | None = "/carriers?sort=registered_at&limit=100"
        while path:
            answer = exchange(connection, "GET", path)
            if answer.status != 200:
                self._wrong.append(f"{answer.status}: {answer.body!r}")
                return
            data = answer.json["data"]
            found.update(each["carrier_id"] for each in data["carriers"])
            cursor = data["next"]
            path = cursor and f"/carriers?sort=registered_at&limit=100&cursor={cursor}"
        if found != Counter(self._world.carriers):
            self._wrong.append(f"{len(found)} of {len(self._world.carriers)}: {answer.headers}")
        self.walks += 1
        self._stop.wait(READ_EVERY_S)

    def _change_one(self, connection: http.client.HTTPConnection) -> None:
        carrier_id = random.choice(list(self._world.carriers))
        body = {"name": f"Carrier {uuid4()}"}
        answer = exchange(connection, "POST", f"/carriers/{carrier_id}/rename", body)
        if answer.status != 200:
            self._wrong.append(f"{answer.status}: {answer.body!r}")
        self.writes += 1
        self._stop.wait(WRITE_EVERY_S)


def timed(server: Server) -> tuple[float, float]:
    """Run it to its end; gives the seconds until it has swapped, and in all."""
    server.start()
    began = time.monotonic()
    wait_until(lambda: "swapped" in server.output(), RUN_S, "a swap")
    swapped = time.monotonic() - began
    assert server.wait(RUN_S) == 0, server.tail()
    return swapped, time.monotonic() - began


def differing(world: World, view: View) -> Sequence[str]:
    """Carriers whose row is not what their events make of them, from the first one on."""
    replayer = Replayer(world.stores.events, JsonCodec())
    rows = world.stores.views.rows(view, world.carriers, soon())
    wrong = []
    for carrier_id in world.carriers:
        last = world.stores.events.read(carrier_id, soon())[-1].version
        folded = replayer.at(carrier_id, last, NOTHING, soon())
        row = rows.get(carrier_id)
        expected = folded and row_of(folded)
        if not (row and expected and (row.version, row.body) == (expected.version, expected.body)):
            wrong.append(carrier_id)
    return wrong


def test_a_rebuild_that_is_killed_goes_on_and_readers_notice_nothing(
    world: World, tmp_path: Path, figures: Figures
) -> None:
    """`carriers projections rebuild carriers` is killed (-9) again and again, at any point of its
    way; every answer to a reader is right and complete all the time, and in the end the rows are
    what the events say, with nothing left over."""
    chance = random.Random()
    deaths: Counter[str] = Counter()
    with Traffic(world) as traffic:
        swapped_s, whole_s = timed(world.rebuild(tmp_path / "calm")) if IS_FULL else GUESS_S
        for number in each_round(KILLS):
            server = world.rebuild(tmp_path / f"run{number}")
            server.start()
            moment = chance.uniform(0, chance.choice((swapped_s, whole_s)))
            due = time.monotonic() + moment
            wait_until(lambda: time.monotonic() >= due, RUN_S, "the moment", 0.002)  # noqa: B023
            server.kill()
            was_swapped = "swapped" in server.output()
            deaths["behind the swap" if was_swapped else "before it"] += 1
            traffic.check()
    world.wait_until_shown(traffic.writes)
    last = world.rebuild(tmp_path / "last")
    timed(last)
    assert " 0 rows and counts differ" in last.output()
    live = world.live()
    assert world.generations() == Generations(live.generation)
    assert differing(world, live) == []
    for former in range(1, live.generation):
        assert not world.stores.views.rows(View(live.projection, former), world.carriers, soon())
    died = ", ".join(f"{count} {where}" for where, count in sorted(deaths.items()))
    figures.add(
        f"kill -9 of a rebuild beside {READERS} readers and a writer, {world.store}",
        rounds(KILLS),
        f"{died}; {traffic.walks} walks through {len(world.carriers)} carriers all complete,"
        f" {traffic.writes} changes meanwhile; rows as the events say, 0 differences",
    )
