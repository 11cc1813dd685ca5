"""The file of views: deleted, replaced, damaged, of other events; what it holds is made anew."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from uuid import uuid4

import pytest

from app.application.ports.errors import StoreUnavailable
from app.application.ports.event_store import NO_STREAM
from app.application.ports.views import Changes, Generations, Overtaken, Progress, View
from app.infrastructure.sqlite.event_store import SqliteEventStore
from app.infrastructure.sqlite.registry import SqliteRegistry
from app.infrastructure.sqlite.views.file import MAX_SET_ASIDE
from app.infrastructure.sqlite.views.store import SqliteViewStore
from tests.support.stores import commit, soon
from tests.support.threads import at_once
from tests.support.views import new, row


class Registry:
    """A file of events, and stores on its file of views: one a process."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "events.sqlite3"
        self.views_path = folder / "events.sqlite3.views.sqlite3"
        self._opened: list[SqliteRegistry | SqliteViewStore] = []

    def append(self, count: int = 1) -> None:
        """So many events."""
        with closing(SqliteEventStore(self.path)) as store:
            for _ in range(count):
                commit_id, events = commit()
                store.append(str(uuid4()), NO_STREAM, events, commit_id, soon())

    def views(self) -> SqliteViewStore:
        """A store of another process."""
        registry = SqliteRegistry(self.path)
        self._opened += [registry, SqliteViewStore(self.views_path, registry)]
        return self._opened[-1]  # type: ignore[return-value]

    def close(self) -> None:
        """Close all."""
        while self._opened:
            self._opened.pop().close()

    def aside(self) -> list[Path]:
        """The damaged files that were set aside, without their logs."""
        return sorted(self.views_path.parent.glob(f"{self.views_path.name}.damaged-*Z"))


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """With three events."""
    made = Registry(tmp_path / "var")
    made.append(3)
    yield made
    made.close()


def is_made(views: SqliteViewStore) -> bool:
    """Whether readers are given a view."""
    return views.generations("carriers", soon()).live is not None


def live(views: SqliteViewStore) -> View:
    """The generation that readers are given; where there is none, an empty one is made live."""
    with suppress(Overtaken):
        views.swap(views.begin_first("carriers", [], soon()), soon())
    return View("carriers", views.generations("carriers", soon()).live or 0)


def fill(views: SqliteViewStore, checkpoint: int = 3) -> View:
    """Bring the live view to that position, with a row."""
    view = live(views)
    progress = views.progress(view, soon())
    views.commit(view, progress, Changes(checkpoint, new(row("a"))), soon())
    return view


def test_a_new_file_gives_readers_nothing(registry: Registry) -> None:
    """Until a view was built in it. Its generations have numbers that no former file had."""
    views = registry.views()
    assert not is_made(views)
    assert views.begin("carriers", soon()).generation > 1


def test_the_first_file_of_a_registry_counts_from_the_start(tmp_path: Path) -> None:
    """There were no events yet, so there was no other file before."""
    registry = Registry(tmp_path)
    registry.append(0)
    assert live(registry.views()) == View("carriers", 1)
    registry.close()


@pytest.mark.parametrize("companions", [True, False])
def test_a_deleted_file_is_noticed_at_once(registry: Registry, *, companions: bool) -> None:
    """By each process that had it open, whether or not its log went with it; what is there then
    is not filled, and its generations have other numbers."""
    stores = [registry.views(), registry.views()]
    before = fill(stores[0])
    assert stores[1].rows(before, ["a"], soon())
    registry.views_path.unlink()
    if companions:
        for each in registry.views_path.parent.glob(f"{registry.views_path.name}-*"):
            each.unlink()
    assert [is_made(store) for store in stores] == [False, False]
    after = live(stores[0])
    assert live(stores[1]) == after != before
    assert stores[1].rows(before, ["a"], soon()) == {}
    fill(stores[1])
    assert [list(store.rows(after, ["a"], soon())) for store in stores] == [["a"], ["a"]]
    with closing(sqlite3.connect(registry.views_path)) as other:
        assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_log_that_is_deleted_is_noticed(registry: Registry) -> None:
    """Whoever opens the file then would begin another log beside the one in use."""
    stores = [registry.views(), registry.views()]
    fill(stores[0])
    registry.views_path.with_name(f"{registry.views_path.name}-wal").unlink()
    stores.append(registry.views())
    assert not any(map(is_made, reversed(stores)))
    fill(stores[1])
    assert all(map(is_made, stores))


def test_processes_that_notice_at_once_make_one_file(registry: Registry) -> None:
    """None undoes what another has begun."""
    stores = [registry.views() for _ in range(6)]
    for store in stores:
        live(store)
    for _ in range(5):
        registry.views_path.unlink()
        found = at_once(6, lambda number: live(stores[number]))
        assert len(set(found)) == 1
        assert list(registry.views_path.parent.glob(".*")) == []


