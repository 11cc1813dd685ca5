"""The envelope around every answer, and the services that views ask for."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from flask import Response
from flask.json.provider import DefaultJSONProvider
from flask.sansio.app import App
from werkzeug.datastructures import Headers

from app.api.http.current import current_application
from app.application.services import Services

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class EnvelopeJson(DefaultJSONProvider):
    """How this service writes JSON: keys in the order given, text unescaped."""

    sort_keys = False
    ensure_ascii = False

    def __init__(self, app: App) -> None:
        super().__init__(app)
        self._encode = json.JSONEncoder(default=self.default, ensure_ascii=False).encode

    def dumps(self, obj: Any, **kwargs: Any) -> str:  # noqa: ANN401 - as Flask has it
        """See `flask.json.provider.JSONProvider`."""
        return super().dumps(obj, **kwargs) if kwargs else self._encode(obj)


class JsonResponse(Response):
    """An answer whose headers are sent as they are: its length is known, and what they name are
    paths in ASCII. Werkzeug would copy and search all of them for what could be otherwise."""

    def get_wsgi_headers(self, environ: "WSGIEnvironment") -> Headers:
        """See `werkzeug.Response`."""
        if self.status_code == HTTPStatus.NOT_MODIFIED:
            return super().get_wsgi_headers(environ)
        return self.headers


def success(data: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The answer `{"success": true, "data": …}`."""
    return answer({"success": True, "data": data}, status, headers)


def services() -> Services:
    """The services of this process."""
    return cast(Services, current_application().extensions["services"])


def answer(
    body: Mapping[str, Any],
    status: int,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """An answer with `body` as one line of JSON."""
    text = current_application().json.dumps(body)
    return JsonResponse(f"{text}\n", status, headers, content_type=media_type)
