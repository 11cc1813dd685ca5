"""How a search compares text: without case, accents and other differences of spelling.

Used for a view's words and sort keys, and for the text of a search. Pure; imports no other module
of the app.
"""

import re
import unicodedata

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


def folded(text: str) -> str:
    """The form of `text` that all its spellings share: compatibility forms, case, accents,
    invisible characters and the amount of white space make no difference. Folding is idempotent."""
    if text.isascii():
        return " ".join(text.lower().split())
    # Folding case can undo the normal form, and the normal form the folding.
    cased = unicodedata.normalize("NFKD", text.casefold()).casefold().translate(_LETTERS)
    bare = "".join(filter(_is_kept, unicodedata.normalize("NFKD", cased)))
    return " ".join(unicodedata.normalize("NFKC", bare).split())


def words(text: str) -> list[str]:
    """The folded words of `text`, in order. Every character that is no letter, digit or mark
    separates words, so a script without spaces has long ones."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    return "".join(c if _belongs_to_a_word(c) else " " for c in folded(text)).split()


def _is_kept(character: str) -> bool:
    return unicodedata.combining(character) in _SPELLING and unicodedata.category(character) != "Cf"


def _belongs_to_a_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character)[0] == "M"
