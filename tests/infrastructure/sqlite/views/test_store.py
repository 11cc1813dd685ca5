"""The contract of view stores, on SQLite; and what only a file can do wrong."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

import pytest

from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.application.ports.views import (
    Changes,
    Overtaken,
    Progress,
    RowChange,
    View,
    ViewStore,
)
from app.infrastructure.sqlite.views import store as sqlite_views
from app.infrastructure.sqlite.views.rows import (
    FIND,
    IN_ORDER,
    MATCHES,
    MAX_MATCHES,
    REMOVE_PLACES,
    REMOVE_ROWS,
    SOME_PLACES,
    SOME_ROWS,
    remove_some,
)
from app.infrastructure.sqlite.views.store import SqliteViewStore
from tests.contracts.view_pages import ViewPagesContract
from tests.contracts.view_store import ViewStoreContract
from tests.support.stores import soon
from tests.support.threads import at_once
from tests.support.views import ALL, Written, made_live, new, row

LIVE = View("carriers", 1)
EVERYTHING = ("views", "rows", "places", "counts", "parked", "discarded")
COUNTING_PROCESS = """
import sys
from pathlib import Path
from app.application.deadline import Deadline
from app.application.ports.views import Changes, Overtaken, View
from app.infrastructure.sqlite.views.store import SqliteViewStore

views, view, done = SqliteViewStore(Path(sys.argv[1])), View("carriers", 1), 0
soon = Deadline.after(60)
while done < 25:
    base = views.progress(view, soon)
    count = views.counts(view, soon).get("n", 0)
    try:
        views.commit(view, base, Changes(base.checkpoint + 1, counts={"n": count + 1}), soon)
    except Overtaken:
        continue
    done += 1
