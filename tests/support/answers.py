"""Beside the way of the data: checks what the API answers, to the letter."""

import itertools
import json
from typing import Any

from werkzeug.test import TestResponse

FEDEX = {"name": "FedEx", "email": "contact@fedex.com"}
FEDEX_BODY = json.dumps(FEDEX).encode()
_numbers = itertools.count()


def another() -> dict[str, str]:
    """A carrier with an address that no other has; its JSON is always of the same length."""
    return {"name": "FedEx", "email": f"contact{next(_numbers):06d}@fedex.com"}


def another_body() -> bytes:
    """The same as a request's body."""
    return json.dumps(another()).encode()


def data(answer: TestResponse, status: int = 200) -> Any:  # noqa: ANN401 - any JSON value
    """The data of a success, after a look at its envelope."""
    body = _body(answer, status)
    assert body.keys() == {"success", "data"}
    assert body["success"] is True
    return body["data"]


def refused(answer: TestResponse, status: int) -> str:
    """The message of a failure without details, after a look at its envelope."""
    message, details = failure(answer, status)
    assert details == {}
    return message


def invalid(answer: TestResponse) -> dict[str, str]:
    """The details of a body that breaks a rule."""
    message, details = failure(answer, 422)
    assert message == "Validation failed"
    return details


def failure(answer: TestResponse, status: int) -> tuple[str, dict[str, str]]:
    """Message and details of a failure, after a look at its envelope."""
    body = _body(answer, status)
    assert body.keys() == {"success", "error"}
    assert body["success"] is False
    error = body["error"]
    assert error.keys() == {"message", "code", "details"}
    assert error["code"] == status
    assert error["message"]
    assert all(isinstance(sentence, str) and sentence for sentence in error["details"].values())
    return error["message"], error["details"]


def _body(answer: TestResponse, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-ID"]
    body: dict[str, Any] = json.loads(answer.data)
    return body
