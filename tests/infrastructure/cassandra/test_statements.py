"""The one place where CQL statements are registered."""

import subprocess
import sys

import pytest

from app.infrastructure.cassandra.statements import Statements

_ALL = """
import pkgutil
from importlib import import_module
import app.infrastructure.cassandra as room
for each in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
    import_module(each.name)
from app.infrastructure.cassandra.statements import STATEMENTS
print(len(STATEMENTS))
"""


def test_a_name_is_given_once() -> None:
    """The second statement of a name would silently be sent in the place of the first."""
    statements = Statements()
    statements.register(read="SELECT one")
    with pytest.raises(ValueError, match="named read already; choose another name"):
        statements.register(other="SELECT", read="SELECT two")
    assert dict(statements) == {"read": "SELECT one"}


def test_the_same_statement_twice_is_refused_as_well() -> None:
    """Whoever changed one of the two would not change the other."""
    statements = Statements()
    statements.register(read="SELECT one")
    with pytest.raises(ValueError, match="read"):
        statements.register(read="SELECT one")


def test_all_modules_can_be_imported_together() -> None:
    """No two of them register one name."""
    found = subprocess.run(
        [sys.executable, "-c", _ALL], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    assert int(found.stdout) > 50
