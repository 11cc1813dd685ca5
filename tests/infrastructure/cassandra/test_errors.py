"""Every exception of the table in docs/decisions.md is put where the table puts it."""

import pytest
from cassandra import (
    ConsistencyLevel,
    InvalidRequest,
    OperationTimedOut,
    ReadTimeout,
    Unauthorized,
    Unavailable,
    WriteFailure,
    WriteTimeout,
    WriteType,
)
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionException, ConnectionShutdown
from cassandra.protocol import ErrorMessage, OverloadedErrorMessage, ServerError

from app.infrastructure.cassandra.errors import CAS_WRITE_UNKNOWN, DRIVER_ERRORS, classify

QUORUM = ConsistencyLevel.QUORUM

MAYBE = {
    "write-timeout": [
        WriteTimeout("late", consistency=QUORUM, write_type=WriteType.CAS),
        WriteTimeout("late", consistency=QUORUM, write_type=WriteType.SIMPLE),
    ],
    "write-failure": [WriteFailure("failed", consistency=QUORUM, write_type=WriteType.CAS)],
    "client-timeout": [OperationTimedOut()],
    "connection": [ConnectionShutdown("gone"), ConnectionException("gone")],
    "server": [
        OverloadedErrorMessage(0x1001, "busy", None),
        ServerError(0x0000, "oops", None),
        ReadTimeout("late", consistency=QUORUM),
    ],
    "cas-write-unknown": [ErrorMessage(CAS_WRITE_UNKNOWN, "unknown", None)],
    "unavailable": [Unavailable("too few", consistency=QUORUM)],
    "no-host": [NoHostAvailable("all failed", {"127.0.0.1": OperationTimedOut()})],
}
CASES = [(cause, error) for cause, errors in MAYBE.items() for error in errors]


@pytest.mark.parametrize(("cause", "error"), CASES, ids=lambda case: type(case).__name__)
def test_most_failures_leave_the_outcome_open(cause: str, error: Exception) -> None:
    """What was sent may have been applied, whatever came back; it is worth another try."""
    assert isinstance(error, DRIVER_ERRORS)
    failed = classify(error)
    assert (failed.cause, failed.maybe_applied, failed.permanent) == (cause, True, False)


def test_what_no_host_was_tried_for_was_not_sent() -> None:
    """Only a request that never left is certain not to have been applied."""
    failed = classify(NoHostAvailable("no host to try", {}))
    assert (failed.cause, failed.maybe_applied, failed.permanent) == ("no-host", False, False)


@pytest.mark.parametrize("error", [InvalidRequest("no such column"), Unauthorized("no")])
def test_a_refused_request_is_not_tried_again(error: Exception) -> None:
    """The server looked at it and said no, for a reason that stays."""
    failed = classify(error)
    assert (failed.maybe_applied, failed.permanent) == (False, True)
