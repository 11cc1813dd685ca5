"""Beside the way of the data: what the server answers by itself, without the application.

In the application's forms: the envelope, or RFC 9457 for a client that asks for it. The master
imports this module, so it must not import the application: new workers would have old code after a
reload.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from gunicorn.http import errors

from app.server.connections import Connection
from app.server.lanes import Overloaded
from app.server.request import TOO_SLOW

_REQUEST_ID = re.compile(
    rb"\r\nx-request-id:[ \t]*([A-Za-z0-9._-]{1,128})[ \t]*\r\n", re.IGNORECASE
)
_PROBLEM = re.compile(rb"\r\naccept:[^\r\n]*application/problem\+json(?!\s*;\s*q=0)", re.IGNORECASE)
_LONGEST_HEAD = 8192
_FOR_BROWSERS = (
    "X-Content-Type-Options: nosniff\r\n"
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the head of a request says of the form of its answer; guessed, as it was not parsed."""

    request_id: str = field(default_factory=lambda: uuid4().hex)
    is_problem: bool = False

    @classmethod
    def of(cls, conn: Connection) -> "Wishes":
        """The wishes of the request that has arrived on the connection."""
        head = bytes(conn.parser.unreader.buf.getbuffer()[:_LONGEST_HEAD])
        head = head[: head.find(b"\r\n\r\n") + 2]
        given = _REQUEST_ID.search(head)
        is_problem = _PROBLEM.search(head) is not None
        return cls(given[1].decode(), is_problem) if given else cls(is_problem=is_problem)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of the server's own. `kind` names the error where the status alone does not."""

    status: int
    reason: str
    message: str
    kind: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    headers: str = ""
    is_fault: bool = False

    def answer(self, wishes: Wishes) -> bytes:
        """The whole answer, after which the connection is closed."""
        media_type = "application/problem+json" if wishes.is_problem else "application/json"
        shown = self._problem(wishes.request_id) if wishes.is_problem else self._envelope()
        body = json.dumps(shown).encode()
        head = (
            f"HTTP/1.1 {self.status} {self.reason}\r\nConnection: close\r\n"
            f"Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\n"
            f"{_FOR_BROWSERS}{self.headers}X-Request-ID: {wishes.request_id}\r\n\r\n"
        )
        return head.encode() + body

    def _envelope(self) -> dict[str, Any]:
        error = {"message": self.message, "code": self.status, "details": dict(self.details)}
        return {"success": False, "error": error}

    def _problem(self, request_id: str) -> dict[str, Any]:
        return {
            "type": f"/docs#problem-{self.kind}" if self.kind else "about:blank",
            "title": self.kind.replace("-", " ").capitalize() if self.kind else self.reason,
            "status": self.status,
            "detail": self.message,
            "request_id": request_id,
            "details": dict(self.details),
        }


_INTERNAL = Refusal(
    500,
    "Internal Server Error",
    "Something went wrong here; the log tells what",
    is_fault=True,
)

# The first entry whose type fits is the answer.
_ANSWERS: tuple[tuple[type[Exception], Refusal], ...] = (
    (
        Overloaded,
        Refusal(
            503,
            "Service Unavailable",
            "The service has too much to do to answer this in time; nothing was done, try again"
            " shortly",
            "not-started",
            {"outcome": "not-started"},
            "Retry-After: 1\r\n",
        ),
    ),
    (errors.LimitRequestLine, Refusal(414, "URI Too Long", "The address is too long")),
    (
        errors.LimitRequestHeaders,
        Refusal(431, "Request Header Fields Too Large", "The headers are too many or too large"),
    ),
    (
        errors.UnsupportedTransferCoding,
        Refusal(
            501,
            "Not Implemented",
            "This Transfer-Encoding is not known; send a Content-Length",
        ),
    ),
    (
        errors.ExpectationFailed,
        Refusal(417, "Expectation Failed", "Only 100-continue can be expected"),
    ),
    (TimeoutError, Refusal(408, "Request Timeout", TOO_SLOW)),
    (errors.ConfigurationProblem, _INTERNAL),
    (errors.ParseException, Refusal(400, "Bad Request", "This is not a valid HTTP request")),
)


def refusal_of(error: BaseException) -> Refusal:
    """What the server answers to an error that did not come out of the application."""
    return next((answer for kind, answer in _ANSWERS if isinstance(error, kind)), _INTERNAL)
