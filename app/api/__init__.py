"""HTTP in, HTTP out: checks the shape of what comes in and dispatches it to the application."""

from typing import Any

from flask import Flask

from app.api import carriers, directory, docs, errors, feed, health, request_cycle
from app.api.envelope import EnvelopeJson
from app.api.openapi import OPTIONS, OpenApi

_OPENAPI: dict[str, Any] = {
    "API_TITLE": "Distributing Carriers",
    "API_VERSION": "1",
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": "/",
    "OPENAPI_JSON_PATH": "openapi.json",
    "API_SPEC_OPTIONS": OPTIONS,
}


def install(app: Flask) -> None:
    """Give the application its routes, its error answers and its request cycle."""
    app.json = EnvelopeJson(app)
    app.url_map.merge_slashes = False  # or it answers // with a redirect, which is a page
    app.config.update(_OPENAPI)
    request_cycle.install(app)
    errors.install(app)
    api = OpenApi(app)
    for blueprint in (carriers.blueprint, directory.blueprint, feed.blueprint, health.blueprint):
        api.register_blueprint(blueprint)
    app.register_blueprint(docs.blueprint)