views.close()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file in a folder that does not exist yet."""
    return tmp_path / "var" / "views.sqlite3"


@pytest.fixture
def views(path: Path) -> Iterator[SqliteViewStore]:
    """An empty store."""
    store = SqliteViewStore(path)
    yield store
    store.close()


@pytest.fixture
def live(views: SqliteViewStore) -> Written:
    """A view in it."""
    return Written(views, made_live(views))


class TestSqliteViewStore(ViewStoreContract):
    """All of the contract."""

    @pytest.fixture
    def views(self, views: SqliteViewStore) -> ViewStore:
        return views


class TestSqlitePages(ViewPagesContract):
    """Of the directory, over this store."""

    @pytest.fixture
    def views(self, views: SqliteViewStore) -> ViewStore:
        return views


def check_index(path: Path) -> None:
    """Raise if the index of words holds anything but the words of the rows."""
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("INSERT INTO word_index (word_index) VALUES ('integrity-check')")


def fill(views: SqliteViewStore, count: int) -> None:
    """Commit as many rows; all have the word `carrier`, and each one of its own."""
    rows = [row(f"id{number:05}", f"carrier no{number:05}") for number in range(count)]
    made_live(views)
    views.commit(LIVE, views.progress(LIVE, soon()), Changes(count, new(*rows)), soon(60))


def test_processes_that_race_lose_no_commit(path: Path, live: Written) -> None:
    """Each counts on from what it has read; whoever was overtaken reads again."""
    command = [sys.executable, "-c", COUNTING_PROCESS, str(path)]
    processes = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert live.counts() == {"n": 50}
    assert live.progress().checkpoint == 50


def test_stores_on_one_file_overtake_each_other(path: Path, live: Written) -> None:
    """Of four that commit rows at once, one is written; nothing of the others is."""

    def race(number: int) -> bool:
        store = SqliteViewStore(path)
        with suppress(Overtaken):
            rows = new(row("same", f"won by{number}"), row(f"id{number}", "mine"))
            store.commit(LIVE, Progress(), Changes(1, rows), soon())
            return True
        return False

    (winner,) = [number for number, won in enumerate(at_once(4, race)) if won]
    assert live.find() == [("mine", f"id{winner}"), (f"won by{winner}", "same")]
    check_index(path)


def test_a_file_can_be_made_by_several_at_once(path: Path) -> None:
    """All of them can use it."""
    stores = at_once(6, lambda _: SqliteViewStore(path))
    for number, store in enumerate(stores):
        view = made_live(store, f"p{number}")
        store.commit(view, Progress(), Changes(1, new(row("a"))), soon())
        store.close()


def test_a_locked_file_is_unavailable_in_time(
    views: SqliteViewStore, live: Written, path: Path
) -> None:
    """Who writes waits until its deadline, then fails with nothing written; readers never wait."""
    live.put(*new(row("a")))
    base = live.progress()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for write in (
            lambda: views.commit(LIVE, base, Changes(2, counts={"n": 1}), Deadline.after(0.05)),
            lambda: views.begin("carriers", Deadline.after(0.05)),
            lambda: views.request(LIVE, "a", None, Deadline.after(0.05)),
        ):
            with pytest.raises(StoreUnavailable):
                write()
        assert live.ids() == ["a"]
        assert live.starting("fed") == [("fedex", "a")]
        assert live.progress() == base
        other.execute("ROLLBACK")
    views.commit(LIVE, base, Changes(2, counts={"n": 1}), soon())


def test_a_closed_store_is_unavailable(views: SqliteViewStore) -> None:
    """For reading and for writing."""
    views.close()
    with pytest.raises(StoreUnavailable):
        views.progress(LIVE, soon())
    with pytest.raises(StoreUnavailable):
        views.begin("carriers", soon())


@pytest.mark.parametrize(
    "text", ["o'neil", "a b", "a\nb", "nul\x00x", "Äb-C", 'x" OR 1', "1v61", ""]
)
def test_every_text_is_one_word(live: Written, path: Path, text: str) -> None:
    """Whatever a tokenizer would make of it: it is found by all that it begins with."""
    live.put(*new(row("a", "found", words=[text]), row("b", "other", words=["zzz"])))
    for length in range(1, len(text) + 1):
        assert live.starting(text[:length]) == [("found", "a")]
    assert live.starting(f"{text}~") == []
    check_index(path)


def test_the_index_of_words_follows_the_rows(live: Written, path: Path) -> None:
    """Changed words, unchanged ones, and a row that comes as new though it is there."""
    first, second = row("a", "one two"), row("a", "one two", 2, [ALL, "more"])
    live.put(*new(first, row("b", "two three")))
    live.put(RowChange(second, [first]))
    live.put(RowChange(row("a", "four", 3), [second]), RowChange(row("c", "one")))
    live.put(RowChange(row("b", "five", 4)))
    check_index(path)
    assert [live.starting(word) for word in ("two", "four", "five", "on")] == [
        [],
        [("four", "a")],
        [("five", "b")],
        [("one", "c")],
    ]


def test_too_many_matches_are_not_put_in_order(views: SqliteViewStore, live: Written) -> None:
    """As many as the limit still are; a single one more, and they have to be found another way."""
    fill(views, MAX_MATCHES)
    assert len(live.starting("carrier", limit=MAX_MATCHES) or ()) == MAX_MATCHES
    live.put(*new(row("more", "carrier")))
    assert live.starting("car") is None
    assert live.starting("no0001") == [(f"carrier no0001{n}", f"id0001{n}") for n in range(10)]


def test_a_dropped_view_leaves_nothing_behind(
    views: SqliteViewStore, live: Written, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is removed in parts; whoever is stopped in between leaves nothing that can be seen, and
    who repeats it removes the rest. The live view stays as it is."""
    live.put(*new(row("kept")))
    view = views.begin("carriers", soon())
    built = Written(views, view)
    built.put(*new(*(row(f"id{number}", f"n {number}") for number in range(25))))
    monkeypatch.setattr(sqlite_views, "_CHUNK", 10)
    parts = []

    def stopped(connection: sqlite3.Connection, number: int, maximum: int) -> bool:
        parts.append(maximum)
        if len(parts) == 2:
            raise sqlite3.OperationalError("interrupted")
        return remove_some(connection, number, maximum)

    monkeypatch.setattr(sqlite_views, "remove_some", stopped)
    with pytest.raises(StoreUnavailable):
        views.drop(view, soon())
    assert (built.find(), built.rows("id20"), built.starting("n")) == ([], {}, [])
    views.drop(view, soon())
    assert len(parts) == 4
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT carrier_id FROM rows").fetchall() == [("kept",)]
        assert other.execute("SELECT DISTINCT carrier_id FROM places").fetchall() == [("kept",)]
        assert other.execute("SELECT count(*) FROM word_list").fetchone() == (1,)
    check_index(path)
    assert live.starting("fed") == [("fedex", "kept")]


