"""The request that the current thread handles, and the trace that it is part of. Set by the API and
the tracer, read by the logs."""

from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

trace_id: ContextVar[str | None] = ContextVar("trace_id", default=None)
"""None where nothing is traced, and in a trace that is not recorded."""
