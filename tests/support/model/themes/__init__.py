"""The commands of the model, a module a theme."""

from collections.abc import Mapping
from typing import Final

from tests.support.model.carrier import Model
from tests.support.model.themes import (
    documents,
    identity,
    instructions,
    merges,
    notes,
    scheduled,
    second_person,
    states,
    vettings,
)

COMMANDS: Final[Mapping[str, Model]] = {
    name: model
    for theme in (
        identity,
        states,
        notes,
        documents,
        instructions,
        second_person,
        scheduled,
        vettings,
        merges,
    )
    for name, model in theme.COMMANDS.items()
}
"""Those to a carrier, as their addresses name them; `register` makes one."""
