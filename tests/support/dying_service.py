"""Beside the way of the data: the service on Cassandra, whose workers die where a request says so.

`gunicorn … tests.support.dying_service:app`, then a header such as `X-Die: before append`, or
`after append`: the worker is gone (kill -9) right before or after it sends that statement.
"""

import os
import signal
from collections.abc import Callable

from cassandra.query import Statement
from flask import has_request_context, request

from app.application.deadline import Deadline
from app.infrastructure.cassandra import session as cassandra_session
from app.infrastructure.cassandra.session import CassandraSession, Row
from tests.support.interrupted import name_of


class DyingSession(CassandraSession):
    """Looks at the request that is being carried out."""

    def send(
        self, statement: Statement, deadline: Deadline, seconds: float
    ) -> Callable[[], list[Row]]:
        """See `CassandraSession`, which sends everything so but reads that are sent together."""
        point = request.headers.get("X-Die") if has_request_context() else None
        name = name_of(statement) if point else ""
        if point == f"before {name}":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = super().send(statement, deadline, seconds)

        def rows() -> list[Row]:
            found = answer()
            if point == f"after {name}":
                os.kill(os.getpid(), signal.SIGKILL)
            return found

        return rows


cassandra_session.CassandraSession = DyingSession  # type: ignore[misc] # bootstrap imports it late

from wsgi import app  # noqa: E402

__all__ = ["app"]
