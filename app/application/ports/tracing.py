"""Traces: the way of a request through the service, to the view that shows what it changed.

A trace is made of spans, each a piece of work with its outcome. Nothing that a client has sent goes
into one, but for the trace that the client itself is part of.
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol

Attributes = Mapping[str, str | int]
NOTHING: Final[Attributes] = {}


class Span(Protocol):
    """A piece of work under way."""

    @property
    def traceparent(self) -> str | None:
        """The span as W3C's Trace Context writes it; None if nobody will be shown this trace."""
        ...

    def note(self, attributes: Attributes) -> None:
        """Add these, in the place of former ones of the same names."""
        ...

    def fail(self) -> None:
        """Mark the work as failed."""
        ...

    def end(self, attributes: Attributes) -> None:
        """End a span that `attempt` began; again is no harm."""
        ...


class Tracer(Protocol):
    """Makes spans. A span that is a context is the current one of its thread for as long, and ends
    with it; an exception becomes its outcome, by the name of its class alone."""

    @property
    def is_on(self) -> bool:
        """Whether there are traces at all."""
        ...

    def begun(
        self, name: str, attributes: Attributes = NOTHING, caller: str | None = None
    ) -> AbstractContextManager[Span]:
        """A span of the current trace; without one, of the caller's (`traceparent`), or else of a
        new one."""
        ...

    def step(self, name: str, attributes: Attributes = NOTHING) -> AbstractContextManager[Span]:
        """A span of the current trace; without one there is none, and nothing is traced."""
        ...

    def attempt(self, name: str, attributes: Attributes = NOTHING) -> Span:
        """The same for work that ends elsewhere: it never is the current span."""
        ...

    def following(
        self, name: str, metadata: Iterable[str], attributes: Attributes = NOTHING
    ) -> AbstractContextManager[Span]:
        """A span of what becomes of stored events, given their metadata. The span belongs to the
        trace of the first event that has one, and links to the traces of all; without any there is
        no span."""
        ...

    def retried(self, cause: str) -> None:
        """The work of the current span is done again."""
        ...

    def close(self) -> None:
        """Send what was not sent yet; a collector that is silent costs a few seconds."""
        ...


class _NoSpan:
    """Implements `Span`."""

    traceparent = None

    def note(self, attributes: Attributes) -> None:
        """See `Span`."""

    def fail(self) -> None:
        """See `Span`."""

    def end(self, attributes: Attributes) -> None:
        """See `Span`."""


NO_SPAN: Final[Span] = _NoSpan()
_NO_CONTEXT: Final = nullcontext(NO_SPAN)


class _NoTracing:
    """Implements `Tracer` for a process that is not traced."""

    is_on = False

    def begun(
        self, name: str, attributes: Attributes = NOTHING, caller: str | None = None
    ) -> AbstractContextManager[Span]:
        """See `Tracer`."""
        return _NO_CONTEXT

    def step(self, name: str, attributes: Attributes = NOTHING) -> AbstractContextManager[Span]:
        """See `Tracer`."""
        return _NO_CONTEXT

    def attempt(self, name: str, attributes: Attributes = NOTHING) -> Span:
        """See `Tracer`."""
        return NO_SPAN

    def following(
        self, name: str, metadata: Iterable[str], attributes: Attributes = NOTHING
    ) -> AbstractContextManager[Span]:
        """See `Tracer`."""
        return _NO_CONTEXT

    def retried(self, cause: str) -> None:
        """See `Tracer`."""

    def close(self) -> None:
        """See `Tracer`."""


NO_TRACING: Final[Tracer] = _NoTracing()
