"""The seed's envelope around every answer, and the services that views ask for."""

from collections.abc import Mapping
from typing import Any, cast

from flask import Response, current_app
from flask.json.provider import DefaultJSONProvider

from app.application.services import Services


class EnvelopeJson(DefaultJSONProvider):
    """JSON as this service writes it: keys in the order given, text as it is."""

    sort_keys = False
    ensure_ascii = False
    compact = True


def success(data: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`{"success": true, "data": …}`"""
    return answer({"success": True, "data": data}, status, headers)


def services() -> Services:
    """The process's services."""
    return cast(Services, current_app.extensions["services"])


def answer(
    body: Mapping[str, Any],
    status: int,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """`body` as JSON."""
    text = current_app.json.dumps(body)
    return Response(f"{text}\n", status, headers, content_type=media_type)
