"""An import that is killed again and again does each row once, on every store."""

import csv
import os
import random
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.application.deadline import Deadline
from app.application.ports.event_store import Claim, EventStore
from app.cli.errors import UNAVAILABLE, UNKNOWN
from tests.cli.shell import process_of
from tests.support.cassandra_node import Node
from tests.support.measurements import IS_FULL, Figures
from tests.support.stores import KEYSPACE, make_keyspace, open_store

pytestmark = pytest.mark.soak

ROWS = {"sqlite": 10_000 if IS_FULL else 120, "cassandra": 10_000 if IS_FULL else 30}
KILLS = {"sqlite": 20 if IS_FULL else 2, "cassandra": 20 if IS_FULL else 1}
PATIENCE_SECONDS = 3600.0 if IS_FULL else 120.0
RUNS = 5
"""How often an import is started at most, to come to its end."""
NEW, CHANGED, SAME = "new", "changed", "same"
KINDS = (NEW, CHANGED, SAME)

EXPECTED = {
    NEW: ["CarrierRegistered", "CarrierProfileUpdated"],
    CHANGED: [
        "CarrierRegistered",
        "CarrierEmailChanged",
        "CarrierRenamed",
        "CarrierProfileUpdated",
    ],
    SAME: ["CarrierRegistered"],
}


@dataclass(frozen=True)
class Registry:
    """A registry that a process of its own imports into."""

    store: str
    name: str
    settings: Mapping[str, str]

    def imports(self, file: Path, *more: str) -> "subprocess.Popen[bytes]":
        """An import under way; it tells each row as soon as it is done."""
        command, environment = process_of("import", str(file), "--yes", "--json", *more)
        environment = {**environment, **self.settings, "PYTHONUNBUFFERED": "1"}
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def imported(self, file: Path) -> None:
        """The import, to its end: where a busy store fails, started again it goes on."""
        for _ in range(RUNS):
            with self.imports(file) as process:
                process.communicate(timeout=PATIENCE_SECONDS)
            if process.returncode not in {UNAVAILABLE, UNKNOWN}:
                break
        assert process.returncode == 0


def bare() -> dict[str, str]:
    """What a process must not take over of this one's environment, as if it were not there."""
    return {name: "" for name in os.environ if name.startswith(("CASSANDRA", "SQLITE", "EVENT_"))}


@pytest.fixture(params=KILLS)
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Registry:
    """An empty one."""
    if request.param == "sqlite":
        file = tmp_path / "events.sqlite3"
        return Registry("sqlite", f"sqlite:{file}", {**bare(), "SQLITE_PATH": str(file)})
    node: Node = request.getfixturevalue("cassandra_node")
    make_keyspace(node)
    settings = {
        "CASSANDRA_HOST": node.host,
        "CASSANDRA_PORT": str(node.port),
        "CASSANDRA_KEYSPACE": KEYSPACE,
    }
    return Registry(
        "cassandra", f"cassandra:{node.host}:{node.port}:{KEYSPACE}", {**bare(), **settings}
    )


def kind_of(number: int) -> str:
    """What is to become of a row; of new carriers there are as many as of the others."""
    return KINDS[number % 4] if number % 4 < len(KINDS) else NEW


def write(path: Path, rows: Iterator[list[str]]) -> Path:
    """A file of these rows."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["email", "name", "phone", "carrier_id"], *rows])
    return path


def owner(store: EventStore, address: str) -> str:
    """The carrier that has this address."""
    found = store.owner(Claim("email", address), Deadline.after(10))
    assert found is not None
    return found


def test_an_import_that_is_killed_does_each_row_once(
    registry: Registry, tmp_path: Path, figures: Figures
) -> None:
    """New carriers, carriers that three commands change, and carriers that stay as they are: after
    kill -9 at random moments and a last run to the end, each has exactly the events of its row."""
    rows = ROWS[registry.store]
    here = [number for number in range(rows) if kind_of(number) != NEW]
    before = write(tmp_path / "before.csv", ([f"c{n}@fedex.com", "FedEx", "", ""] for n in here))
    registry.imported(before)
    with closing(open_store(registry.name)) as store:
        ids = {n: owner(store, f"c{n}@fedex.com") for n in here}
    file = write(tmp_path / "carriers.csv", (row(n, ids) for n in range(rows)))
    kills = KILLS[registry.store]
    seen = [killed(registry, file, rows * (each + 1) // (kills + 1)) for each in range(kills)]
    assert any(0 < told < rows for told in seen)
    registry.imported(file)
    registry.imported(file)
    with closing(open_store(registry.name)) as store:
        wrong = Counter(
            (kind_of(n), *types)
            for n in range(rows)
            if (types := types_of(store, owner(store, address_of(n)))) != EXPECTED[kind_of(n)]
        )
    assert not wrong
    figures.add(
        f"an import of {rows:,} rows, {registry.store}",
        kills,
        "killed with kill -9 at so many points and started again: each row done once",
    )


def address_of(number: int) -> str:
    """The address that the row gives its carrier."""
    return f"{'d' if kind_of(number) == CHANGED else 'c'}{number}@fedex.com"


def row(number: int, ids: Mapping[int, str]) -> list[str]:
    """A row; the carrier of one that gets another address is named by its id."""
    match kind_of(number):
        case "new":
            return [address_of(number), "FedEx", "+498912345678", ""]
        case "changed":
            return [address_of(number), "UPS", "+498912345678", ids[number]]
    return [address_of(number), "FedEx", "", ""]


def killed(registry: Registry, file: Path, after: int) -> int:
    """Kill the import a moment after it has told of so many rows; returns how many it told."""
    told = 0
    with registry.imports(file) as process:
        assert process.stdout is not None
        for told, _ in enumerate(process.stdout, 1):
            if told >= after:
                break
        # Anywhere within the next rows: between two commands of one as well.
        with suppress(subprocess.TimeoutExpired):
            process.wait(random.uniform(0, 0.02))
        process.kill()
    # It ends by itself only where a busy store fails, half way as well.
    assert process.returncode in {-signal.SIGKILL, UNAVAILABLE, UNKNOWN}
    return told


def types_of(store: EventStore, carrier_id: str) -> list[str]:
    """What happened to the carrier, oldest first."""
    return [each.data.event_type for each in store.read(carrier_id, Deadline.after(10))]


@pytest.mark.full
def test_a_file_of_50_mb_is_not_held_in_memory(tmp_path: Path, figures: Figures) -> None:
    """A process that plans all of its rows needs less than a tenth more memory than for one of a
    hundredth."""
    aliases = ";".join(f"Alias {number} {'x' * 60}" for number in range(12))
    peaks = []
    for rows in (600, 60_000):
        file = tmp_path / f"{rows}.csv"
        with file.open("w") as content:
            content.write("name,email,aliases\n")
            content.writelines(f"FedEx,c{number}@fedex.com,{aliases}\n" for number in range(rows))
        peaks.append(peak_of_plan(file, tmp_path / f"{rows}.sqlite3"))
    size = file.stat().st_size / 1_000_000
    assert size > 50
    assert peaks[1] < peaks[0] * 1.1
    figures.add(
        f"the plan of an import of {rows:,} rows, {size:.0f} MB, sqlite",
        1,
        f"at most {peaks[1] / 1024:.1f} MB of memory; {peaks[0] / 1024:.1f} MB for 600 such rows",
    )


def peak_of_plan(file: Path, store: Path) -> int:
    """How many KiB a process that plans all rows of the file has at most."""
    command, environment = process_of("import", str(file), "--dry-run", "--json")
    environment = {**environment, **bare(), "SQLITE_PATH": str(store)}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss
