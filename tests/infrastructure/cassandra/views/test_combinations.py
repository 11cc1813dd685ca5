"""What the index is asked for, against what rows are found by: nothing that matches is missed."""

from hypothesis import given
from hypothesis import strategies as st

from app.application.ports.views import Row
from app.infrastructure.cassandra.views.indexed import (
    LONGEST_PREFIX,
    MOST_ALTERNATIVES,
    MOST_VALUES,
    combinations,
    found_by,
)

terms = st.frozensets(st.sampled_from(["all", *"abcdefghij"]), min_size=1, max_size=9)
words = st.frozensets(st.text("xyz", min_size=1, max_size=LONGEST_PREFIX + 3), max_size=4)


@given(
    of=st.builds(lambda terms, words: Row("a", 1, "{}", {}, terms | {"all"}, words), terms, words),
    conditions=st.lists(terms, max_size=5),
    data=st.data(),
)
def test_what_matches_has_all_of_one_combination(
    of: Row, conditions: list[frozenset[str]], data: st.DataObject
) -> None:
    """A row that has a term of each condition, and a word for each prefix, is found. What is asked
    for stays within its bounds, but for one condition that is wide by itself."""
    prefixes = set()
    for word in of.words:
        prefixes.add(word[: data.draw(st.integers(1, len(word)))])
    fitting = [each for each in conditions if each & of.terms]
    asked = combinations(fitting, prefixes)
    values = found_by(of)
    assert any(values.issuperset(each) for each in asked)
    assert max(map(len, asked)) <= MOST_VALUES
    assert len(asked) <= max(MOST_ALTERNATIVES, *map(len, [*fitting, ()]))


def test_every_row_is_asked_for_without_the_index() -> None:
    """Its list would hold all rows."""
    assert combinations([{"all"}], []) == [()]
    assert combinations([{"all", "b"}, {"c"}], ["x"]) == [("^x", "=c")]
