"""The last step of an error's way: as the seed's envelope, or as RFC 9457 for who asks for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from flask import Request, Response

from app.api.envelope import answer

PROBLEM_JSON: Final = "application/problem+json"
_ENVELOPE_RANGES = ("application/json", "application/*", "*/*")
_BLANK = "about:blank"  # RFC 9457, 4.2.1: the status says it all


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as clients are told of it. `details` maps a field to one sentence.

    `kind` names it for programs, where the status alone does not; it leads to its explanation on
    the page /docs. `more` are members of its own.
    """

    status: int
    message: str
    kind: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)

    def envelope(self) -> dict[str, Any]:
        """The seed's form."""
        error = {"message": self.message, "code": self.status, "details": dict(self.details)}
        return {"success": False, "error": {**error, **self.more}}

    def rfc9457(self, request_id: str) -> dict[str, Any]:
        """The form of application/problem+json."""
        kind = self.kind
        return {
            "type": _BLANK if kind is None else f"/docs#problem-{kind}",
            "title": HTTPStatus(self.status).phrase if kind is None else _title(kind),
            "status": self.status,
            "detail": self.message,
            "request_id": request_id,
            "details": dict(self.details),
            **self.more,
        }

    def answer_to(self, request: Request, request_id: str) -> Response:
        """The answer in the form that the request asks for."""
        headers = {"Vary": "Accept", **self.headers}
        if _prefers_rfc9457(request):
            return answer(self.rfc9457(request_id), self.status, headers, PROBLEM_JSON)
        return answer(self.envelope(), self.status, headers)


def _title(kind: str) -> str:
    return kind.replace("-", " ").capitalize()


def _prefers_rfc9457(request: Request) -> bool:
    """Only a client that names it can read it; a wildcard gets the envelope. Who likes both
    alike does so because successes are application/json."""
    wanted: dict[str, float] = {}
    for media_range, quality in request.accept_mimetypes:
        name = media_range.partition(";")[0].strip().lower()
        wanted[name] = max(quality, wanted.get(name, 0))
    envelope = next((wanted[name] for name in _ENVELOPE_RANGES if name in wanted), 0)
    return wanted.get(PROBLEM_JSON, 0) >= max(envelope, 0.001)
