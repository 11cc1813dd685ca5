"""What every view store has to do with generations: begin, swap, drop and compare."""

from contextlib import nullcontext

import pytest

from app.application.directory.pages import STATISTICS, Directory
from app.application.directory.query import CARRIERS, Query
from app.application.ports.views import (
    Changes,
    Discarded,
    Generations,
    Overtaken,
    Progress,
    RowChange,
    View,
    ViewStore,
)
from app.application.projections import PROJECTIONS
from tests.support.directory import carrier
from tests.support.stores import soon
from tests.support.threads import at_once
from tests.support.views import OneProjection, Written, made_live, new, parked, row, without_source


class ViewGenerationsContract(OneProjection):
    """The part of `ViewStoreContract` that is about generations."""

    def test_the_first_generation_is_live_only_once_it_is_swapped_in(
        self, views: ViewStore, projection: str
    ) -> None:
        """While it is being built, nobody is given anything; all who begin build the same one."""
        gone = Discarded("a", 1, "wrong")
        first = views.begin_first(projection, [gone], soon())
        assert views.begin_first(projection, [], soon()) == first == View(projection, 1)
        assert views.begin(projection, soon()) == first
        assert views.generations(projection, soon()) == Generations(None, 1)
        assert views.discarded(first, soon()) == [gone]
        Written(views, first).put(*new(row("a")))
        assert views.generations(projection, soon()) == Generations(None, 1)
        views.swap(first, soon())
        assert views.generations(projection, soon()) == Generations(1)
        assert projection in views.projections(soon())
        with pytest.raises(Overtaken):
            views.begin_first(projection, [], soon())
        assert views.generations(projection, soon()) == Generations(1)

    def test_a_projection_that_is_abandoned_gives_nobody_anything(
        self, views: ViewStore, live: Written, projection: str
    ) -> None:
        """All its generations are named, to be dropped; the next one has a number of its own."""
        live.put(*new(row("a")))
        building = views.begin(projection, soon())
        Written(views, building).put(*new(row("b")))
        for _ in range(2):
            assert views.abandon(projection, soon()) == [live.view, building]
            assert views.generations(projection, soon()) == Generations()
        for view in (live.view, building):
            views.drop(view, soon())
        assert views.abandon(projection, soon()) == []
        assert projection not in views.projections(soon())
        with pytest.raises(Overtaken):
            live.commit(Changes(2, new(row("c"))), Progress(1, 1))
        again = Written(views, views.begin(projection, soon()))
        assert again.view.generation == 3
        assert (again.ids(), again.progress().checkpoint) == ([], 0)

    def test_a_new_generation_is_built_beside_the_live_one(
        self, views: ViewStore, live: Written, projection: str
    ) -> None:
        """It is empty but for the discarded events; whoever begins again is given the same one."""
        gone = Discarded("b", 2, "wrong")
        live.commit(Changes(5, new(row("a")), {"all": 1}, [parked("c")], discarded=[gone]))
        view = views.begin(projection, soon())
        assert view.generation > 1
        assert views.generations(projection, soon()) == Generations(1, view.generation)
        building = Written(views, view)
        assert views.discarded(view, soon()) == [gone]
        began = building.progress()
        assert (began.checkpoint, began.parked) == (0, {})
        assert began.discarded == frozenset({("b", 2)})
        assert (building.counts(), building.rows("a"), building.find()) == ({}, {}, [])
        building.put(*new(row("z")))
        assert views.begin(projection, soon()) == view
        assert (building.ids(), live.ids()) == (["z"], ["a"])
        assert building.progress().checkpoint == 1

    def test_all_who_begin_at_once_build_the_same_generation(
        self, views: ViewStore, live: Written, projection: str
    ) -> None:
        """And none finds it without the discarded events."""
        live.commit(Changes(1, discarded=[Discarded("a", 1, "wrong")]))

        def begin(_: int) -> tuple[View, int]:
            view = views.begin(projection, soon())
            return view, len(views.discarded(view, soon()))

        (only,) = set(at_once(4, begin))
        assert only == (View(projection, only[0].generation), 1)

    def test_a_generation_that_is_swapped_is_live(
        self, views: ViewStore, live: Written, projection: str
    ) -> None:
        """The former one can still be read; a second swap is overtaken; the next one is new."""
        live.put(*new(row("a")))
        view = views.begin(projection, soon())
        built = Written(views, view)
        built.put(*new(row("b")))
        views.swap(view, soon())
        assert views.generations(projection, soon()) == Generations(view.generation)
        assert (live.ids(), built.ids()) == (["a"], ["b"])
        for wrong in (view, live.view, View(projection, view.generation + 1)):
            with pytest.raises(Overtaken):
                views.swap(wrong, soon())
        assert views.generations(projection, soon()) == Generations(view.generation)
        assert views.begin(projection, soon()).generation > view.generation

    def test_a_generation_is_forgotten(
        self, views: ViewStore, live: Written, projection: str
    ) -> None:
        """All of it, as often as one likes, and no other; who still writes to it is overtaken."""
        live.commit(
            Changes(1, new(row("a")), {"all": 1}, [parked("b")], discarded=[Discarded("c", 1, "?")])
        )
        before = live.progress()
        view = views.begin(projection, soon())
        built = Written(views, view)
        built.commit(Changes(1, new(row("a")), {"all": 1}))
        views.swap(view, soon())
        for _ in range(2):
            views.drop(live.view, soon())
            assert live.progress().checkpoint == 0
            assert (live.progress().parked, live.progress().discarded) == ({}, frozenset())
            assert (live.counts(), live.rows("a"), live.find()) == ({}, {}, [])
            assert live.starting("fed") in ([], None)
            assert views.discarded(live.view, soon()) == []
        with pytest.raises(Overtaken):
            live.commit(Changes(2, new(row("a"), row("b")), {"all": 2}), before)
        assert (live.counts(), live.rows("a", "b"), live.find()) == ({}, {}, [])
        assert views.generations(projection, soon()) == Generations(view.generation)
        assert (built.ids(), built.counts()) == (["a"], {"all": 1})
        assert built.rows("a") == without_source({"a": row("a")})
        assert views.discarded(view, soon()) == [Discarded("c", 1, "?")]

    def test_a_generation_can_be_given_up(
        self, views: ViewStore, live: Written, projection: str
    ) -> None:
        """Dropped while it is built, it is gone; the next one is another, and empty."""
        live.put(*new(row("a")))
        view = views.begin(projection, soon())
        Written(views, view).commit(Changes(1, new(row("b")), {"all": 1}))
        views.drop(view, soon())
        assert views.generations(projection, soon()) == Generations(1)
        with pytest.raises(Overtaken):
            views.swap(view, soon())
        again = Written(views, views.begin(projection, soon()))
        assert again.view.generation > view.generation
        assert (again.ids(), again.counts(), again.progress().checkpoint) == ([], {}, 0)
        assert live.ids() == ["a"]

    def test_the_live_generation_is_never_dropped(
        self, views: ViewStore, live: Written, projection: str
    ) -> None:
        """Somebody may have swapped it meanwhile: it is overtaken, and stays whole."""
        live.commit(Changes(1, new(row("a")), {"all": 1}))
        view = views.begin(projection, soon())
        Written(views, view).put(*new(row("b")))
        with pytest.raises(Overtaken):
            views.drop(live.view, soon())
        assert (live.ids(), live.counts()) == (["a"], {"all": 1})
        views.swap(view, soon())
        with pytest.raises(Overtaken):
            views.drop(view, soon())
        assert Written(views, view).ids() == ["b"]

    def test_differences_are_counted(
        self, views: ViewStore, live: Written, projection: str
    ) -> None:
        """Rows and counts that only one view has, or that are not the same; whichever is first."""
        rows = [row(f"id{number}", f"name {number}") for number in range(12)]
        live.commit(Changes(12, new(*rows), {"all": 12, "zero": 0}))
        other = Written(views, views.begin(projection, soon()))
        assert views.differences(live.view, other.view, soon()) == 14
        other.commit(Changes(6, new(*rows[:6])))
        other.commit(Changes(12, new(*rows[6:]), {"all": 12, "zero": 0}))
        assert views.differences(live.view, other.view, soon()) == 0
        assert views.differences(live.view, live.view, soon()) == 0
        other.commit(
            Changes(
                15,
                [RowChange(row("id0", "another", 2), [rows[0]]), *new(row("only here"))],
                {"all": 13, "new": 1},
            )
        )
        assert views.differences(live.view, other.view, soon()) == 4
        assert views.differences(other.view, live.view, soon()) == 4

    def test_whoever_reads_a_generation_that_is_dropped_is_given_the_next(
        self, views: ViewStore
    ) -> None:
        """Whole, however short the time since the readers asked which one is live."""
        directory = Directory(views, lambda: None, nullcontext)
        for name in (CARRIERS, STATISTICS):
            key = PROJECTIONS[name].key
            live = View(key, views.generations(key, soon()).live or 0)
            if not live.generation:
                live = made_live(views, key)
            changes = Changes(1, new(carrier(1, "FedEx")), {"total": 1})
            Written(views, live).commit(changes)
            before = told(directory, name)
            assert before
            built = views.begin(key, soon())
            Written(views, built).commit(changes)
            views.swap(built, soon())
            views.drop(live, soon())
            assert told(directory, name) == before
            assert directory.standing(name, soon()).view == built


def told(directory: Directory, projection: str) -> object:
    """What readers are given."""
    if projection == CARRIERS:
        return [body["name"] for body in directory.page(Query(), soon()).rows]
    return directory.counts(soon())
