"""The table of commands is whole: whatever is written for a command is declared."""

import pkgutil

import pytest

from app.domain import commands
from app.domain.command import Change, ChangeCarrier, Command, Declaration
from app.domain.commands import SENTENCES
from app.domain.declarations import BY_COMMAND, DECLARATIONS, EVENTS
from app.domain.merging import OneMerge
from app.domain.second_person import GuardedChange, Review
from app.domain.state import STATES

OF_THE_HANDLER = ("reviewer", "guarded", "survivor", "finding")
"""Fields that the handler gives to a command, and no caller can."""

EACH = pytest.mark.parametrize("declaration", DECLARATIONS, ids=lambda each: each.name)


def test_every_module_is_in_the_table() -> None:
    """A command whose line was forgotten would be nowhere, in silence."""
    modules = {module.name.replace("_", "-") for module in pkgutil.iter_modules(commands.__path__)}
    assert modules == set(SENTENCES)


def test_every_command_is_declared() -> None:
    """The class, too."""
    bases = (Command, Change, ChangeCarrier, GuardedChange, OneMerge, Review)
    written = {each for base in bases for each in base.__subclasses__()}
    # By name: a dataclass with slots is made twice.
    names = {each.__name__ for each in written} - {base.__name__ for base in bases}
    assert names == {each.__name__ for each in BY_COMMAND}


@EACH
def test_a_command_is_declared_under_the_name_of_its_module(declaration: Declaration) -> None:
    """So that a reader who knows the command's name finds the file."""
    module = declaration.command.__module__.rpartition(".")[2]
    assert declaration.name == module.replace("_", "-")


@EACH
def test_a_change_is_possible_in_some_state(declaration: Declaration) -> None:
    """And a registration in none, as there is no carrier yet."""
    assert bool(declaration.states) is not declaration.registers
    assert set(declaration.states) <= set(STATES)


@EACH
def test_every_field_is_described(declaration: Declaration) -> None:
    """A field without an Input would be known to nobody who asks."""
    fields = {*declaration.command.__dataclass_fields__} - {
        "carrier_id",
        "profile",
        *OF_THE_HANDLER,
    }
    assert {each.name for each in declaration.inputs} == fields
    assert declaration.takes_profile is ("profile" in declaration.command.__dataclass_fields__)


@EACH
def test_the_example_of_a_field_is_a_value(declaration: Declaration) -> None:
    """The value object itself takes the text."""
    for given in declaration.inputs:
        assert given.input.read(given.input.example)


def test_every_command_has_an_event_of_its_own() -> None:
    """What has happened can be told from what else can happen."""
    own = [each.events[0] for each in DECLARATIONS]
    assert list(EVENTS[: len(own)]) == own
    assert len(set(own)) == len(own)
