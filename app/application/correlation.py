"""The id of the request that the current thread handles. Set by the API, read by the logs."""

from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
