"""A command bus whose commands are traced: used only while there are traces."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.application.bus import CommandBus, Handler, Result
from app.application.command_context import CommandContext
from app.application.ports.telemetry import Telemetry
from app.application.ports.tracing import Tracer


class TracedCommandBus(CommandBus[Result]):
    """Gives each command a span, and its events the trace that the span belongs to."""

    def __init__(
        self, handlers: Mapping[type[Any], Handler[Result]], telemetry: Telemetry, tracer: Tracer
    ) -> None:
        super().__init__(handlers, telemetry)
        self._tracer = tracer

    def dispatch(self, command: object, context: CommandContext) -> Result:
        """See `CommandBus`."""
        with self._tracer.begun(f"command {type(command).__name__}", {"attempts": 1}) as span:
            return super().dispatch(command, replace(context, traceparent=span.traceparent))
