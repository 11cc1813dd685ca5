"""The application on a SQLite store of its own, and browsers without JavaScript that look at it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.application.ports.keys import KeyStore, Scope
from app.application.services import Services
from app.infrastructure.sqlite.keys import SqliteKeyStore
from config.settings import Settings
from tests.api.conftest import client, services, settings
from tests.support.answers import data
from tests.support.forms import form_to
from tests.support.keys import add_key

__all__ = ["client", "services", "settings"]


@dataclass
class Office:
    """A registry that needs keys, and the browsers of those who work with it."""

    keys: KeyStore
    new_browser: Callable[[], FlaskClient]

    def key(self, name: str = "ana", *scopes: Scope) -> str:
        """The whole text of a new key."""
        return add_key(self.keys, name, *scopes)

    def signed_in(self, name: str = "ana", *scopes: Scope) -> FlaskClient:
        """A browser in which somebody has signed in with a new key."""
        return signing_in(self.new_browser(), self.key(name, *scopes))

    def program(self) -> FlaskClient:
        """A client of the API with a key of its own."""
        client = self.new_browser()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {self.key('program', Scope.WRITE)}"
        return client


def signing_in(browser: FlaskClient, key: str) -> FlaskClient:
    """The browser, signed in with this key."""
    form = form_to(browser.get("/desk/sign-in").text, "/desk/sign-in")
    answer = browser.post(form.action, data=form.filled(key=key))
    assert answer.status_code == 303, answer.text
    return browser


@pytest.fixture
def office(settings: Settings, services: Services) -> Office:
    """A registry with a key."""
    office = Office(
        SqliteKeyStore(settings.sqlite_path), create_app(settings, services).test_client
    )
    office.key("first", Scope.ADMIN)
    return office


def registered(browser: FlaskClient, name: str = "FedEx", **more: Any) -> str:  # noqa: ANN401
    """The id of a new carrier, where no key is needed."""
    body = {"name": name, "email": f"office@{abs(hash(name))}.example.com", **more}
    answer = browser.post("/register-carrier", json=body)
    return str(data(answer, 201)["carrier_id"])


def settle(client: FlaskClient, carrier_id: str) -> None:
    """Wait until the lists hold the carrier."""
    name = data(client.get(f"/carriers/{carrier_id}"))["name"]
    renamed = client.post(f"/carriers/{carrier_id}/rename", json={"name": name})
    token = renamed.headers["Consistency-Token"]
    client.get("/statistics", headers={"Consistency-Token": token})
