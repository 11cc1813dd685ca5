"""The registry of carriers. `create_app` is where a request's way begins."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.application.services import Services
    from config.settings import Settings


def create_app(settings: "Settings", services: "Services | None" = None) -> "Flask":
    """A Flask application over `services`, which are built from the settings if not given."""
    # Here, as whatever is imported from this package imports this file first: `carriers --help`
    # would wait for Flask and every blueprint.
    from app.api.http.synchronous import SynchronousFlask
    from app.api.routes import install
    from app.bootstrap import build_services
    from app.desk import install as install_desk

    app = SynchronousFlask(__name__, static_folder=None)
    app.debug = settings.app_debug
    app.config["MAX_CONTENT_LENGTH"] = settings.max_request_size
    app.config["REQUEST_TIMEOUT"] = settings.request_timeout
    app.config["HEARTBEAT"] = settings.heartbeat
    app.config["LOG_CLIENT_ADDRESS"] = settings.log_client_address
    app.config["CORS_ORIGINS"] = settings.cors_origins
    app.extensions["services"] = services or build_services(settings)
    install(app)
    install_desk(app)
    return app
