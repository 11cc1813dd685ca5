"""The application on a SQLite store of its own, and a client in the same process."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.application.services import Services
from app.bootstrap import build_services
from config.settings import Settings

_APPLICATIONS: dict[Settings, Flask] = {}
"""By their settings: to make one takes longer than most tests."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The defaults, but for small bodies and little patience."""
    return Settings(
        app_env="testing",
        sqlite_path=tmp_path / "events.sqlite3",
        max_request_size=300_000,
        request_timeout=5,
    )


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    """The services of the settings, as bootstrap makes them."""
    built = build_services(settings)
    yield built
    built.close()


@pytest.fixture
def app(settings: Settings, services: Services) -> Flask:
    """The whole application, made for one test."""
    return create_app(settings, services)


@pytest.fixture
def client(settings: Settings, services: Services) -> FlaskClient:
    """A client of the whole application, over services of its own."""
    alike = replace(settings, sqlite_path=Path())
    if alike not in _APPLICATIONS:
        _APPLICATIONS[alike] = create_app(settings, services)
    _APPLICATIONS[alike].extensions["services"] = services
    return _APPLICATIONS[alike].test_client()
