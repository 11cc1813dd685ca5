"""What every view store has to do. A store's own tests subclass `ViewStoreContract`.

Every test takes a projection of its own, so all of them can share one store.
"""

from contextlib import suppress

import pytest

from app.application.ports.views import (
    Changes,
    Discarded,
    Generations,
    Overtaken,
    Parked,
    Progress,
    View,
    ViewStore,
)
from tests.contracts.view_generations import ViewGenerationsContract
from tests.contracts.view_rows import ViewRowsContract
from tests.support.stores import soon
from tests.support.threads import at_once
from tests.support.views import Written, new, parked, row, without_source


class ViewStoreContract(ViewRowsContract, ViewGenerationsContract):
    """Subclasses give one fixture: `views`, a store that may have any number of views."""

    def test_a_projection_that_was_never_seen_is_empty(
        self, views: ViewStore, projection: str
    ) -> None:
        """No generation is live; there is nothing in any, and asking does not change that."""
        live = Written(views, View(projection, 1))
        for _ in range(2):
            assert views.generations(projection, soon()) == Generations()
            assert projection not in views.projections(soon())
            assert live.progress() == Progress()
            assert live.counts() == {}
            assert live.counts("status:active") == {}
            assert live.rows("a") == {}
            assert live.find() == []
            assert live.starting("fed") in ([], None)
            assert views.discarded(live.view, soon()) == []
            assert views.request(live.view, "a", None, soon()) is None

    def test_what_was_committed_is_there(self, live: Written) -> None:
        """Checkpoint, rows, counts and parked streams; those not named are left out."""
        stopped = parked("c", 3)
        live.commit(
            Changes(7, new(row("a"), row("b", version=2)), {"all": 2, "gone": 0}, [stopped])
        )
        progress = live.progress()
        assert (progress.checkpoint, progress.parked) == (7, {"c": stopped})
        assert progress.revision != 0
        assert live.rows("a", "b", "c") == without_source({"a": row("a"), "b": row("b", version=2)})
        assert live.rows() == {}
        assert live.counts() == {"all": 2, "gone": 0}
        assert live.counts("all", "never") == {"all": 2}

    def test_views_do_not_see_each_other(self, views: ViewStore, live: Written) -> None:
        """Neither another projection nor another generation."""
        live.commit(Changes(1, new(row("a")), {"all": 1}, [parked("b")]))
        for view in (View(f"{live.view.projection}x", 1), View(live.view.projection, 2)):
            other = Written(views, view)
            assert other.progress() == Progress()
            assert (other.counts(), other.rows("a"), other.find()) == ({}, {}, [])
            assert other.starting("fed") in ([], None)

    def test_counts_are_absolute(self, live: Written) -> None:
        """The last one written is the one that holds; the others stay as they were."""
        live.commit(Changes(1, counts={"a": 1, "b": 5}))
        live.commit(Changes(2, counts={"a": 3}))
        live.commit(Changes(3))
        assert live.counts() == {"a": 3, "b": 5}
        assert live.progress().checkpoint == 3

    def test_a_commit_on_an_old_base_is_overtaken(self, live: Written) -> None:
        """Counts, parked and discarded events and the checkpoint stay as they were."""
        before = live.commit(Changes(1, new(row("a")), {"all": 1}, [parked("p")]))
        after = live.progress()
        for base in (before, Progress(1, after.revision + 1), Progress(1, after.revision + 7)):
            with pytest.raises(Overtaken):
                live.commit(
                    Changes(
                        9,
                        new(row("a")),
                        {"all": 9, "more": 1},
                        [parked("q")],
                        ["p"],
                        [Discarded("p", 1, "wrong")],
                    ),
                    base,
                )
        assert live.progress() == after
        assert live.counts() == {"all": 1}
        assert live.views.discarded(live.view, soon()) == []

    def test_a_repeated_commit_changes_nothing(self, live: Written) -> None:
        """It is overtaken by its own first try; the revision says so to whoever looks."""
        changes = Changes(1, new(row("a")), {"all": 1})
        base = live.commit(changes)
        after = live.progress()
        assert after.revision != base.revision
        with pytest.raises(Overtaken):
            live.commit(changes, base)
        assert live.progress() == after
        assert (live.counts(), live.ids()) == ({"all": 1}, ["a"])

    def test_of_commits_at_once_one_counts(self, live: Written) -> None:
        """Eight projectors from one base: one gets through, seven are overtaken."""
        base = live.progress()

        def race(number: int) -> bool:
            with suppress(Overtaken):
                live.commit(Changes(number + 1, new(row("a")), {"winner": number}), base)
                return True
            return False

        (winner,) = [number for number, won in enumerate(at_once(8, race)) if won]
        assert live.progress().checkpoint == winner + 1
        assert live.counts() == {"winner": winner}
        assert live.ids() == ["a"]

    def test_a_stream_is_parked_and_released(self, live: Written) -> None:
        """It can be changed by a later commit, and is gone when it is released."""
        live.commit(Changes(1, parked=[parked("a"), parked("b")]))
        moved = Parked("a", 1, 11, "still so", 4)
        live.commit(Changes(2, parked=[moved]))
        assert live.progress().parked == {"a": moved, "b": parked("b")}
        live.commit(Changes(3, released=["a", "never"]))
        assert live.progress().parked == {"b": parked("b")}
        assert live.views.request(live.view, "a", None, soon()) is None

    @pytest.mark.parametrize("discard", [None, "The event is wrong: it's a 'test'"])
    def test_another_try_can_be_asked_for(self, live: Written, discard: str | None) -> None:
        """The projector reads it with the progress; asking again changes what was asked for."""
        live.commit(Changes(1, parked=[parked("a"), parked("b")]))
        asked = live.views.request(live.view, "a", "another reason", soon())
        assert asked is not None
        asked = live.views.request(live.view, "a", discard, soon())
        assert asked is not None
        assert asked.retry
        assert asked.discard == discard
        assert asked == Parked("a", 1, 11, parked("a").reason, 1, retry=True, discard=discard)
        assert live.progress().parked == {"a": asked, "b": parked("b")}
        assert live.progress().checkpoint == 1

    def test_a_request_is_not_missed(self, live: Written) -> None:
        """A commit that began before it is overtaken, unless it found nothing to ask for."""
        live.commit(Changes(1, counts={"n": 1}, parked=[parked("a")]))
        before = live.progress()
        live.views.request(live.view, "a", None, soon())
        with pytest.raises(Overtaken):
            live.commit(Changes(2, counts={"n": 2}, released=["a"]), before)
        assert live.counts() == {"n": 1}
        before = live.progress()
        assert live.views.request(live.view, "unknown", "why", soon()) is None
        live.commit(Changes(2, released=["a"]), before)
        assert live.progress().parked == {}

    def test_discarded_events_are_remembered(self, live: Written) -> None:
        """With their reasons, whatever the stream is called."""
        gone = [
            Discarded("a", 2, "wrong"),
            Discarded("a", 10, "wrong, too: Größe"),
            Discarded("b/1 '🚚'", 1, "?"),
        ]
        live.commit(Changes(1, discarded=gone[:1]))
        live.commit(Changes(2, discarded=gone[1:]))
        live.commit(Changes(3))
        key = {(each.stream, each.version) for each in gone}
        assert live.progress().discarded == key
        found = live.views.discarded(live.view, soon())
        assert sorted(found, key=lambda each: (each.stream, each.version)) == gone

    def test_a_view_holds_many_counts(self, live: Written) -> None:
        """A thousand, written in several commits or in one, and read at once."""
        wanted = {f"country:{number}": number for number in range(1_000)}
        for first in range(0, 1_000, 250):
            part = dict(list(wanted.items())[first : first + 250])
            live.commit(Changes(first + 250, counts=part))
        assert live.counts() == wanted
        wanted = {key: number + 1 for key, number in wanted.items()}
        live.commit(Changes(1_001, counts=wanted))
        assert live.counts() == wanted
        assert live.counts(*list(wanted)[:50]) == dict(list(wanted.items())[:50])

    def test_many_streams_can_be_parked(self, live: Written) -> None:
        """As when a whole batch cannot be applied: no commit is too large for what it parks."""
        stopped = {f"stream {number}": parked(f"stream {number}") for number in range(600)}
        live.commit(Changes(600, parked=list(stopped.values())))
        assert live.progress().parked == stopped
        live.commit(Changes(601, released=list(stopped)))
        assert live.progress().parked == {}
