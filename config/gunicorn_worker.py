"""gunicorn's threaded worker, answering what never reaches the application in the envelope too, and
never waiting for those who listen to the feed."""

import json
import logging
import queue
import threading
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
    """A `gthread` worker whose own error pages are JSON, and whose log never quotes a client.

    When it is to end, it lets those go who listen to the feed: they would stay for ever.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - gunicorn's
        super().__init__(*args, **kwargs)
        # The only thing of use to a signal handler: `put` may interrupt itself (its documentation
        # says so), where a lock could be one that the interrupted code holds.
        self._ending: queue.SimpleQueue[None] = queue.SimpleQueue()

    def run(self) -> None:
        """See `gunicorn.workers.base.Worker`."""
        threading.Thread(target=self._let_listeners_go, name="ending", daemon=True).start()
        super().run()

    def handle_exit(self, sig: int, frame: Any) -> None:  # noqa: ANN401 - gunicorn's
        """A graceful end."""
        self._ending.put(None)
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: Any) -> None:  # noqa: ANN401 - gunicorn's
        """A quick one, which waits for all threads none the less."""
        self._ending.put(None)
        super().handle_quit(sig, frame)

    def is_parent_alive(self) -> bool:
        """The end if it is not."""
        alive: bool = super().is_parent_alive()
        if not alive:
            self._ending.put(None)
        return alive

    def _let_listeners_go(self) -> None:
        self._ending.get()
        self.wsgi.extensions["services"].tail.close()

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
