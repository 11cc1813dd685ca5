"""Sends a request to Cassandra again. The one place that says how long to wait in between."""

from collections.abc import Callable
from typing import Any, TypeVar

import backoff

from app.application.deadline import Deadline
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.infrastructure.cassandra.errors import RequestFailed

Answer = TypeVar("Answer")


def backing_off(
    deadline: Deadline,
    call: Callable[[], Answer],
    gives_up: Callable[[Any], bool] | None = None,
    on_retry: Callable[[RequestFailed], None] = lambda _: None,
) -> Answer:
    """Exponential backoff with full jitter, inside the deadline; after that the last RequestFailed.

    `gives_up` ends it sooner than the deadline or an error that is permanent; `on_retry` is called
    for each failure after which it is tried again.
    """
    retried = backoff.on_exception(
        backoff.expo,
        RequestFailed,
        giveup=gives_up or (lambda error: error.permanent or deadline.expired),
        jitter=lambda wait: min(backoff.full_jitter(wait), deadline.remaining()),
        on_backoff=lambda details: on_retry(details["exception"]),
        logger=None,
        factor=0.05,
        max_value=1.0,
    )(call)
    return retried()


def retrying(deadline: Deadline, call: Callable[[], Answer]) -> Answer:
    """`backing_off`, for requests that can all be repeated; in the end StoreUnavailable."""
    try:
        return backing_off(deadline, call)
    except RequestFailed as error:
        raise StoreUnavailable(f"cannot read or write: {error.cause}") from error


def writing(
    deadline: Deadline,
    write: Callable[[], Answer],
    retry: Callable[[Deadline, Callable[[], Answer]], Answer] = backing_off,
) -> Answer:
    """`backing_off`, for a conditional write whose tries can all be repeated. In the end
    OutcomeUnknown if one of them may have been, or may yet be, applied, else StoreUnavailable."""
    is_uncertain = False

    def attempt() -> Answer:
        nonlocal is_uncertain
        try:
            return write()
        except RequestFailed as error:
            is_uncertain = is_uncertain or error.maybe_applied
            raise

    try:
        return retry(deadline, attempt)
    except (RequestFailed, StoreUnavailable) as error:
        outcome = OutcomeUnknown if is_uncertain else StoreUnavailable
        raise outcome(f"cannot write: {error}") from error


def begin_again_unless(done: bool) -> None:
    """For a call that `retrying` makes: what it decided on has changed meanwhile."""
    if not done:
        raise RequestFailed("moved-on", maybe_applied=False)
