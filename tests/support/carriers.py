"""Beside the way of the data: carriers and commands to them, over HTTP."""

from collections.abc import Mapping
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.answers import FEDEX, data

NOBODY = "550e8400-e29b-41d4-a716-446655440000"
Headers = Mapping[str, str]


def register(client: FlaskClient) -> str:
    """The address of a new carrier."""
    return client.post("/register-carrier", json=FEDEX).headers["Location"]


def rename(
    client: FlaskClient, carrier: str, name: str, headers: Headers | None = None
) -> TestResponse:
    """The answer to a command."""
    return client.post(f"{carrier}/rename", json={"name": name}, headers=headers)


def key(text: str) -> Headers:
    """The header that names an attempt."""
    return {"Idempotency-Key": text}


def seen(tags: str) -> Headers:
    """The header that names what the caller has seen."""
    return {"If-Match": tags}


def history(client: FlaskClient, carrier: str) -> list[dict[str, Any]]:
    """All that has happened."""
    events: list[dict[str, Any]] = data(client.get(f"{carrier}/history"))["events"]
    return events


def names_listed(client: FlaskClient, query: str, hidden: str, limit: int = 2) -> list[str]:
    """The names on all pages of so many carriers, which do not show the member `hidden` of their
    rows."""
    names: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        more = f"&cursor={cursor}" if cursor else ""
        page = data(client.get(f"/carriers?limit={limit}&{query}{more}"))
        assert all(hidden not in each for each in page["carriers"])
        names += [each["name"] for each in page["carriers"]]
        cursor = page["next"]
    return names
