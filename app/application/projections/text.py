"""How a search compares text: without case, accents and other differences of spelling.

Used for a view's words and sort keys, and for the text of a search. Pure; imports no other module
of the app.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

# Letters that Unicode does not decompose, and that people often write without their strokes.
# (Case folding makes ss of ß. Müller is found as "muller", not as "mueller": in most languages the
# two dots are no e.)
_LETTERS = str.maketrans(
    {
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ħ": "h",
        "ŧ": "t",
        "ı": "i",  # noqa: RUF001 - the one without a dot
    }
)

# Marks of these classes (none, nukta, kana voicing, virama) spell another letter: か is not が.
_SPELLING = frozenset({0, 7, 8, 9})

_ASCII_WORD = re.compile("[a-z0-9]+")


class _Characters(dict[int, str | None]):
    """What `str.translate` makes of each character, found out once for each of the first
    characters that come by: nearly all text has the same few hundred of them, and nobody can fill
    the memory with the others."""

    _KNOWN = 4096

    def __init__(self, made_of: Callable[[str], str | None]) -> None:
        super().__init__()
        self._made_of = made_of

    def __missing__(self, code: int) -> str | None:
        made = self._made_of(chr(code))
        if len(self) < self._KNOWN:
            self[code] = made
        return made


def folded(text: str) -> str:
    """The form of `text` that all its spellings share: compatibility forms, case, accents,
    invisible characters and the amount of white space make no difference. Folding is idempotent."""
    return " ".join(text.lower().split()) if text.isascii() else _folded(text)


def words(text: str) -> list[str]:
    """The folded words of `text`, in order. Every character that is no letter, digit or mark
    separates words, so a script without spaces has long ones."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    return folded(text).translate(_IN_WORDS).split()


# A row's name is folded for its order, its words and its likeness, one after the other.
@lru_cache(maxsize=16)
def _folded(text: str) -> str:
    # Folding case can undo the normal form, and the normal form the folding.
    cased = unicodedata.normalize("NFKD", text.casefold()).casefold().translate(_LETTERS)
    bare = unicodedata.normalize("NFKD", cased).translate(_BARE)
    return " ".join(unicodedata.normalize("NFKC", bare).split())


def _bare(character: str) -> str | None:
    spells = unicodedata.combining(character) in _SPELLING
    return character if spells and unicodedata.category(character) != "Cf" else None


def _in_words(character: str) -> str:
    belongs = character.isalnum() or unicodedata.category(character)[0] == "M"
    return character if belongs else " "


_BARE = _Characters(_bare)
_IN_WORDS = _Characters(_in_words)
