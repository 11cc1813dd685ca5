"""The start at / and the pages for people: who gets what, and that nothing comes from elsewhere."""

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app.api.resources import docs
from tests.support.answers import data

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
PAGES = Path(docs.__file__).parent / "pages"
FILES = sorted(path.name for path in PAGES.iterdir())
SHOWN = {"/": "root.html", "/docs": "docs.html"}


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html;q=0.5, */*", "text/csv"])
def test_a_program_is_told_where_things_are(client: FlaskClient, accept: str) -> None:
    """In the envelope; nothing that is linked is missing."""
    answer = client.get("/", headers={"Accept": accept})
    links = data(answer)["links"]
    assert "Accept" in answer.vary
    assert links.keys() >= {"docs", "openapi", "carriers", "events", "health"}
    for address in links.values():
        assert client.head(address).status_code in {200, 405}, address


@pytest.mark.parametrize("accept", [BROWSER, "text/html", "application/json;q=0.9, text/html"])
def test_a_browser_is_shown_where_things_are(client: FlaskClient, accept: str) -> None:
    """As a page with a line for a shell; nothing that it links to is missing."""
    answer = client.get("/", headers={"Accept": accept})
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert "Accept" in answer.vary
    assert "curl" in answer.text
    links = re.findall(r'(?:href|src)="([^"]+)"', answer.text)
    assert {"docs", "openapi.json", "carriers", "events", "health/ready"} <= set(links)
    for link in links:
        assert client.get(f"/{link}").status_code == 200, link


@pytest.mark.parametrize("accept", [BROWSER, "*/*"])
def test_head_answers_as_get_does(client: FlaskClient, accept: str) -> None:
    """Without the body."""
    got, head = (ask("/", headers={"Accept": accept}) for ask in (client.get, client.head))
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == str(len(got.data))
    assert head.content_type == got.content_type


def test_an_empty_path_is_the_start(client: FlaskClient) -> None:
    """As of `GET http://host HTTP/1.1`; it is no redirect."""
    environ = {"PATH_INFO": "", "REQUEST_URI": ""}
    answer = client.get(base_url="http://localhost", environ_overrides=environ)
    assert data(answer)["name"] == "Distributing Carriers"


def test_only_what_the_start_takes_is_taken(client: FlaskClient) -> None:
    """Other methods get 405, other addresses 404."""
    assert client.post("/").status_code == 405
    assert client.get("/nowhere", headers={"Accept": BROWSER}).status_code == 404


@pytest.mark.parametrize(
    "path", [*SHOWN, *(f"/docs/{each}" for each in FILES if "html" not in each)]
)
def test_nothing_comes_from_elsewhere(client: FlaskClient, path: str) -> None:
    """Each page's policy forbids it, and none of its files names another host."""
    answer = client.get(path, headers={"Accept": BROWSER})
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    named = set(re.findall(r"https?://[\w.]+", answer.text))
    assert named <= {"http://127.0.0.1", "http://www.w3.org"}
    assert not re.search(r"<script>|<style>|style=|onclick=", answer.text)


@pytest.mark.parametrize("script", [each for each in FILES if each.endswith(".js")])
def test_what_is_shown_is_text(script: str) -> None:
    """No script makes markup or code of what it was given, be it the description's own words."""
    makes_more = r"(?:inner|outer)HTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
    assert not re.search(makes_more, (PAGES / script).read_text())


def test_all_pages_together_are_small(client: FlaskClient) -> None:
    """So that they are there at once, on a bad line as well."""
    assert sum(path.stat().st_size for path in PAGES.iterdir()) < 60_000


@pytest.mark.parametrize(
    "path", ["/docs/", "/docs/docs.html", "/docs/missing.js", "/docs/..%2fdocs.py"]
)
def test_only_files_of_the_pages_are_given(client: FlaskClient, path: str) -> None:
    """Anything else is not there."""
    assert client.get(path).status_code == 404


def test_a_browser_that_has_a_file_is_not_sent_it_again(client: FlaskClient) -> None:
    """304 by its ETag; and it asks each time, so that an upgrade is seen at once."""
    first = client.get("/docs/docs.js")
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get("/docs/docs.js", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
