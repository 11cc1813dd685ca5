"""Errors in the form of RFC 9457, for clients that ask for it; all others get the usual
envelope."""

import json
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.application.access.ring import KeyRing
from app.application.bus import CommandBus
from app.application.handlers import CommandDone
from app.application.services import Services
from app.infrastructure.sqlite.keys import SqliteKeyStore
from config.settings import Settings
from tests.support.answers import FEDEX, failure, refused
from tests.support.figures import KeptFigures
from tests.support.keys import add_key, bearer

JSON = "application/json"
PROBLEM = "application/problem+json"
ASKED = {"Accept": PROBLEM}


def problem(answer: TestResponse, status: int) -> dict[str, Any]:
    """The members of a problem, after a look at those that every one has."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == PROBLEM
    assert answer.headers["Vary"] == "Accept"
    members: dict[str, Any] = json.loads(answer.data)
    assert members["status"] == status
    assert members["request_id"] == answer.headers["X-Request-ID"]
    assert members["type"] == "about:blank" or members["type"].startswith("/docs#problem-")
    assert members["title"]
    assert members["detail"]
    return members


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("text/html", JSON),
        (JSON, JSON),
        (PROBLEM, PROBLEM),
        ("Application/Problem+JSON", PROBLEM),
        (f"{PROBLEM}; charset=utf-8", PROBLEM),
        (f"{JSON}, {PROBLEM}", PROBLEM),
        (f"{PROBLEM}, */*;q=0.1", PROBLEM),
        (f"{PROBLEM};q=0.2, text/html", PROBLEM),
        (f"{PROBLEM};q=0.2, {JSON};q=0.1, */*", PROBLEM),
        (f"{PROBLEM};q=0.5, {JSON}", JSON),
        (f"{PROBLEM};q=0.5, */*", JSON),
        (f"{PROBLEM};q=0.5, application/*;q=0.9", JSON),
        (f"{PROBLEM};q=0", JSON),
        (f"{PROBLEM};q=0, */*;q=0", JSON),
        (f"{PROBLEM};q=x", JSON),
        (",;=", JSON),
    ],
)
def test_who_gets_it(client: FlaskClient, accept: str | None, expected: str) -> None:
    """Whoever names it and likes it no less than the envelope; a wildcard names nothing."""
    headers = {} if accept is None else {"Accept": accept}
    for answer in (
        client.get("/nowhere", headers=headers),
        client.post("/register-carrier", json={}, headers=headers),
    ):
        assert answer.headers["Content-Type"] == expected
        assert answer.headers["Vary"] == "Accept"


def test_success_is_the_same_for_all(client: FlaskClient) -> None:
    """There is nothing to choose."""
    answer = client.post("/register-carrier", json=FEDEX, headers=ASKED)
    assert (answer.status_code, answer.headers["Content-Type"]) == (201, JSON)
    assert "Vary" not in answer.headers


def test_a_broken_rule(client: FlaskClient) -> None:
    """422 with the same details as the envelope."""
    body = {"name": "FedEx", "email": "contact"}
    answer = client.post("/register-carrier", json=body, headers={**ASKED, "X-Request-ID": "mine"})
    assert problem(answer, 422) == {
        "type": "/docs#problem-validation-failed",
        "title": "Validation failed",
        "status": 422,
        "detail": "Validation failed",
        "request_id": "mine",
        "details": {"email": "The email must be a valid email address"},
    }


def test_what_http_itself_refuses(client: FlaskClient) -> None:
    """Unknown addresses and methods, types, lengths and bodies: the status says what kind it is."""
    post = "/register-carrier"
    lengthless = {"headers": {**ASKED, "Transfer-Encoding": "chunked"}}
    for answer, status in (
        (client.get("/nowhere", headers=ASKED), 404),
        (client.get("/carriers/1", headers=ASKED), 404),
        (client.delete(post, headers=ASKED), 405),
        (client.post(post, data=b"x", headers=ASKED), 415),
        (client.post(post, data=b"{", content_type=JSON, headers=ASKED), 400),
        (
            client.post(post, environ_overrides={"CONTENT_LENGTH": ""}, **lengthless),
            411,
        ),
        (
            client.post(post, data=b" " * 300_001, content_type=JSON, headers=ASKED),
            413,
        ),
    ):
        members = problem(answer, status)
        assert (members["type"], members["title"]) == ("about:blank", HTTPStatus(status).phrase)
        assert members["details"] == {}
    assert "POST" in client.delete(post, headers=ASKED).headers["Allow"]


def test_a_stale_version(client: FlaskClient) -> None:
    """412 with the current version and the events since, in both forms."""
    location = client.post("/register-carrier", json=FEDEX).headers["Location"]
    client.post(f"{location}/rename", json={"name": "FedEx Express"})
    for accept in (ASKED, {}):
        answer = client.post(
            f"{location}/rename", json={"name": "Other"}, headers={**accept, "If-Match": '"1"'}
        )
        members = problem(answer, 412) if accept else json.loads(answer.data)["error"]
        assert members["current_version"] == 2
        (event,) = members["since"]
        assert (event["version"], event["type"]) == (2, "CarrierRenamed")
        assert answer.headers["ETag"] == '"2"'


def test_what_the_state_forbids(client: FlaskClient) -> None:
    """409 with the state and what is possible in it."""
    location = client.post("/register-carrier", json=FEDEX).headers["Location"]
    client.post(f"{location}/retire", json={"reason": "closed"})
    members = problem(client.post(f"{location}/rename", json={"name": "x"}, headers=ASKED), 409)
    assert members["type"] == "/docs#problem-forbidden-by-state"
    assert members["details"].keys() == {"state", "possible"}


def test_a_taken_address(client: FlaskClient) -> None:
    """409 that names the field."""
    client.post("/register-carrier", json=FEDEX)
    members = problem(client.post("/register-carrier", json=FEDEX, headers=ASKED), 409)
    assert members["type"] == "/docs#problem-already-claimed"
    assert members["details"].keys() == {"email"}


def test_keys(settings: Settings, services: Services) -> None:
    """401 keeps its challenge."""
    keys = SqliteKeyStore(settings.sqlite_path)
    text = add_key(keys)
    access = replace(services.access, ring=KeyRing(keys))
    client = create_app(settings, replace(services, access=access)).test_client()
    path = f"/carriers/{uuid4()}"
    for headers, kind in (
        (ASKED, "key-needed"),
        ({**ASKED, **bearer(text[:-1])}, "invalid-key"),
    ):
        answer = client.get(path, headers=headers)
        assert problem(answer, 401)["type"] == f"/docs#problem-{kind}"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_a_mistake_of_ours(settings: Settings, services: Services) -> None:
    """500 tells nothing but the request's id, with which the log is searched."""
    bus = CommandBus[CommandDone]({}, KeptFigures())
    client = create_app(settings, replace(services, bus=bus)).test_client()
    members = problem(client.post("/register-carrier", json=FEDEX, headers=ASKED), 500)
    assert members["title"] == "Internal Server Error"
    assert "KeyError" not in json.dumps(members)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("limit=0", "The limit parameter must be a whole number from 1 to 500"),
        ("limit=501", "The limit parameter must be a whole number from 1 to 500"),
        ("limit=%2B5", "The limit parameter must be a whole number from 1 to 500"),
        ("limit=1_0", "The limit parameter must be a whole number from 1 to 500"),
        ("limit=", "The limit parameter must be a whole number from 1 to 500"),
        ("limit=٣", "The limit parameter must be a whole number from 1 to 500"),
        ("after=x", "The after parameter must be a whole number from 0 to 2147483647"),
        ("after=2147483648", "The after parameter must be a whole number from 0 to 2147483647"),
        ("page=2", "The page parameter is unknown"),
    ],
)
def test_a_wrong_query_of_a_history(client: FlaskClient, query: str, sentence: str) -> None:
    """400 with one sentence that says what is allowed."""
    _, details = failure(client.get(f"/carriers/{uuid4()}/history?{query}"), 400)
    assert details == {query.partition("=")[0]: sentence}


