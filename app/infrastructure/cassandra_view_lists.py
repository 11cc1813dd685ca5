"""Which lists a row of a view is in on Cassandra. Pure functions; used by `cassandra_view_rows`.

A list is one term, or one short prefix, in one order: thin rows by key and carrier. For prefixes
that are longer than LISTED_PREFIX there is an index of words, whose matches are put in order when
they are read; if there are too many, the list of the prefix's beginning is full of what is looked
for. The lists of an order share LIST_SHARDS partitions: a commit of many rows is few writes, and a
view can be dropped without a search for its partitions. No list is split: with a million carriers,
the one of all takes about 70 MB before compression.
"""

import json
import zlib
from collections.abc import Iterator

from app.application.views import SORTS, Row, RowChange, View

LIST_SHARDS = 128
LISTED_PREFIX = 4
"""Up to this length each prefix has a list in each order."""

LONGEST_WORD = 100
"""What follows in a word is not looked at: a key in Cassandra has at most 64 KB."""

WORDS = "words"
"""Stands in the place of an order for the index of words."""

Entry = tuple[str, str, str, str]
"""That a row is in a list: the list's partition and name, the row's key and carrier. A word is a
list of its own in the index of words, where the key holds those of all orders."""


def moves(view: View, change: RowChange) -> tuple[set[Entry], set[Entry]]:
    """What to take out of the lists and what to put in, at the version of the new row.

    What it had before may never have been written (a row that is new and changed in one commit), or
    may be taken out late, by a projector that has stopped in between. So all that it has is put in,
    also what it had before; and all that it had at any version since the last commit is taken out.
    """
    now = _entries(view, change.row)
    ever = {entry for row in change.was for entry in _entries(view, row)}
    return ever - now, now


def term_list(term: str) -> str:
    """The name of the list of what has the term."""
    return f"={term}"


def prefix_list(prefix: str) -> str:
    """The name of the list of what has a word with this prefix, or one that begins so."""
    return f"^{prefix[:LISTED_PREFIX]}"


def list_part(view: View, sort: str, name: str) -> str:
    """The partition of a list."""
    return _part(view, sort, zlib.crc32(name.encode()) % LIST_SHARDS)


def word_part(view: View, word: str) -> str:
    """The partition of all words that begin as this one does."""
    return list_part(view, WORDS, word[:LISTED_PREFIX])


def parts(view: View) -> Iterator[str]:
    """All partitions that a view has."""
    return (_part(view, sort, n) for sort in (*SORTS, WORDS) for n in range(LIST_SHARDS))


def _part(view: View, sort: str, shard: int) -> str:
    return f"{view.projection}/{view.generation}/{sort}/{shard}"


def _entries(view: View, row: Row) -> set[Entry]:
    if not row.keys:
        return set()
    words = {word[:LONGEST_WORD] for word in row.words}
    names = {term_list(term) for term in row.terms}
    names |= {prefix_list(word[:end]) for word in words for end in range(1, LISTED_PREFIX + 1)}
    entries = {
        (list_part(view, sort, name), name, row.keys[sort], row.carrier_id)
        for sort in SORTS
        for name in names
    }
    keys = json.dumps([row.keys[sort] for sort in SORTS], ensure_ascii=False)
    return entries | {
        (word_part(view, word), word, keys, row.carrier_id)
        for word in words
        if len(word) > LISTED_PREFIX
    }
