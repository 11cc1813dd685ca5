"""All routes of the API, its error answers and its request cycle, for `create_app`."""

from typing import Any

from flask import Flask

from app.api.http import cors, errors, request_cycle
from app.api.http.envelope import EnvelopeJson
from app.api.openapi import OPTIONS, OpenApi
from app.api.resources import (
    audit,
    carriers,
    directory,
    docs,
    duplicates,
    feed,
    health,
    imports,
    policy,
    root,
)
from app.version import version

_OPENAPI: dict[str, Any] = {
    "API_TITLE": "Distributing Carriers",
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": "/",
    "OPENAPI_JSON_PATH": "openapi.json",
    "API_SPEC_OPTIONS": OPTIONS,
}


def install(app: Flask) -> None:
    """Give the application its routes, its error answers and its request cycle."""
    app.json = EnvelopeJson(app)
    app.url_map.merge_slashes = False  # or it answers // with a redirect, which is a page
    app.config.update(_OPENAPI, API_VERSION=version())
    request_cycle.install(app)
    errors.install(app)
    cors.install(app)
    api = OpenApi(app)
    for part in (audit, carriers, directory, duplicates, feed, health, imports, policy, root):
        api.register_blueprint(part.blueprint)
    app.register_blueprint(docs.blueprint)
