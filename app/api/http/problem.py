"""The last step of an error's way: in the API's envelope, or as RFC 9457, as the client asks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from flask import Request, Response

from app.api.http.envelope import answer

PROBLEM_JSON: Final = "application/problem+json"
_ENVELOPE_RANGES = ("application/json", "application/*", "*/*")
_BLANK = "about:blank"  # RFC 9457, 4.2.1: the status says it all


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as clients see it. `details` maps a field to one sentence.

    `kind` names the error for programs if the status alone does not, and leads to its explanation
    on the page /docs. `more` holds additional members of the body.
    """

    status: int
    message: str
    kind: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)

    def envelope(self) -> dict[str, Any]:
        """The error in the API's envelope."""
        error = {"message": self.message, "code": self.status, "details": dict(self.details)}
        return {"success": False, "error": {**error, **self.more}}

    def rfc9457(self, request_id: str) -> dict[str, Any]:
        """The body in the form of application/problem+json."""
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
        """The answer in the form that the request prefers."""
        headers = {"Vary": "Accept", **self.headers}
        if _prefers_rfc9457(request):
            return answer(self.rfc9457(request_id), self.status, headers, PROBLEM_JSON)
        return answer(self.envelope(), self.status, headers)


def _title(kind: str) -> str:
    return kind.replace("-", " ").capitalize()


def _prefers_rfc9457(request: Request) -> bool:
    """Whether Accept names application/problem+json with at least the quality of the envelope's
    type. A wildcard alone gets the envelope. With equal quality RFC 9457 wins, as the client lists
    application/json for successes."""
    wanted: dict[str, float] = {}
    for media_range, quality in request.accept_mimetypes:
        name = media_range.partition(";")[0].strip().lower()
        wanted[name] = max(quality, wanted.get(name, 0))
    envelope = next((wanted[name] for name in _ENVELOPE_RANGES if name in wanted), 0)
    return wanted.get(PROBLEM_JSON, 0) >= max(envelope, 0.001)
