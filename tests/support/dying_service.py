"""Beside the way of the data: the service on Cassandra, whose workers die where a request says so.

`gunicorn … tests.support.dying_service:app`, then a header such as `X-Die: before append`, or
`after append`: the worker is gone (kill -9) right before or after it sends that statement.
"""

import os
import signal

from cassandra.query import Statement
from flask import has_request_context, request

from app.application.deadline import Deadline
from app.infrastructure.cassandra import session as cassandra_session
from app.infrastructure.cassandra.session import CassandraSession, Row
from tests.support.interrupted import name_of


class DyingSession(CassandraSession):
    """Looks at the request that is being carried out."""

    def execute(self, statement: Statement, deadline: Deadline, seconds: float) -> list[Row]:
        """See `CassandraSession`."""
        point = request.headers.get("X-Die") if has_request_context() else None
        name = name_of(statement) if point else ""
        if point == f"before {name}":
            os.kill(os.getpid(), signal.SIGKILL)
        rows = super().execute(statement, deadline, seconds)
        if point == f"after {name}":
            os.kill(os.getpid(), signal.SIGKILL)
        return rows


cassandra_session.CassandraSession = DyingSession  # type: ignore[misc] # bootstrap imports it late

from wsgi import app  # noqa: E402

__all__ = ["app"]
