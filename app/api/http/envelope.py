"""The envelope around every answer, and the services that views ask for."""

from collections.abc import Mapping
from typing import Any, cast

from flask import Response, current_app
from flask.json.provider import DefaultJSONProvider

from app.application.services import Services


class EnvelopeJson(DefaultJSONProvider):
    """How this service writes JSON: keys in the order given, text unescaped."""

    sort_keys = False
    ensure_ascii = False


def success(data: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The answer `{"success": true, "data": …}`."""
    return answer({"success": True, "data": data}, status, headers)


def services() -> Services:
    """The services of this process."""
    return cast(Services, current_app.extensions["services"])


def answer(
    body: Mapping[str, Any],
    status: int,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """An answer with `body` as one line of JSON."""
    text = current_app.json.dumps(body)
    return Response(f"{text}\n", status, headers, content_type=media_type)
