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
    return _answer({"success": True, "data": data}, status, headers)


def failure(
    status: int,
    message: str,
    details: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """`{"success": false, "error": …}`; `details` maps a field to one sentence."""
    error = {"message": message, "code": status, "details": dict(details or {})}
    return _answer({"success": False, "error": error}, status, headers)


def services() -> Services:
    """The process's services."""
    return cast(Services, current_app.extensions["services"])


def _answer(body: Mapping[str, Any], status: int, headers: Mapping[str, str] | None) -> Response:
    text = current_app.json.dumps(body)
    return Response(f"{text}\n", status, headers, mimetype="application/json")
