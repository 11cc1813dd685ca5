"""Routes each command to its one handler. Holds no state between commands."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import backoff

from app.application.command_context import CommandContext
from app.application.ports.event_store import VersionConflict
from app.application.ports.telemetry import Telemetry

Result = TypeVar("Result")

Handler = Callable[[Any, CommandContext], Result]
"""Carries out the commands of one type."""

MAX_DECISIONS = 12
"""How often a command is decided on afresh before a conflict reaches the caller."""


class CommandBus(Generic[Result]):
    """Dispatches commands that all come to one type of result. A command whose stream was changed
    meanwhile is handled again on the fresh state."""

    def __init__(self, handlers: Mapping[type[Any], Handler[Result]], telemetry: Telemetry) -> None:
        self._handlers = dict(handlers)
        self._telemetry = telemetry

    def dispatch(self, command: object, context: CommandContext) -> Result:
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

    def _decide_again(
        self, handler: Handler[Result], command: object, context: CommandContext
    ) -> Result:
        decide: Handler[Result] = backoff.on_exception(
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
