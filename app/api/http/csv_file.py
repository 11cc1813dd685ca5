"""A file of CSV of any length as an answer: it is read while it is sent."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from itertools import chain, islice
from typing import TypeVar

from flask import Response, current_app, request
from werkzeug.exceptions import BadRequest

from app.api.http.request_cycle import deadline
from app.application.deadline import Deadline

Page = TypeVar("Page")

CSV_TYPE = "text/csv; charset=utf-8; header=present"

CUT_SHORT = (
    "A file that is cut short by a failure ends without the last chunk of its transfer coding"
)


def refuse_http_1_0() -> None:
    """Raises BadRequest for a request whose answer cannot be seen to be whole."""
    if request.environ.get("SERVER_PROTOCOL") == "HTTP/1.0":
        raise BadRequest("Ask with HTTP/1.1: before it a file that was cut short looks whole")


def csv_file(
    name: str,
    place: Callable[[], AbstractContextManager[None]],
    pages: Iterator[Page],
    written: Callable[[Iterator[Page]], Iterator[str]],
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The pages as a file of that name, which holds a `place` for as long as it is sent. Raises
    what `place` raises, and what the first page does: what is raised later breaks the connection,
    as there is no other way left to say that the file is not whole."""
    about = {"Content-Disposition": f'attachment; filename="{name}"', **(headers or {})}
    with ExitStack() as held:
        held.enter_context(place())
        parts = written(pages)
        # Now: what is wrong with the first page, which comes before the header, can be answered.
        whole = chain(list(islice(parts, 1)), parts)
        answer = Response(whole, headers=about, content_type=CSV_TYPE)
        answer.call_on_close(held.pop_all().close)
    return answer


def budgets() -> Callable[[], Deadline]:
    """Gives the first reading of a file what is left of the request's time, and each later one a
    whole budget of its own: a file may take longer than a request."""
    seconds: float = current_app.config["REQUEST_TIMEOUT"]
    first = [deadline()]
    return lambda: first.pop() if first else Deadline.after(seconds)
