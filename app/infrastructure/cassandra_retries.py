"""Sends a request to Cassandra again, for stores whose requests can all be repeated."""

from collections.abc import Callable
from typing import TypeVar

import backoff

from app.application.deadline import Deadline
from app.application.ports import StoreUnavailable
from app.infrastructure.cassandra_errors import RequestFailed

Answer = TypeVar("Answer")


def retrying(deadline: Deadline, call: Callable[[], Answer]) -> Answer:
    """Exponential backoff with full jitter, inside the deadline; after that StoreUnavailable."""
    retried = backoff.on_exception(
        backoff.expo,
        RequestFailed,
        giveup=lambda error: _is_permanent(error) or deadline.expired,
        jitter=lambda wait: min(backoff.full_jitter(wait), deadline.remaining()),
        logger=None,
        factor=0.05,
        max_value=1.0,
    )(call)
    try:
        return retried()
    except RequestFailed as error:
        raise StoreUnavailable(f"cannot read or write: {error.cause}") from error


def begin_again_unless(done: bool) -> None:
    """For a call that `retrying` makes: what it decided on has changed meanwhile."""
    if not done:
        raise RequestFailed("moved-on", maybe_applied=False)


def _is_permanent(error: Exception) -> bool:
    return isinstance(error, RequestFailed) and error.permanent
