"""An import's rows beside the same as single commands, in process: each of either is done once."""

import io
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

from app.api.schemas.imports import read_values
from app.application.command_context import CommandContext
from app.application.deadline import Deadline
from app.application.imports.columns import guessed
from app.application.imports.file import inspected
from app.application.imports.run import Import
from app.application.services import Services
from app.bootstrap import build_services
from app.domain.command import Declaration
from app.domain.commands.change_email import DECLARATION as CHANGE_EMAIL
from app.domain.commands.register import DECLARATION
from app.domain.commands.rename import DECLARATION as RENAME
from bench.carriers import duns, rare_word
from bench.report import PER_SECOND, Measure
from bench.rounds import Pair, Run, interleaved
from config.settings import Settings
from tests.support.cassandra_node import Node
from tests.support.stores import KEYSPACE, make_keyspace

ROWS = 100
"""In one measurement: few, as on a machine with others at work both have to take turns often."""

AIM = 0.7

Rows = Callable[[Services], Iterator[None]]
"""Prepares, yields, and then does so many rows."""

_numbers = count()


def on_sqlite(_: Sequence[str], run: Run) -> list[Measure]:
    """Over a file of its own."""
    folder = run.folder / "imports"
    folder.mkdir()
    with _opened(Settings(app_env="testing", sqlite_path=folder / "events.sqlite3")) as services:
        measures = interleaved(_pairs(services, "SQLite"), run.rounds)
    shutil.rmtree(folder)
    return measures


def on_cassandra(node: Node, _: Sequence[str], run: Run) -> list[Measure]:
    """Over a keyspace of its own."""
    make_keyspace(node)
    settings = Settings(
        app_env="testing",
        event_store="cassandra",
        cassandra_hosts=(node.host,),
        cassandra_port=node.port,
        cassandra_keyspace=KEYSPACE,
        sqlite_path=Path("unused"),
    )
    with _opened(settings) as services:
        return interleaved(_pairs(services, "Cassandra"), run.rounds)


@contextmanager
def _opened(settings: Settings) -> Iterator[Services]:
    services = build_services(settings, follows=False)
    try:
        yield services
    finally:
        services.close()


def _pairs(services: Services, store: str) -> list[Pair]:
    def pair(what: str, rows: Rows, commands: Rows) -> Pair:
        measure = Measure("n", f"import of {what}, {store}", AIM, PER_SECOND)
        return measure, lambda: _rate(rows, services), lambda: _rate(commands, services)

    def changes(
        what: str, declaration: Declaration, field: str, value_for: Callable[[str], str]
    ) -> Pair:
        rows = partial(_changed, field, value_for)
        return pair(what, rows, partial(_changed_one_by_one, declaration, field, value_for))

    return [
        pair("new carriers", _imported, _sent),
        changes("carriers' other names", RENAME, "name", lambda _: "Other"),
        # Of each of these is asked whose it is.
        changes("carriers' other addresses", CHANGE_EMAIL, "email", "{}@x.com".format),
    ]


def _rate(rows: Rows, services: Services) -> float:
    """Before the clock runs, what is renamed is registered."""
    work = rows(services)
    next(work)
    started = time.perf_counter()
    assert not list(work)
    return ROWS / (time.perf_counter() - started)


def _bodies() -> Iterator[dict[str, Any]]:
    for _ in range(ROWS):
        number = next(_numbers)
        yield {
            "name": rare_word(number).title(),
            "email": f"office{number}@{rare_word(number)}.com",
            "phone": "+498912345678",
            "aliases": [duns(number)],
        }


def _imported(services: Services) -> Iterator[None]:
    lines = "".join(
        f"{each['name']},{each['email']},{each['phone']},{each['aliases'][0]}\n"
        for each in _bodies()
    )
    yield
    _apply(services, f"name,email,phone,aliases\n{lines}")


def _sent(services: Services) -> Iterator[None]:
    """As a client's requests are read and dispatched, each with an id of its own. A registration is
    done once by that alone."""
    yield
    _register(services)


def _changed(field: str, value_for: Callable[[str], str], services: Services) -> Iterator[None]:
    lines = "".join(f"{each},{value_for(each)}\n" for each in _register(services))
    yield
    _apply(services, f"carrier_id,{field}\n{lines}")


def _changed_one_by_one(
    declaration: Declaration, field: str, value_for: Callable[[str], str], services: Services
) -> Iterator[None]:
    """By requests with an idempotency key: as a row, such a change is done once."""
    ids = _register(services)
    yield
    for carrier_id in ids:
        command = declaration.made(carrier_id, read_values({field: value_for(carrier_id)}))
        services.bus.dispatch(command, _context(fingerprint="0" * 64))


def _apply(services: Services, text: str) -> None:
    content = text.encode()
    file = inspected(lambda: io.BytesIO(content))
    one = Import(
        file, guessed(file.header), services, read_values, "bench", lambda: Deadline.after(30)
    )
    assert all(plan.done for _, plan in one.applied())


def _register(services: Services) -> list[str]:
    commands = (DECLARATION.made("", read_values(body)) for body in _bodies())
    return [services.bus.dispatch(each, _context()).stream for each in commands]


def _context(fingerprint: str | None = None) -> CommandContext:
    return CommandContext(uuid4(), uuid4().hex, "bench", Deadline.after(30), fingerprint)
