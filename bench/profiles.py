"""Beside the ratios: where the CPU time goes, function by function.

`python -m bench.profiles` prints a table for each KIND, or for those that are named. All is done by
one thread in one process, so that Python's profiler sees all of it: no gunicorn, no sockets. The
profiler makes calls dearer than what they do: trust the order of the functions, and shares roughly.
Files are in memory, where the system has a folder for that: nobody waits for a disk.
"""

import cProfile
import json
import os
import pstats
import sys
import tempfile
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from werkzeug.test import run_wsgi_app

from app import create_app
from app.bootstrap import build_services
from app.infrastructure.observability import json_logging
from app.infrastructure.sqlite.event_store import SqliteEventStore
from app.infrastructure.sqlite.feed import SqliteFeed
from app.infrastructure.sqlite.views.store import REBUILD_BATCH, SqliteViewStore
from bench import carriers, views
from bench.answering import environ_of
from bench.load import new_carrier
from bench.report import in_columns
from bench.rounds import say
from bench.servers import ROOT
from config.settings import Settings

REGISTRATIONS = 3_000
CARRIERS = 20_000
FIRST = 25
"""Lines of a table."""

_IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
_PARTS = 12
_WARM_UP = 200
_HEAD = ("share", "with all it calls", "calls each", "function")
_LIBRARIES = ("site-packages", f"python{sys.version_info[0]}.{sys.version_info[1]}")


def registration(folder: Path) -> tuple[cProfile.Profile, int]:
    """A registration from its WSGI environment to its answer, with its access line but for the
    writing of it, which a thread of its own does."""
    settings = Settings(sqlite_path=folder / "events.sqlite3", log_dir=folder / "logs")
    json_logging.configure("info", settings.log_dir)
    json_logging.start_background_writer()
    profile = cProfile.Profile()
    with closing(build_services(settings)) as services:
        app = create_app(settings, services)
        for number in range(_WARM_UP + REGISTRATIONS):
            environ = _environ()
            if number >= _WARM_UP:
                profile.enable()
            answer, status, _ = run_wsgi_app(app.wsgi_app, environ)
            profile.disable()
            if not status.startswith("201 "):
                raise RuntimeError(b"".join(answer).decode())
    json_logging.stop_background_writer()
    return profile, REGISTRATIONS


def rebuild(folder: Path) -> tuple[cProfile.Profile, int]:
    """A rebuild of `carriers` on SQLite, an event."""
    path = folder / "events.sqlite3"
    events = carriers.into_sqlite(path, CARRIERS, views.PROFILES)
    with ExitStack() as opened:
        store = opened.enter_context(closing(SqliteEventStore(path)))
        feed = opened.enter_context(closing(SqliteFeed(path)))
        kept = opened.enter_context(closing(SqliteViewStore(folder / "views.sqlite3")))
        new = views.projectors(feed, kept, store)
        views.fill(new("carriers"), kept, feed, REBUILD_BATCH)
        profile = cProfile.Profile()
        with profile:
            views.rebuilt(new("carriers"), kept, feed, REBUILD_BATCH)
    return profile, events


KINDS: Mapping[str, Callable[[Path], tuple[cProfile.Profile, int]]] = {
    "registration": registration,
    "rebuild": rebuild,
}


def main(arguments: Sequence[str]) -> None:
    """Print the tables."""
    parser = ArgumentParser("python -m bench.profiles", description=__doc__.partition("\n")[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}; or all")
    chosen = parser.parse_args(arguments).kinds
    if unknown := set(chosen) - KINDS.keys():
        parser.error(f"there is no profile of {', '.join(sorted(unknown))}")
    for name in chosen or KINDS:
        with tempfile.TemporaryDirectory(prefix="bench-", dir=_IN_MEMORY) as folder:
            say(f"profiling {name} …")
            with _errors_to(Path(folder) / "errors.log"):
                profile, times = KINDS[name](Path(folder))
        print(f"{name}: {times:,} times\n{table(profile, times)}\n\n{parts(profile)}\n")


def table(profile: cProfile.Profile, times: int) -> str:
    """The functions that take the most time by themselves: their share of all, the same with all
    that they call, how often each of the `times` calls them, and where they are."""
    found = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    total = sum(own for _, _, own, _, _ in found.values())
    by_own = sorted(found.items(), key=lambda each: -each[1][2])[:FIRST]
    lines = [
        (f"{own / total:.1%}", f"{whole / total:.1%}", f"{calls / times:.1f}", _named(*function))
        for function, (_, calls, own, whole, _) in by_own
    ]
    return in_columns([_HEAD, *lines])


def parts(profile: cProfile.Profile) -> str:
    """What each library and each layer of ours takes by itself. What is written in C counts for who
    calls it, as far as that is Python; SQLite for itself."""
    found = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    taken: Counter[str] = Counter()
    for function, (_, _, own, _, callers) in found.items():
        if function[1] or not callers or "sqlite3" in function[2]:
            taken[_part(*function)] += own
            continue
        for caller, (_, _, of_caller, _) in callers.items():
            taken[_part(*caller)] += of_caller
    total = taken.total()
    shares = [
        (part, f"{own / total:.0%}") for part, own in taken.most_common() if own > total / 200
    ]
    return in_columns([("part", "share"), *shares])


def _part(path: str, line: int, name: str) -> str:
    if not line:
        return "sqlite3" if "sqlite3" in name else "built in"
    *folders, file = _named(path, line, "").rstrip(":").split("/")
    if folders and folders[0] == "app":
        return "/".join(folders[:2])
    if "/site-packages/" in path:
        return folders[0] if folders else file
    return "bench" if folders and folders[0] == "bench" else "standard library"


def _named(path: str, line: int, name: str) -> str:
    if not line:
        return name
    for library in _LIBRARIES:
        path = path.rpartition(f"/{library}/")[2]
    return f"{path.removeprefix(f'{ROOT}/')}:{name}"


def _environ() -> dict[str, Any]:
    name, email = new_carrier()
    body = json.dumps({"name": name, "email": email}).encode()
    return environ_of("POST", "/register-carrier", "", body)


@contextmanager
def _errors_to(path: Path) -> Iterator[None]:
    """The log goes to standard error, too: into this file for as long as it lasts."""
    before = os.dup(2)
    with path.open("wb") as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(before, 2)
            os.close(before)


if __name__ == "__main__":
    main(sys.argv[1:])
