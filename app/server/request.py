"""On the way of the data: passes the deadline of a request's budget on to the application."""

from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.exceptions import RequestTimeout

DEADLINE = "request.deadline"
"""The WSGI environ's key of the request's deadline, in seconds of the monotonic clock."""

HOLD = "request.hold"
"""The key of a function to call before the request keeps its thread without working."""

TOO_SLOW = "The request did not arrive in time; send all of it at once"

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class TimedBody:
    """Reads a request's body for gunicorn; a body that does not arrive in time is answered 408."""

    def __init__(self, req: Any) -> None:  # noqa: ANN401 - gunicorn's
        self._req = req
        self._reader = req.body.reader

    def read(self, size: int) -> bytes:
        """Read at most `size` bytes. Raises werkzeug's RequestTimeout."""
        try:
            data: bytes = self._reader.read(size)
        except TimeoutError as error:
            self._req.force_close()
            raise RequestTimeout(TOO_SLOW) from error
        return data


def with_budget(application: Application) -> Application:
    """The application, with its deadline in the environ. Answers of unknown length, such as event
    streams, are exempt from that deadline."""

    def within_budget(
        environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        connection = environ["gunicorn.socket"]
        environ[DEADLINE] = connection.deadline
        environ[HOLD] = connection.hold

        def start(status: str, headers: list[tuple[str, str]], *more: object) -> object:
            if not any(name.lower() == "content-length" for name, _ in headers):
                connection.answer_is_endless()
            return start_response(status, headers, *more)

        return application(environ, start)

    return within_budget
