"""Which lists a row of a view is in on Cassandra. Pure functions; used by `rows`.

A list is one term in one order, or one short prefix in the order of names: thin rows by key and
carrier. Other prefixes are looked up in an index of words, whose matches are put in order when they
are read; if there are too many, the list of the prefix's beginning is full of what is looked for.
Each list is one more write for each carrier in it, so there is one for few lengths only.
The lists of an order share LIST_SHARDS partitions: a commit of many rows is few writes, and a
view can be dropped without a search for its partitions. No list is split: with a million carriers,
the one of all takes about 70 MB before compression.
"""

import json
import zlib
from collections.abc import Iterator

from app.application.ports.views import SORTS, WHOLE_SORTS, Row, RowChange, View

LIST_SHARDS = 128
LISTED_SORT = "name"
"""The order in which prefixes have lists."""

LISTED_PREFIXES = (2, 4)
"""Their lengths."""

INDEXED_PREFIX = 3
"""From this length on, a prefix can be looked up in the index of words."""

LONGEST_WORD = 100
"""What follows in a word is not looked at: a key in Cassandra has at most 64 KB."""

WORDS = "words"
"""Stands in the place of an order for the index of words."""

Entry = tuple[str, str, str, str]
"""That a row is in a list: the list's partition and name, the row's key and carrier. A word is a
list of its own in the index of words, where the key holds those of all WHOLE_SORTS."""


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


def prefix_list(prefix: str) -> str | None:
    """The name of the list of what has a word with this prefix, or one that begins so; None if
    there is none."""
    lengths = [length for length in LISTED_PREFIXES if length <= len(prefix)]
    return f"^{prefix[: lengths[-1]]}" if lengths else None


def list_part(view: View, sort: str, name: str) -> str:
    """The partition of a list."""
    return _part(view, sort, zlib.crc32(name.encode()) % LIST_SHARDS)


def word_part(view: View, word: str) -> str:
    """The partition of all words that begin as this one does."""
    return list_part(view, WORDS, word[:INDEXED_PREFIX])


def parts(view: View) -> Iterator[str]:
    """All partitions that a view has."""
    return (_part(view, sort, n) for sort in (*SORTS, WORDS) for n in range(LIST_SHARDS))


def _part(view: View, sort: str, shard: int) -> str:
    return f"{view.projection}/{view.generation}/{sort}/{shard}"


def _entries(view: View, row: Row) -> set[Entry]:
    if not row.keys:
        return set()
    words = {word[:LONGEST_WORD] for word in row.words}
    entries = {
        (list_part(view, sort, name), name, row.keys[sort], row.carrier_id)
        for sort in SORTS
        if sort in row.keys
        for name in map(term_list, row.terms_in(sort))
    }
    prefixes = {
        f"^{word[:length]}" for word in words for length in LISTED_PREFIXES if length <= len(word)
    }
    entries |= {
        (list_part(view, LISTED_SORT, name), name, row.keys[LISTED_SORT], row.carrier_id)
        for name in prefixes
    }
    keys = json.dumps([row.keys[sort] for sort in WHOLE_SORTS], ensure_ascii=False)
    return entries | {
        (word_part(view, word), word, keys, row.carrier_id)
        for word in words
        if len(word) >= INDEXED_PREFIX
    }
