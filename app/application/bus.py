"""Routes each command to its one handler. Holds no state between commands."""

from collections.abc import Callable, Mapping
from typing import Any

import backoff

from app.application.commands import CommandContext
from app.application.ports import Telemetry, VersionConflict

Handler = Callable[[Any, CommandContext], Any]

MAX_DECISIONS = 12
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
        try:
            return handler(command, context)
        except VersionConflict:
            if context.deadline.expired:
                raise
            # The usual case is over by now, without the cost of the machinery for retries.
            self._telemetry.retried("version-conflict")
            return self._decide_again(handler, command, context)

    def _decide_again(self, handler: Handler, command: object, context: CommandContext) -> Any:  # noqa: ANN401
        decide = backoff.on_exception(
            backoff.expo,
            VersionConflict,
            max_tries=MAX_DECISIONS - 1,
            giveup=lambda _: context.deadline.expired,
            on_backoff=lambda _: self._telemetry.retried("version-conflict"),
            logger=None,
            factor=0.005,
            max_value=0.2,
        )(handler)
        return decide(command, context)
