"""Beside the ratios: how long somebody at the desk waits, from a click to the finished page.

    python -m bench.desk [--carriers 100000] [--rounds 100] [--folder var/desk]

The service as `make run` serves it, on a SQLite file of so many carriers; a real Chromium in which
somebody has signed in and goes from screen to screen by clicks. A wait begins with the click, as
the browser dates it, and ends once the next page is loaded and painted. What is typed into the
search waits for the desk's pause first, which is not counted.

Service and browser share the machine's cores with whatever else runs: the load beside the figures
says with how much. A folder that is named keeps its registry for the next run, so one can be filled
with `--rounds 0` in the background, and measured by itself. Never give it a realtime class
(`chrt`): processes of Chromium can wait for each other by spinning, and nothing else runs then.
"""

import argparse
import os
import re
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from playwright.sync_api import Page

from app.application.ports.event_store import RecordedEvent
from app.application.ports.keys import Scope
from app.domain.command import CarrierEvent
from app.domain.commands.annotate import CarrierAnnotated
from app.domain.commands.file_document import CarrierDocumentFiled
from app.domain.commands.note_incident import CarrierIncidentNoted
from app.domain.commands.suspend import CarrierSuspended
from app.infrastructure.sqlite.keys import SqliteKeyStore
from bench import carriers, servers
from bench.rounds import say
from bench.views import fill_beside
from tests.support.browser import chromium, visit
from tests.support.keys import add_key

_FREQUENT = carriers.FREQUENT_WORD

AIM = 100.0
"""Milliseconds, of the median."""

_WARM_UP = 3
"""Rounds that do not count."""

_DOCUMENTS, _SUSPENDED, _INCIDENTS, _LONG = 5, 50, 100, 1000
"""One carrier in so many has documents, is suspended, had an incident lately, has NOTES."""

NOTES = 100
"""So many events beside the others are the history of some."""

_SAID = "waited "

# The browser's clock on both sides. What was loaded or swapped in is on the screen once a frame
# is over.
_WATCH = """
    const date = (stamp) => performance.timeOrigin + stamp;
    const begin = ({timeStamp}) => sessionStorage.setItem("begun", date(timeStamp));
    const say = () => {
        const begun = sessionStorage.getItem("begun");
        sessionStorage.removeItem("begun");  // each part that is swapped in finishes
        if (begun) console.debug("waited " + (date(performance.now()) - Number(begun)));
    };
    const finish = () => requestAnimationFrame(() => setTimeout(say));
    addEventListener("click", begin, {capture: true});
    addEventListener("load", finish);
    document.addEventListener("htmx:beforeRequest", (event) => {
        if (!event.detail.boosted) begin(event);
    });
    document.addEventListener("htmx:afterSettle", finish);
"""

Waits = Mapping[str, list[float]]
"""Milliseconds by what was clicked."""


def main() -> None:
    """Fill a registry, go round the desk, and print a line for each kind of click."""
    parser = argparse.ArgumentParser(prog="python -m bench.desk")
    parser.add_argument("--carriers", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--folder", type=Path, help="where the registry is, and stays")
    chosen = parser.parse_args()
    with _folder(chosen.folder) as folder:
        path = folder / "events.sqlite3"
        if not path.exists():
            _fill(path, chosen.carriers)
        if chosen.rounds:
            key = add_key(SqliteKeyStore(path), f"bench-{time.time_ns()}", Scope.ADMIN)
            with servers.ours_as_it_is(folder, {"WORKERS": None}) as server:
                _tell(chosen, _waits(f"http://127.0.0.1:{server.port}", key, chosen))


@contextmanager
def _folder(named: Path | None) -> Iterator[Path]:
    if named is not None:
        named.mkdir(parents=True, exist_ok=True)
        yield named
        return
    (servers.ROOT / "var").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=servers.ROOT / "var") as folder:
        yield Path(folder)


def _tell(chosen: argparse.Namespace, waits: Waits) -> None:
    load, *_ = os.getloadavg()
    print(
        f"{chosen.carriers:,} carriers, load {load:.1f} on {os.cpu_count()} cores, ms; aim {AIM:g}"
    )
    for what, each in waits.items():
        print(f"{what:32} p50 {median(each):7.1f}   p99 {_p99(each):7.1f}   of {len(each)}")


