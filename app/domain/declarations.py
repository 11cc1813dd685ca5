"""The table of all commands, and what follows from it. Imports only the domain."""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

from app.domain import column_mappings, merging
from app.domain.aggregate import Event
from app.domain.command import Command, Declaration
from app.domain.commands import SENTENCES
from app.domain.policy import adopt
from app.domain.state import STATES


def _declared(name: str) -> Declaration:
    module = import_module(f"app.domain.commands.{name.replace('-', '_')}")
    declaration: Declaration = module.DECLARATION
    return declaration


DECLARATIONS: tuple[Declaration, ...] = tuple(map(_declared, SENTENCES))
"""The commands on carriers."""

POLICY_DECLARATIONS: tuple[Declaration, ...] = (adopt.DECLARATION,)
"""The commands on the policy."""

MAPPING_DECLARATIONS: tuple[Declaration, ...] = (column_mappings.KEEP, column_mappings.FORGET)
"""The commands on the column mappings."""

_ALL = DECLARATIONS + merging.DECLARATIONS + POLICY_DECLARATIONS + MAPPING_DECLARATIONS

BY_COMMAND: Mapping[type[Command], Declaration] = MappingProxyType(
    {each.command: each for each in _ALL}
)

EVENTS: tuple[type[Event[Any]], ...] = tuple(
    dict.fromkeys(
        [each.events[0] for each in _ALL] + [event for each in _ALL for event in each.events]
    )
)
"""Every event that a command leads to, each once."""

POSSIBLE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {state: tuple(each.name for each in DECLARATIONS if state in each.states) for state in STATES}
)
"""Which commands change something in which state."""
