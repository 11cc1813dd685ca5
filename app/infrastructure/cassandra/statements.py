"""Every CQL statement of the service by its name. Each module registers its own statements as it is
imported; a session prepares all that are registered by the time it is made.

So a shell that imports one store prepares the statements of that store alone.
"""

from collections.abc import Iterator, Mapping


class Statements(Mapping[str, str]):
    """CQL by name. A name is given once: a second statement of that name would silently be sent in
    the place of the first."""

    def __init__(self) -> None:
        self._cql: dict[str, str] = {}

    def register(self, **statements: str) -> None:
        """Add these statements, all or none. Raises ValueError if one of the names is taken; a name
        that stands twice in one call is an error of syntax."""
        if taken := sorted(self._cql.keys() & statements.keys()):
            raise ValueError(
                f"There is a CQL statement named {', '.join(taken)} already; choose another name."
            )
        self._cql.update(statements)

    def __getitem__(self, name: str) -> str:
        return self._cql[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._cql)

    def __len__(self) -> int:
        return len(self._cql)


STATEMENTS = Statements()
"""The statements of all modules that have been imported."""