def test_who_builds_a_view_that_was_given_up_is_overtaken(views: SqliteViewStore) -> None:
    """Even before its first commit: it does not bring back what nobody would drop again."""
    view = views.begin("carriers", soon())
    views.drop(view, soon())
    for lost in (view, View("carriers", 99)):
        with pytest.raises(Overtaken):
            views.commit(lost, Progress(), Changes(1, new(row("a"))), soon())
    assert views.begin("carriers", soon()).generation > view.generation


def steps(path: Path, query: str, values: Sequence[object]) -> int:
    """How many tens of steps of SQLite's machine the query takes; the same on every machine."""
    taken = []
    with closing(sqlite3.connect(path)) as other:
        other.execute(query, values).fetchall()  # reads the schema
        other.set_progress_handler(lambda: taken.append(1), 10)
        assert other.execute(query, values).fetchall()
    return len(taken)


def test_a_page_costs_the_same_among_more_carriers(tmp_path: Path) -> None:
    """Ten times as many: neither what finds places nor what finds words takes more steps."""
    taken = []
    for count in (1_200, 12_000):
        path = tmp_path / f"{count}.sqlite3"
        store = SqliteViewStore(path)
        fill(store, count)
        store.close()
        with closing(sqlite3.connect(path)) as other:
            (view,) = other.execute("SELECT view FROM views").fetchone()
        place = ("carrier no00500", "id00500")
        taken.append(
            [
                steps(path, FIND, (view, 0, ALL, "", "", 51)),
                steps(path, FIND, (view, 0, ALL, *place, 51)),
                steps(path, MATCHES, (f"{view}v{b'car'.hex()}", f"{view}vg", MAX_MATCHES + 1)),
            ]
        )
    assert taken[0] == pytest.approx(taken[1], rel=0.02)


@pytest.mark.parametrize(
    ("query", "values", "plan"),
    [
        (FIND, 6, ["SEARCH places USING PRIMARY KEY (view=? AND sort=? AND term=? AND (key,"]),
        (
            IN_ORDER["name"],
            4,
            ["SEARCH rows USING INTEGER PRIMARY KEY (rowid=?)", "USE TEMP B-TREE FOR ORDER BY"],
        ),
        (SOME_ROWS, 2, ["SEARCH rows USING INDEX sqlite_autoindex_rows_1 (view=?)"]),
        (REMOVE_ROWS, 2, ["SEARCH rows USING INDEX sqlite_autoindex_rows_1 (view=? AND carrier"]),
        (SOME_PLACES, 2, ["SEARCH places USING PRIMARY KEY (view=?)"]),
        (REMOVE_PLACES, 5, ["SEARCH places USING PRIMARY KEY (view=? AND (sort,term,key,carrier"]),
    ],
)
def test_queries_go_by_key(
    views: SqliteViewStore, path: Path, query: str, values: int, plan: list[str]
) -> None:
    """A range of the primary key, in its order; or single rows by number."""
    views.open(soon())
    with closing(sqlite3.connect(path)) as other:
        lines = other.execute(f"EXPLAIN QUERY PLAN {query}", ("[]",) * values).fetchall()
    found = [line[3] for line in lines]
    assert not any(line.startswith("SCAN") and "json_each" not in line for line in found)
    assert {line for line in found if line.startswith("USE TEMP")} <= set(plan)
    for line in plan:
        assert any(each.startswith(line) for each in found), found
