"""CORS_ORIGINS: pages of which other origins may call the API."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.application.access.ring import KeyRing
from app.application.services import Services
from app.infrastructure.sqlite.keys import SqliteKeyStore
from config.settings import Settings
from tests.support.answers import another
from tests.support.keys import add_key, bearer

PAGE = "https://app.example"
ALLOWED = "Access-Control-Allow-Origin"
SENT = (
    "Content-Type, Authorization, Idempotency-Key, If-Match, Consistency-Token, X-Request-ID,"
    " Last-Event-ID"
)


@pytest.fixture
def page(settings: Settings, services: Services) -> FlaskClient:
    """A client of a service that lists the page's origin."""
    listed = replace(settings, cors_origins=(PAGE, "http://localhost:5173"))
    return create_app(listed, services).test_client()


def preflight(client: FlaskClient, address: str, origin: str = PAGE, **more: str) -> TestResponse:
    """What a browser asks before a page may send a command."""
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": SENT}
    return client.options(address, headers={"Origin": origin, **asked, **more})


def names(answer: TestResponse, header: str) -> set[str]:
    """The entries of a header that is a list."""
    return {name.strip().lower() for name in answer.headers[header].split(",")}


def test_a_listed_page_may_send_commands(page: FlaskClient) -> None:
    """Its browser is told which methods and headers; no cookies are meant."""
    answer = preflight(page, "/register-carrier")
    assert answer.status_code == 200
    assert answer.headers[ALLOWED] == PAGE
    assert "post" in names(answer, "Access-Control-Allow-Methods")
    assert names(answer, "Access-Control-Allow-Headers") >= {
        name.strip().lower() for name in SENT.split(",")
    }
    assert int(answer.headers["Access-Control-Max-Age"]) > 0
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert names(answer, "Vary") >= {"origin", "access-control-request-method"}


def test_a_preflight_needs_no_key(settings: Settings, services: Services) -> None:
    """A browser sends none with it; what it asks for needs one all the same. Of another origin it
    is a request like any other."""
    keys = SqliteKeyStore(settings.sqlite_path)
    text = add_key(keys)
    access = replace(services.access, ring=KeyRing(keys))
    listed = replace(settings, cors_origins=(PAGE,))
    page = create_app(listed, replace(services, access=access)).test_client()
    assert preflight(page, "/register-carrier").status_code == 200
    assert preflight(page, "/register-carrier", "https://other.example").status_code == 401
    assert page.options("/register-carrier", headers={"Origin": PAGE}).status_code == 401
    answer = page.post("/register-carrier", json=another(), headers={"Origin": PAGE})
    assert (answer.status_code, answer.headers[ALLOWED]) == (401, PAGE)
    sent = {"Origin": PAGE, **bearer(text)}
    assert page.post("/register-carrier", json=another(), headers=sent).status_code == 201


def test_a_listed_page_may_read_the_headers_that_matter(page: FlaskClient) -> None:
    """Beside those that every page may."""
    answer = page.post("/register-carrier", json=another(), headers={"Origin": PAGE})
    assert (answer.status_code, answer.headers[ALLOWED]) == (201, PAGE)
    assert names(answer, "Access-Control-Expose-Headers") >= {
        *("etag", "link", "location", "consistency-token", "x-request-id"),
        *("idempotent-replay", "retry-after"),
    }


@pytest.mark.parametrize(
    ("ask", "status"),
    [
        (lambda page, sent: page.get("/nowhere", headers=sent), 404),
        (lambda page, sent: page.delete("/carriers", headers=sent), 405),
        (lambda page, sent: page.get("/events?after=9", headers=sent), 400),
        (lambda page, sent: page.post("/register-carrier", json={}, headers=sent), 422),
        (lambda page, sent: page.get("/events/stream?after=9", headers=sent), 400),
    ],
)
def test_a_listed_page_may_read_errors(
    page: FlaskClient, ask: Callable[[FlaskClient, dict[str, str]], TestResponse], status: int
) -> None:
    """Or it would see a broken connection instead."""
    answer = ask(page, {"Origin": PAGE})
    assert (answer.status_code, answer.headers[ALLOWED]) == (status, PAGE)
    assert names(answer, "Vary") == {"accept", "origin"}


@pytest.mark.parametrize(
    "origin",
    ["https://other.example", "http://app.example", f"{PAGE}:8443", f"{PAGE}.evil.example", "null"],
)
def test_other_pages_may_read_nothing(page: FlaskClient, origin: str) -> None:
    """Exactly the origins that are listed; but what is kept is kept by origin."""
    answer = page.get("/events", headers={"Origin": origin})
    assert answer.status_code == 200
    assert ALLOWED not in answer.headers
    assert "origin" in names(answer, "Vary")
    assert ALLOWED not in preflight(page, "/register-carrier", origin).headers
    assert "origin" in names(page.get("/events"), "Vary")


def test_without_origins_there_is_nothing_of_it(client: FlaskClient) -> None:
    """It is off unless it is set."""
    answer = client.get("/events", headers={"Origin": PAGE})
    assert not any(name.startswith("Access-Control") for name in dict(answer.headers))
    assert "Vary" not in answer.headers


def test_a_listed_page_does_not_get_past_the_host(page: FlaskClient) -> None:
    """While no key is needed a foreign name is refused, to a preflight too."""
    assert preflight(page, "/register-carrier", Host="evil.example").status_code == 421
    sent = {"Origin": PAGE, "Host": "evil.example"}
    assert page.post("/register-carrier", json=another(), headers=sent).status_code == 421
