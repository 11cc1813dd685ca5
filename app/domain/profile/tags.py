"""A carrier's tags: short words of the caller's own, to find carriers by."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.errors import InvalidValue
from app.domain.profile.contact import at_most

TAGS_MAX = 50
TAG_MAX_CHARACTERS = 50
TAG = rf"(?=.{{1,{TAG_MAX_CHARACTERS}}}$)[a-z0-9]+(?:-[a-z0-9]+)*"
"""A tag as a regular expression."""


@dataclass(frozen=True, slots=True)
class Tags:
    """Tags in the order of the alphabet, 50 at most, each once."""

    words: Sequence[str]

    def __post_init__(self) -> None:
        at_most("tags", len(self.words), TAGS_MAX)
        object.__setattr__(self, "words", tuple(sorted(set(map(tag, self.words)))))

    def as_json(self) -> list[str]:
        """The list of tags."""
        return list(self.words)


def tag(text: str) -> str:
    """A tag in lower case. Raises InvalidValue."""
    lower = text.lower()
    if not text.isascii() or not re.fullmatch(TAG, lower):
        raise InvalidValue(
            f"The tag must be 1 to {TAG_MAX_CHARACTERS} letters a to z and digits, with single"
            " hyphens between them"
        )
    return lower
