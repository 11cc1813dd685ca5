"""Which row of a file was the first to name something: for files of more rows than memory holds."""

from collections.abc import Iterable
from typing import Protocol


class SeenKeys(Protocol):
    """Remembers keys for as long as one file is read."""

    def first(self, keys: Iterable[str]) -> int | None:
        """The row that was noted with one of these keys; None if none was."""
        ...

    def note(self, keys: Iterable[str], row: int) -> None:
        """Remember the row by these keys; of a key that is known the first row counts."""
        ...

    def close(self) -> None:
        """Forget them."""
        ...
