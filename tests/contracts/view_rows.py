"""What every view store has to do with rows, and with the orders that they are found in."""

from dataclasses import replace

import pytest

from app.application.ports.views import (
    SHARED_SORT,
    Changes,
    Discarded,
    Overtaken,
    Place,
    Progress,
    Row,
    RowChange,
)
from tests.support.stores import soon
from tests.support.views import ALL, OneProjection, Written, new, parked, row, without_source

ODD_TEXTS = [
    "'",
    '"',
    "*",
    "%",
    "_",
    "\\",
    "a*",
    '"a" OR',
    "a-b",
    "a:b",
    "(",
    "NEAR",
    "ß",
    "日本",
    "🚚",
]


class ViewRowsContract(OneProjection):
    """The part of `ViewStoreContract` that is about rows."""

    def test_rows_are_found_in_order(self, live: Written) -> None:
        """By code points of the key, then by the carrier's id."""
        names = ["b", "a", "é", "z", "Z", "aa", "a b", "🚚", "\uffff", "a"]
        live.put(*new(*(row(f"id{number}", name) for number, name in enumerate(names))))
        expected = sorted((name, f"id{number}") for number, name in enumerate(names))
        assert live.find() == expected
        assert live.find(sort="registered_at") == [
            ("2026-01-01", f"id{number}") for number in range(len(names))
        ]

    def test_a_row_stands_only_in_orders_of_which_it_has_a_key(self, live: Written) -> None:
        """It comes and goes with the key; words are not put in that order."""
        first = row("a", "alpha", next_expiry="2026-12-31")
        live.put(*new(first, row("b", "beta")))
        assert live.find(sort="next_expiry") == [("2026-12-31", "a")]
        second = row("a", "alpha", 2, next_expiry="2027-12-31")
        live.put(RowChange(second, [first]), *new(row("c", "gamma", next_expiry="2027-01-01")))
        assert live.find(sort="next_expiry") == [("2027-01-01", "c"), ("2027-12-31", "a")]
        live.put(RowChange(row("a", "alpha", 3), [second]))
        assert live.find(sort="next_expiry") == [("2027-01-01", "c")]
        assert [each for _, each in live.find()] == ["a", "b", "c"]
        found = live.views.find_prefix(live.view, "next_expiry", "gam", None, 9, soon())
        assert found is None

    def test_shared_terms_find_a_row_in_one_order(self, live: Written) -> None:
        """They come and go with the row's as its other terms do."""
        first = row("a", shared=["phone:1", "domain:fedex.com"])
        live.put(*new(first, row("b", version=2, shared=["phone:1"])))
        assert live.ids("phone:1", sort=SHARED_SORT) == ["a", "b"]
        assert live.ids("domain:fedex.com", "phone:1") == []
        live.put(RowChange(row("a", version=3, shared=["phone:2"]), [first]))
        assert live.ids("phone:1", sort=SHARED_SORT) == ["b"]
        assert live.ids("domain:fedex.com", "phone:2", sort=SHARED_SORT) == ["a"]

    def test_places_are_given_in_pages(self, live: Written) -> None:
        """Behind `after`, which need not exist, and as many as are asked for."""
        live.put(*new(*(row(f"id{number}", f"n{number // 3}") for number in range(9))))
        places = live.find()
        assert live.find(limit=4) == places[:4]
        assert live.find(after=places[3], limit=4) == places[4:8]
        assert live.find(after=places[7], limit=4) == places[8:]
        assert live.find(after=places[8]) == []
        assert live.find(after=("n0", "id9")) == places[3:]
        assert live.find(after=("n1", "")) == places[3:]
        assert live.find(after=("", "")) == places

    def test_terms_are_alternatives(self, live: Written) -> None:
        """What has any of them, each once, in one order, over pages too; unknown ones give none."""
        live.put(
            *new(
                row("a", "n1", terms=["country:DE", "country:FR"]),
                row("b", "n2", terms=["country:FR"]),
                row("c", "n3", terms=["country:DE"]),
                row("d", "n4", terms=["country:IT", "it's", "ünï"]),
            )
        )
        assert live.ids("country:DE") == ["a", "c"]
        assert live.ids("country:FR", "country:DE", "country:DE") == ["a", "b", "c"]
        assert live.ids("country:IT", "country:XX", "country:FR") == ["a", "b", "d"]
        assert live.find("country:FR", "country:DE", limit=2) == [("n1", "a"), ("n2", "b")]
        assert live.find("country:FR", "country:DE", after=("n1", "a")) == [
            ("n2", "b"),
            ("n3", "c"),
        ]
        assert live.ids("country:X", "country:D", "country") == []
        assert live.ids("it's") == live.ids("ünï") == ["d"]

    def test_a_row_is_not_found_by_what_it_was(self, live: Written) -> None:
        """Neither by its former key, terms and words, nor by those of the rows in between."""
        first = row("a", "old name", 1, [ALL, "status:new"])
        second = row("a", "brief spell", 2, [ALL, "status:brief"])
        third = row("a", "modern title", 3, [ALL, "status:modern"])
        other = row("b", "old brief", 1, [ALL, "status:new", "status:brief"])
        live.put(*new(first, other))
        live.put(RowChange(third, [first, second]))
        assert live.find() == [("modern title", "a"), ("old brief", "b")]
        assert live.ids(sort="registered_at") == ["b", "a"]
        assert live.ids("status:new") == live.ids("status:brief") == ["b"]
        assert live.ids("status:modern") == ["a"]
        for prefix in ("old", "name", "brief", "spell"):
            assert "a" not in {carrier_id for _, carrier_id in live.starting(prefix) or ()}
        assert live.has_prefix("mod", ("modern title", "a"))
        assert live.has_prefix("bri", ("old brief", "b"))
        assert live.rows("a") == without_source({"a": third})

    def test_a_row_can_be_new_and_changed_in_one_commit(self, live: Written) -> None:
        """It is found by all that it is now, also by what it was before already."""
        first = row("a", "one", 1, [ALL, "status:new"], ["one", "shared"])
        second = row("a", "one", 2, [ALL, "status:active"], ["shared", "two"])
        live.put(RowChange(second, [first]))
        assert (live.find(), live.ids("status:active")) == ([("one", "a")], ["a"])
        assert live.ids("status:new") == []
        assert live.has_prefix("sha", ("one", "a"))

    def test_what_a_row_has_again_finds_it_again(self, live: Written) -> None:
        """Whether it was without it at a commit or between two."""
        first = row("a", "one", 1, [ALL, "status:active"])
        second = row("a", "two", 2, [ALL, "status:resting"])
        third = row("a", "one", 3, [ALL, "status:active"])
        live.put(RowChange(first))
        live.put(RowChange(third, [first, second]))
        assert (live.ids("status:active"), live.ids("status:resting")) == (["a"], [])
        assert live.has_prefix("one", ("one", "a"))
        fourth = row("a", "two", 4, [ALL, "status:resting"])
        live.put(RowChange(fourth, [third]))
        assert (live.ids("status:active"), live.ids("status:resting")) == ([], ["a"])
        assert live.find() == [("two", "a")]
        assert live.has_prefix("two", ("two", "a"))

    def test_a_late_writer_changes_nothing(self, live: Written) -> None:
        """A projector that was paused comes with an old base, long after others have gone on: it
        is overtaken, and neither its rows nor what it takes out of the orders can be seen."""
        states = [
            row("a", "one", 1, [ALL, "status:active"], ["one", "shared"]),
            row("a", "two", 2, [ALL, "status:resting"], ["two"]),
            row("a", "one", 3, [ALL, "status:active"], ["one", "shared"]),
            row("a", "four", 4, [ALL, "status:active"], ["four", "shared"]),
        ]
        live.put(RowChange(states[0]))
        late = live.progress()
        live.put(RowChange(states[2], states[:2]))
        between = live.progress()
        live.put(RowChange(states[3], [states[2]]))
        for base, change in (
            (Progress(), RowChange(states[0])),
            (Progress(), RowChange(states[1], states[:1])),
            (late, RowChange(states[1], states[:1])),
            (late, RowChange(states[2], states[:2])),
            (between, RowChange(states[3], [states[2]])),
        ):
            with pytest.raises(Overtaken):
                live.commit(Changes(9, [change]), base)
        assert live.rows("a") == without_source({"a": states[3]})
        assert live.find() == [("four", "a")]
        assert live.find("status:active") == [("four", "a")]
        assert live.find("status:resting") == []
        assert live.find(sort="registered_at") == [("2026-01-04", "a")]
        assert live.has_prefix("sha", ("four", "a"))
        assert live.starting("two") in ([], None)
        assert live.starting("one") in ([], None)

    def test_a_late_writer_takes_away_nothing_that_others_found_unchanged(
        self, live: Written
    ) -> None:
        """The term was gone in a version that only the late one has stopped at: whoever took both
        versions at once saw it before and after."""
        states = [
            row("a", "one", 1, [ALL, "status:active"]),
            row("a", "one", 2, [ALL]),
            row("a", "one", 3, [ALL, "status:active"]),
        ]
        live.put(RowChange(states[0]))
        late = live.progress()
        live.put(RowChange(states[2], states[:2]))
        with pytest.raises(Overtaken):
            live.commit(Changes(2, [RowChange(states[1], states[:1])]), late)
        assert live.ids("status:active") == ["a"]

    def test_what_was_discarded_is_not_shown_by_a_late_writer_that_can_apply_it(
        self, live: Written
    ) -> None:
        """Of a newer release, say, beside one that has parked the stream: the row without that
        event is of the same version, or of a lower one, and prevails with all that finds it."""
        first = row("a", "alpha", 1, [ALL, "status:active"])
        applied = row("a", "zulu", 2, [ALL, "status:resting"])
        ahead = row("a", "zulu", 3, [ALL, "status:resting"])
        live.put(RowChange(first))
        late = live.progress()
        live.commit(Changes(2, parked=[parked("a", 2)]))
        for change in (RowChange(applied, [first]), RowChange(ahead, [first, applied])):
            with pytest.raises(Overtaken):
                live.commit(Changes(3, [change]), late)
        without = replace(row("a", "alpha", 2, [ALL, "status:active"]), discarded=1)
        discarded = [Discarded("a", 2, "wrong")]
        live.commit(Changes(2, [RowChange(without, [first])], released=["a"], discarded=discarded))
        with pytest.raises(Overtaken):
            live.commit(Changes(3, [RowChange(ahead, [first, applied])]), late)
        assert live.rows("a") == without_source({"a": without})
        place = (without.keys["name"], "a")
        assert place in live.find()
        assert place in live.find("status:active")
        assert live.has_prefix("alph", place)
        assert (without.keys["registered_at"], "a") in live.find(sort="registered_at")

    def test_a_prefix_finds_every_row_with_such_a_word(self, live: Written) -> None:
        """Of any length, whole words too; in order, in pages. More may be found, never fewer."""
        live.put(
            *new(
                row("a", "transcontinental freight"),
                row("b", "transport"),
                row("c", "international transit"),
                row("d", "übersee größe"),
                row("e", "日本通運 🚚"),
                row("f", "x" * 300),
            )
        )
        places = {carrier_id: key for key, carrier_id in live.find()}
        for prefix, expected in {
            "t": "abc",
            "tr": "abc",
            "trans": "abc",
            "transp": "b",
            "transport": "b",
            "transcontinental": "a",
            "fre": "a",
            "international": "c",
            "ü": "d",
            "größe": "d",
            "日": "e",
            "日本通": "e",
            "🚚": "e",
            "x" * 250: "f",
        }.items():
            found = live.starting(prefix)
            if found is None:
                continue
            wanted = [(places[carrier_id], carrier_id) for carrier_id in expected]
            assert {*wanted} <= {*found}
            assert found == sorted(set(found))
            assert live.starting(prefix, limit=1) == found[:1]
            assert live.starting(prefix, after=found[0]) == found[1:]
            by_date = live.starting(prefix, sort="registered_at")
            assert by_date is None or by_date == sorted(set(by_date))
            assert by_date is None or {each for _, each in by_date} >= {*expected}

    def test_a_prefix_is_not_found_where_there_is_none(self, live: Written) -> None:
        """Short ones exactly: neither the middle of a word nor another word."""
        live.put(*new(row("a", "fedex express"), row("b", "ups")))
        for prefix in ("edex", "xpress", "fex", "zzz"):
            assert live.starting(prefix) in ([], None)
        assert live.starting("fed") in ([("fedex express", "a")], None)

    def test_all_words_together_find_the_rows_with_each(self, live: Written) -> None:
        """In order, in pages, and no row that lacks one of them; or the store has no such way."""
        live.put(
            *new(
                row("a", "alpha cargo group"),
                row("b", "beta cargo"),
                row("c", "gamma group"),
                row("d", "delta große gruppe cargolift"),
            )
        )

        def having(
            *words: str, sort: str = "name", after: Place | None = None, limit: int = 9
        ) -> list[str] | None:
            found = live.views.find_words(live.view, sort, words, after, limit, soon())
            return None if found is None else [carrier_id for _, carrier_id in found]

        assert having("cargo", "group") in (["a"], None)
        assert having("car", "gr") in (["a", "d"], None)
        assert having("car", "gr", limit=1) in (["a"], None)
        assert having("car", "gr", after=("alpha cargo group", "a")) in (["d"], None)
        assert having("cargo", "zzz") in ([], None)
        assert having("große", "carg", sort="registered_at") in (["d"], None)
        assert having("cargo", "group", sort="next_expiry") is None

    @pytest.mark.parametrize("text", ODD_TEXTS)
    def test_an_odd_prefix_is_only_text(self, live: Written, text: str) -> None:
        """It finds the word that begins with it, and never fails."""
        live.put(*new(row("a", "one", words=["one"]), row("b", "odd", words=[f"{text}x"])))
        assert live.has_prefix(text, ("odd", "b"))
        assert live.has_prefix(f"{text}x", ("odd", "b"))
        words = [text, f"{text}x"]
        found = live.views.find_words(live.view, "name", words, None, 9, soon())
        assert found in ([("odd", "b")], None)

    def test_a_view_holds_long_texts(self, live: Written) -> None:
        """Bodies and reasons of a quarter of a million characters."""
        body = "Größe '\"\\ 🚚" * 20_000
        long = Row("a", 1, body, {"name": "a", "registered_at": "b"}, frozenset([ALL]))
        stopped = parked("b", reason=body)
        live.commit(Changes(1, new(long), parked=[stopped], discarded=[Discarded("c", 1, body)]))
        assert live.rows("a") == without_source({"a": long})
        assert live.progress().parked == {"b": stopped}
        assert live.views.discarded(live.view, soon()) == [Discarded("c", 1, body)]

    def test_a_batch_holds_many_rows(self, live: Written) -> None:
        """Three hundred in one commit; all are there, in order."""
        rows = [row(f"id{number}", f"name {number:03}") for number in range(300)]
        live.put(*new(*rows))
        assert live.find(limit=1_000) == [(each.keys["name"], each.carrier_id) for each in rows]
        ids = [each.carrier_id for each in rows]
        assert live.rows(*ids) == without_source({each.carrier_id: each for each in rows})
