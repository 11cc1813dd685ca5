"""What is written into lists, against a model of how Cassandra keeps what has timestamps."""

from hypothesis import given
from hypothesis import strategies as st

from app.application.ports.views import SORTS, WHOLE_SORTS, Row, RowChange, View
from app.infrastructure.cassandra.views.lists import (
    Entry,
    list_part,
    moves,
    parts,
    prefix_list,
    term_list,
    word_part,
)

VIEW = View("carriers", 1)


class Lists:
    """An entry is there or not by its latest write; of two at once, the deletion holds."""

    def __init__(self) -> None:
        self._writes: dict[Entry, tuple[int, bool]] = {}

    def write(self, change: RowChange, through_version: int | None = None) -> None:
        """All that the change writes, or only the beginning of it."""
        gone, came = moves(VIEW, change)
        wanted = [(entry, True) for entry in gone] + [(entry, False) for entry in came]
        for entry, deleted in sorted(wanted)[:through_version]:
            write = (change.row.version, deleted)
            self._writes[entry] = max(self._writes.get(entry, write), write)

    @property
    def entries(self) -> set[Entry]:
        """What is found."""
        return {entry for entry, (_, deleted) in self._writes.items() if not deleted}


def a_row(version: int, name: str, terms: frozenset[str], words: frozenset[str]) -> Row:
    """The same carrier at some version; by one of its names it stands in every order."""
    sorts = SORTS if name == "n" else WHOLE_SORTS
    return Row("a", version, "{}", dict.fromkeys(sorts, name), terms, words)


states = st.builds(
    lambda name, terms, words: (name, terms, words),
    st.sampled_from(["n", "m"]),
    st.frozensets(st.sampled_from(["all", "x", "y"])),
    st.frozensets(st.sampled_from(["word", "wording", "worship"])),
)


@given(data=st.data(), drawn=st.lists(states, min_size=1, max_size=7))
def test_whoever_writes_whatever_late_the_last_version_is_found(
    data: st.DataObject, drawn: list[tuple[str, frozenset[str], frozenset[str]]]
) -> None:
    """Any number of projectors, each from a version that somebody had written completely to any
    later one, some of them dying half way: in the end only what the last version says is found."""
    rows = [a_row(version, *state) for version, state in enumerate(drawn, 1)]
    written, lists, last = {0}, Lists(), len(rows)

    def write(start: int, end: int, through_version: int | None) -> None:
        was = rows[start - 1 : end - 1] if start else rows[: end - 1]
        lists.write(RowChange(rows[end - 1], was), through_version)
        if through_version is None:
            written.add(end)

    for _ in range(data.draw(st.integers(0, 6))):
        start = data.draw(st.sampled_from(sorted(written - {last}) or [0]))
        end = data.draw(st.integers(start + 1, last))
        write(start, end, data.draw(st.none() | st.integers(0, 12)))
    paused = [(start, end) for start in written for end in range(start + 1, last + 1)]
    if last not in written:
        write(max(written), last, None)
    for start, end in data.draw(st.lists(st.sampled_from(paused), max_size=4)) if paused else []:
        write(start, end, None)
    only_last = Lists()
    only_last.write(RowChange(rows[-1]))
    assert lists.entries == only_last.entries


def test_every_entry_is_in_one_of_the_view_s_partitions() -> None:
    """So that nothing is left behind where those are deleted; short words need no index."""
    row = a_row(1, "n", frozenset(["all"]), frozenset(["word", "wording", "é", "🚚" * 200]))
    _, came = moves(VIEW, RowChange(row))
    assert {part for part, *_ in came} <= {*parts(VIEW)}
    assert len({*parts(VIEW)}) == len(list(parts(VIEW)))
    names = {name for _, name, *_ in came}
    assert {term_list("all"), prefix_list("wordy"), prefix_list("wo"), "wording", "word"} <= names
    assert "é" not in names
    assert max(map(len, names)) < 101


def test_a_prefix_is_looked_up_where_its_words_are() -> None:
    """In the index of words, or in the list of how it begins; a single letter has neither."""
    assert word_part(VIEW, "wor") == word_part(VIEW, "wording")
    assert prefix_list("wording") == prefix_list("word") == "^word"
    assert prefix_list("wor") == prefix_list("wo") == "^wo"
    assert prefix_list("w") is None
    assert list_part(VIEW, "name", "^word") != list_part(VIEW, "registered_at", "^word")