@pytest.mark.parametrize(
    ("query", "field", "part"),
    [
        ("version=0", "version", "must be a whole number from 1 to 2147483647"),
        ("at=yesterday", "at", "such as 2026-01-31T12:00:00Z"),
        ("at=2026-01-31T12:00:00", "at", "with its offset from UTC"),
        ("at=2026-01-31T12:00:00+01:00", "at", "+ is written %2B"),
        ("version=1&at=2026-01-31T12:00:00Z", "version", "not both"),
        ("versoin=1", "versoin", "is unknown"),
    ],
)
def test_a_wrong_query_of_a_carrier(client: FlaskClient, query: str, field: str, part: str) -> None:
    """400 with one sentence that says what is allowed."""
    _, details = failure(client.get(f"/carriers/{uuid4()}?{query}"), 400)
    assert details.keys() == {field}
    assert part in details[field]


def test_a_carrier_that_is_not_as_asked_for(client: FlaskClient) -> None:
    """404 says why: there is none, it has fewer versions, it is younger."""
    location = client.post("/register-carrier", json=FEDEX).headers["Location"]
    for path, sentence in (
        (f"/carriers/{uuid4()}?version=1", "There is no carrier with this id"),
        (f"{location}?version=99", "The carrier has no version 99; its last is 1"),
        (
            f"{location}?at=2001-01-31T12:00:00Z",
            "The carrier was not registered yet at that time",
        ),
        (
            f"{location}?at=0001-01-01T00:00:00%2B23:59",
            "The carrier was not registered yet at that time",
        ),
    ):
        assert refused(client.get(path), 404) == sentence
        assert problem(client.get(path, headers=ASKED), 404)["detail"] == sentence