def _fill(path: Path, count: int) -> None:
    say(f"filling SQLite with {count:,} carriers …")
    events = carriers.insert(path, _recorded(count))
    say(f"… {events:,} events; making the views …")
    fill_beside(path)


def _recorded(count: int) -> Iterator[RecordedEvent]:
    for number in range(count):
        name, events = carriers.recorded(number, more=_more_of(number))
        for version, event in enumerate(events, 1):
            yield RecordedEvent(name, version, event)


def _more_of(number: int) -> Iterator[CarrierEvent]:
    """What the desk shows beside a carrier's name and profile."""
    today = datetime.now(UTC).date().isoformat()
    if number % _DOCUMENTS == 0:
        for document in (1, 2):
            limit = {"amount": "500000", "currency": "EUR"}
            yield CarrierDocumentFiled(
                document, "cargo-insurance", f"{number}", "Us", today, None, limit, None, None
            )
    if number % _LONG == 0:
        yield from (CarrierAnnotated(f"Call number {call}") for call in range(NOTES))
    if number % _INCIDENTS == 2:
        yield CarrierIncidentNoted("late", today, "Two days late")
    if number % _SUSPENDED == 1:
        yield CarrierSuspended("Papers are missing", "authority")


def _waits(origin: str, key: str, chosen: argparse.Namespace) -> Waits:
    waits: dict[str, list[float]] = defaultdict(list)
    with chromium() as browser, visit(browser, origin) as visiting:
        page = visiting.page
        page.add_init_script(_WATCH)
        page.goto(f"{origin}/desk/sign-in")
        page.fill("#key", key)
        page.get_by_role("button", name="Sign in").click()
        for number in range(_WARM_UP + chosen.rounds):
            word = carriers.rare_word(number * _LONG % chosen.carriers)
            for what, waited in _round(page, number, word):
                if number >= _WARM_UP:
                    waits[what].append(waited)
            if number % 10 == 0:
                say(f"round {number} of {_WARM_UP + chosen.rounds}")
    return waits


def _round(page: Page, number: int, word: str) -> Iterator[tuple[str, float]]:
    """What somebody does in turn; each with the milliseconds until the page is there."""
    bar, facets = page.locator("header.bar"), page.locator("#facets")
    search, rows = page.locator("#q"), page.locator(".rows tbody th a")
    all_carriers = bar.get_by_role("link", name="Carriers")
    yield "1 needs attention", _waited(page, bar.get_by_role("link", name="Needs attention").click)
    yield "2 carriers", _waited(page, all_carriers.click)
    yield "2 carriers: a frequent word", _waited(page, lambda: search.fill(_FREQUENT))
    yield "2 carriers", _waited(page, all_carriers.click)
    yield "2 carriers: next page", _waited(page, page.get_by_role("link", name="Next page").click)
    for value in ("Active", "Express", "Germany"):
        yield f"2 carriers: + {value}", _waited(page, facets.get_by_role("link", name=value).click)
    yield "2 carriers: + a frequent word", _waited(page, lambda: search.fill(_FREQUENT))
    yield "3 a carrier", _waited(page, rows.nth(number % rows.count()).click)
    yield "2 carriers", _waited(page, all_carriers.click)
    yield "2 carriers: a rare word", _waited(page, lambda: search.fill(word))
    yield f"3 a carrier of {NOTES} events", _waited(page, rows.click)
    timeline = page.get_by_role("link", name=re.compile("^All [0-9]+ event"))
    yield "4 its timeline", _waited(page, timeline.click)


def _waited(page: Page, act: Callable[[], object]) -> float:
    """The milliseconds that pass in the browser until the page is painted that `act` asks for."""
    with page.expect_console_message(lambda message: message.text.startswith(_SAID)) as told:
        act()
    return float(told.value.text.removeprefix(_SAID))


def _p99(waits: list[float]) -> float:
    return sorted(waits)[-max(1, len(waits) // 100) - (len(waits) >= 100)]


if __name__ == "__main__":
    main()
