"""The one table from errors to answers. Nothing else in the project knows both sides."""

import logging

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from app.api.envelope import failure
from app.api.validation import ValidationFailed
from app.application.ports import OutcomeUnknown, StoreUnavailable, VersionConflict
from app.application.repository import CarrierNotFound
from app.domain.errors import AlreadyRegistered

log = logging.getLogger(__name__)

_RETRY_AFTER = {"Retry-After": "1"}

_HTTP_SENTENCES = {
    404: "There is nothing at this address",
    405: "This address does not take that method; the Allow header names those it takes",
    413: "The body is larger than this service takes",
}


def install(app: Flask) -> None:
    """Answer every error of the application in the envelope."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(ValidationFailed, _validation)
    app.register_error_handler(Exception, _mapped)


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    message = _HTTP_SENTENCES.get(status) or error.description or error.name
    headers = {name: value for name, value in error.get_headers() if name.lower() != "content-type"}
    return failure(status, message, headers=headers)


def _validation(error: ValidationFailed) -> Response:
    return failure(422, "Validation failed", error.details)


def _mapped(error: Exception) -> Response:
    match error:
        case CarrierNotFound():
            return failure(404, "There is no carrier with this id")
        case AlreadyRegistered():
            return failure(409, "This carrier is registered already")
        case VersionConflict():
            return failure(409, "The carrier is being changed by others; try again")
        case StoreUnavailable():
            log.warning("the store is not available: %s", error)
            return failure(
                503,
                "The service cannot reach its store; nothing was done, try again shortly",
                {"outcome": "not-started"},
                _RETRY_AFTER,
            )
        case OutcomeUnknown():
            log.error("the outcome of an append is unknown: %s", error)
            return failure(
                503,
                "It could not be found out in time whether this was done;"
                " look before you send it again",
                {"outcome": "outcome-unknown"},
                _RETRY_AFTER,
            )
    log.error("unexpected error", exc_info=error)
    return failure(500, "Something went wrong here; the log of the service tells what")
