"""How text is compared in a search: without case, accents and other differences of writing.

Used for what views are searched by and for what is searched. Pure; imports nothing of ours.
"""

import re
import unicodedata

# Letters that Unicode takes for letters of their own, and people write without their strokes.
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
    """`text` in the form that all its spellings share: compatibility forms, case, accents and
    invisible characters make no difference, nor does how much white space there is. Folding what
    is folded changes nothing."""
    if text.isascii():
        return " ".join(text.lower().split())
    # Folding case can undo the normal form, and the normal form the folding.
    cased = unicodedata.normalize("NFKD", text.casefold()).casefold().translate(_LETTERS)
    bare = "".join(filter(_is_kept, unicodedata.normalize("NFKD", cased)))
    return " ".join(unicodedata.normalize("NFKC", bare).split())


def words(text: str) -> list[str]:
    """The words of `text`, folded, as they follow each other: whatever is neither letter, digit
    nor mark stands between two words. Scripts without spaces have one word from one to the next
    of those."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    return "".join(c if _is_of_a_word(c) else " " for c in folded(text)).split()


def _is_kept(character: str) -> bool:
    return unicodedata.combining(character) in _SPELLING and unicodedata.category(character) != "Cf"


def _is_of_a_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character)[0] == "M"