def test_a_file_that_was_put_in_its_place_is_looked_at(registry: Registry, tmp_path: Path) -> None:
    """That of another registry is not answered from."""
    other = Registry(tmp_path / "other")
    other.append(5)
    fill(other.views(), 5)
    other.close()
    views = registry.views()
    fill(views)
    registry.views_path.unlink()
    shutil.copy(other.views_path, registry.views_path)
    assert not is_made(views)
    assert views.progress(live(views), soon()) == Progress()


def test_an_older_copy_of_the_events_is_recognised_after_it_has_caught_up(
    registry: Registry,
) -> None:
    """It has as many events again, but others: the views of those that are lost do not answer."""
    views = registry.views()
    before = fill(views)
    registry.close()
    copy = registry.path.with_name("copy")
    with closing(sqlite3.connect(registry.path)) as database:
        database.execute("VACUUM INTO ?", [str(copy)])
    registry.append(2)
    fill(registry.views(), 5)
    registry.close()
    copy.replace(registry.path)
    registry.append(2)
    views = registry.views()
    assert not is_made(views)
    assert live(views) != before


def test_the_same_events_keep_their_views(registry: Registry) -> None:
    """Also as a copy under the same name."""
    view = fill(registry.views())
    registry.close()
    shutil.copy(registry.path, registry.path.with_name("copy"))
    registry.path.with_name("copy").replace(registry.path)
    views = registry.views()
    assert views.generations("carriers", soon()) == Generations(view.generation)
    assert list(views.rows(view, ["a"], soon())) == ["a"]


@pytest.mark.parametrize("size", [140, 5000])
def test_a_damaged_file_is_set_aside_and_made_anew(
    registry: Registry, caplog: pytest.LogCaptureFixture, size: int
) -> None:
    """At the first use of a process; one line names it, and the file is kept."""
    fill(registry.views())
    registry.close()
    with registry.views_path.open("r+b") as file:
        file.write(b"garbage!" * (size // 8))
    views = registry.views()
    assert not is_made(views)
    (aside,) = registry.aside()
    assert aside.read_bytes().startswith(b"garbage!")
    lines = [each.getMessage() for each in caplog.records if "is damaged" in each.getMessage()]
    assert len(lines) == 1
    assert str(registry.views_path) in lines[0]


def test_processes_that_find_the_damage_at_once_set_one_file_aside(registry: Registry) -> None:
    """The sound one that the first has made is not taken for the damaged one."""
    fill(registry.views())
    registry.close()
    registry.views_path.write_bytes(b"garbage!" * 1000)
    stores = [registry.views() for _ in range(6)]
    found = at_once(6, lambda number: live(stores[number]))
    assert len(set(found)) == 1
    assert len(registry.aside()) == 1


def test_a_page_that_is_damaged_later_is_noticed_when_it_is_read(registry: Registry) -> None:
    """Who reads it is told that the store is unavailable; who comes next finds another file."""
    views = registry.views()
    view = fill(views)
    rows = new(*(row(f"id{number}", f"name {number} {'x' * 500}") for number in range(500)))
    views.commit(view, views.progress(view, soon()), Changes(3, rows), soon())
    registry.close()
    views = registry.views()
    live(views)
    size = registry.views_path.stat().st_size
    with registry.views_path.open("r+b") as file:
        file.seek(20 * 4096)
        file.write(b"\xff" * (size - 20 * 4096))
    with pytest.raises(StoreUnavailable):
        views.rows(view, [f"id{number}" for number in range(500)], soon())
    assert len(registry.aside()) == 1
    assert not is_made(views)


def test_a_truncated_file_is_made_anew(registry: Registry) -> None:
    """Whether by one who has it open or by one who opens it."""
    views = registry.views()
    fill(views)
    registry.close()
    views = registry.views()
    live(views)
    with registry.views_path.open("r+b") as file:
        file.truncate(0)
    later = registry.views()
    assert not is_made(later)
    assert not is_made(views)


def test_a_file_that_cannot_be_made_makes_views_unavailable(registry: Registry) -> None:
    """The sentence names it; as soon as it can be made, it is."""
    registry.views_path.mkdir()
    views = registry.views()
    with pytest.raises(StoreUnavailable, match=registry.views_path.name):
        live(views)
    registry.views_path.rmdir()
    assert not is_made(views)


def test_damaged_files_do_not_fill_the_disk(registry: Registry) -> None:
    """Only the latest are kept."""
    for _ in range(MAX_SET_ASIDE + 2):
        registry.views_path.write_bytes(b"garbage!" * 1000)
        live(registry.views())
        registry.close()
    assert len(registry.aside()) == MAX_SET_ASIDE


def test_the_revision_of_a_lost_view_does_not_come_again(registry: Registry) -> None:
    """Whoever kept it could take another view for the one that it was of."""
    revisions = set()
    for _ in range(2):
        views = registry.views()
        revisions.add(views.progress(fill(views), soon()).revision)
        registry.close()
        registry.views_path.unlink()
    assert len(revisions) == 2
