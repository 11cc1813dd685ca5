"""Who is signed in to the desk, in a process that has just started on the settings of the test."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask.testing import FlaskClient

from app import create_app
from app.bootstrap import build_services
from config.settings import Settings
from tests.desk.conftest import signing_in
from tests.desk.test_signing_in import COOKIE, cookie


def sign_in(key: str) -> str:
    """The session that begins with this key."""
    with _browser() as browser:
        return cookie(signing_in(browser, key))


def is_let_in(session: str) -> bool:
    """Whether the session counts."""
    with _browser() as browser:
        browser.set_cookie(COOKIE, session)
        return browser.get("/desk/carriers").status_code != 303


@contextmanager
def _browser() -> Iterator[FlaskClient]:
    services = build_services(Settings())
    try:
        yield create_app(Settings(), services).test_client()
    finally:
        services.close()
