"""gunicorn's threaded worker, answering what never reaches the application in the envelope too."""

import json
import logging
from typing import Any
from uuid import uuid4

from gunicorn.http import errors
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import ThreadWorker

access = logging.getLogger("app.access")

_BAD_REQUEST = (400, "Bad Request", "This is not a valid HTTP request")
_INTERNAL = (500, "Internal Server Error", "Something went wrong here; the log tells what")

# The first that fits counts.
_ANSWERS: tuple[tuple[type[Exception], tuple[int, str, str]], ...] = (
    (errors.LimitRequestLine, (414, "URI Too Long", "The address is too long")),
    (
        errors.LimitRequestHeaders,
        (431, "Request Header Fields Too Large", "The headers are too many or too large"),
    ),
    (
        errors.UnsupportedTransferCoding,
        (501, "Not Implemented", "This Transfer-Encoding is not known; send a Content-Length"),
    ),
    (errors.ExpectationFailed, (417, "Expectation Failed", "Only 100-continue can be expected")),
    (errors.ConfigurationProblem, _INTERNAL),
    (errors.ParseException, _BAD_REQUEST),
)


class EnvelopeWorker(ThreadWorker):
    """A `gthread` worker whose own error pages are JSON, and whose log never quotes a client."""

    def handle_error(
        self,
        req: Any,  # noqa: ANN401 - gunicorn's signature
        client: Any,  # noqa: ANN401
        addr: Any,  # noqa: ANN401
        exc: BaseException,
    ) -> None:
        """Answer `exc` and close; gunicorn closes the connection after it."""
        status, reason, message = next(
            (answer for kind, answer in _ANSWERS if isinstance(exc, kind)), _INTERNAL
        )
        if status == _INTERNAL[0]:
            self.log.error("a request could not be handled", exc_info=exc)
        else:
            self.log.info("refused a request: %s", type(exc).__name__)
        request_id = uuid4().hex
        self._account_for(status, request_id)
        error = {"message": message, "code": status, "details": {}}
        body = json.dumps({"success": False, "error": error}).encode()
        head = (
            f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"X-Request-ID: {request_id}\r\n\r\n"
        )
        try:
            write_nonblock(client, head.encode() + body)
        except OSError:
            self.log.debug("the client did not wait for the answer")

    def _account_for(self, status: int, request_id: str) -> None:
        """One access line and one count a request, also for those that the application never
        sees: of them neither method nor route is known."""
        access.info(
            "request",
            extra={
                "method": "other",
                "route": "unparsed",
                "status": status,
                "duration_ms": 0.0,
                "request_id": request_id,
            },
        )
        self.wsgi.extensions["services"].telemetry.request_answered("other", "unparsed", status, 0)
