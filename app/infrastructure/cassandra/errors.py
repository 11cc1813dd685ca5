"""What a driver's exception means for a conditional write. The one place that knows them.

The table is the one in `docs/decisions.md`: almost every failure leaves open whether the write
was applied, and only a request that never left this process is certain not to have been.
"""

from cassandra import (
    AlreadyExists,
    AuthenticationFailed,
    DriverException,
    FunctionFailure,
    InvalidRequest,
    OperationTimedOut,
    RequestExecutionException,
    Unauthorized,
    Unavailable,
    WriteFailure,
    WriteTimeout,
)
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionException
from cassandra.protocol import ErrorMessage

CAS_WRITE_UNKNOWN = 0x1700
"""An error code that driver 3.30 has no class for; it is not even a DriverException."""

DRIVER_ERRORS = (DriverException, NoHostAvailable, ConnectionException, ErrorMessage)
"""Everything that the driver raises or hands to an errback."""

NODE_IS_NO_USE = frozenset({"connection", "unavailable"})
"""Causes for which another node may do better at once: this one is out of reach, or cut off from
its peers."""

_REFUSED = (InvalidRequest, Unauthorized, AuthenticationFailed, AlreadyExists, FunctionFailure)


class RequestFailed(Exception):
    """A request to Cassandra that brought no answer to work with.

    `cause` is a short word for metrics; `maybe_applied`: a conditional write may have been, or
    may yet be, applied; `permanent`: trying again cannot help (the schema or a permission).
    """

    def __init__(self, cause: str, *, maybe_applied: bool, permanent: bool = False) -> None:
        super().__init__(cause)
        self.cause = cause
        self.maybe_applied = maybe_applied
        self.permanent = permanent


def classify(error: Exception) -> RequestFailed:
    """What `error`, one of `DRIVER_ERRORS`, says about the request that raised it."""
    if isinstance(error, _REFUSED):
        return RequestFailed("refused", maybe_applied=False, permanent=True)
    if isinstance(error, NoHostAvailable):
        # `errors` holds the hosts that were tried; with none, nothing was sent.
        return RequestFailed("no-host", maybe_applied=bool(error.errors))
    if isinstance(error, Unavailable):
        # With Paxos v1 it can also come after the decision.
        return RequestFailed("unavailable", maybe_applied=True)
    if isinstance(error, ErrorMessage) and error.code == CAS_WRITE_UNKNOWN:
        return RequestFailed("cas-write-unknown", maybe_applied=True)
    return RequestFailed(_cause(error), maybe_applied=True)


def _cause(error: Exception) -> str:
    causes: tuple[tuple[type[Exception], str], ...] = (
        (WriteTimeout, "write-timeout"),
        (WriteFailure, "write-failure"),
        (OperationTimedOut, "client-timeout"),
        (ConnectionException, "connection"),
        (RequestExecutionException, "server"),
        (ErrorMessage, "server"),
    )
    return next((cause for kind, cause in causes if isinstance(error, kind)), "driver")
