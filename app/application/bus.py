"""Routes each command to its one handler. Holds no state between commands."""

from collections.abc import Callable, Mapping
from typing import Any

import backoff

from app.application.commands import CommandContext
from app.application.ports import Telemetry, VersionConflict

Handler = Callable[[Any, CommandContext], Any]

MAX_DECISIONS = 4
"""How often a command is decided on afresh before a conflict reaches the caller."""


class CommandBus:
    """A command whose stream was changed meanwhile is handled again on the fresh state."""

    def __init__(self, handlers: Mapping[type, Handler], telemetry: Telemetry) -> None:
        self._handlers = dict(handlers)
        self._telemetry = telemetry

    def dispatch(self, command: object, context: CommandContext) -> Any:  # noqa: ANN401
        """Return what the handler returns; raise what it raises.

        Raises VersionConflict when the stream is contended even after `MAX_DECISIONS` tries.
        """
        handler = self._handlers[type(command)]

        def again(_: object) -> None:
            self._telemetry.retried("version-conflict")

        decide = backoff.on_exception(
            backoff.expo,
            VersionConflict,
            max_tries=MAX_DECISIONS,
            giveup=lambda _: context.deadline.expired,
            on_backoff=again,
            logger=None,
            factor=0.01,
            max_value=0.2,
        )(handler)
        return decide(command, context)
