"""Around every request: its id, its access line, its figures."""

import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.application.correlation import request_id
from tests.support.answers import FEDEX

MADE = re.compile(r"[0-9a-f]{32}")
ADDRESS = FEDEX["email"]


@pytest.mark.parametrize("given", ["a", "my-request.1_X", "0" * 128])
def test_a_harmless_request_id_is_taken(client: FlaskClient, given: str) -> None:
    """So that one id goes through all services."""
    answer = client.get("/health/live", headers={"X-Request-ID": given})
    assert answer.headers.getlist("X-Request-ID") == [given]


@pytest.mark.parametrize(
    "given",
    [
        "",
        " ",
        "a b",
        "a\tb",
        "x" * 129,
        "a@b.com",
        "<script>",
        "é",
        "\xff",
        '"',
        "a,b",
        "a/b",
        "%0a",
    ],
)
def test_any_other_request_id_is_replaced(client: FlaskClient, given: str) -> None:
    """By one that cannot do harm in a log or a page."""
    answer = client.get("/health/live", headers={"X-Request-ID": given})
    (made,) = answer.headers.getlist("X-Request-ID")
    assert MADE.fullmatch(made)


def test_a_line_break_after_the_id_is_no_part_of_it(client: FlaskClient) -> None:
    """What a server in front let through cannot forge a line."""
    answer = client.get("/health/live", environ_overrides={"HTTP_X_REQUEST_ID": "abc\n"})
    assert MADE.fullmatch(answer.headers["X-Request-ID"])


def test_each_request_has_an_id_of_its_own(client: FlaskClient) -> None:
    """Where none was given; errors included."""
    paths = ["/health/live", "/health/live", "/nowhere", "/register-carrier"]
    assert len({client.get(path).headers["X-Request-ID"] for path in paths}) == len(paths)


@pytest.mark.parametrize(
    "path", ["/carriers", "/nowhere", "/register-carrier", "/metrics", "/docs"]
)
def test_browsers_are_told_to_guess_and_to_run_nothing(client: FlaskClient, path: str) -> None:
    """In data and errors as in pages, which have a policy of their own."""
    headers = client.get(path).headers
    assert headers.getlist("X-Content-Type-Options") == ["nosniff"]
    (policy,) = headers.getlist("Content-Security-Policy")
    assert policy.startswith("default-src 'none';")
    assert "frame-ancestors 'none'" in policy


def test_the_id_is_gone_after_the_request(client: FlaskClient) -> None:
    """The thread's next work is not logged under it."""
    client.get("/health/live", headers={"X-Request-ID": "mine"})
    assert request_id.get() is None


def lines_of(
    client: FlaskClient,
    caplog: pytest.LogCaptureFixture,
    method: str,
    path: str,
    json: object = None,
) -> tuple[TestResponse, dict[str, object]]:
    """The answer, and the fields of its one access line."""
    caplog.clear()
    with caplog.at_level("INFO"):
        answer = client.open(path, method=method, json=json)
    (line,) = [record for record in caplog.records if record.name == "app.access"]
    assert line.getMessage() == "request"
    names = ("method", "route", "status", "duration_ms", "bytes", "actor")
    assert not {"key", "client"} & line.__dict__.keys()
    return answer, {name: line.__dict__[name] for name in names}


def test_one_access_line_a_request(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    """Method, route, status, time and size."""
    answer, line = lines_of(client, caplog, "POST", "/register-carrier", json=FEDEX)
    duration = line.pop("duration_ms")
    assert isinstance(duration, float)
    assert 0 < duration < 5000
    assert line == {
        "method": "POST",
        "route": "/register-carrier",
        "status": 201,
        "bytes": len(answer.data),
        "actor": "anonymous",
    }


@pytest.mark.parametrize(
    ("path", "route", "status"),
    [
        (
            "/carriers/550e8400-e29b-41d4-a716-446655440000",
            "/carriers/<uuid:carrier_id>",
            404,
        ),
        (f"/{ADDRESS}", "unmatched", 404),
        (f"/carriers/{ADDRESS}?email={ADDRESS}", "unmatched", 404),
        (f"/health/live?{ADDRESS}", "/health/live", 200),
    ],
)
def test_an_access_line_names_the_route(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, path: str, route: str, status: int
) -> None:
    """Never the path, which is whatever someone typed."""
    _, line = lines_of(client, caplog, "GET", path)
    assert (line["route"], line["status"]) == (route, status)


@pytest.mark.parametrize(
    ("method", "named", "route", "status"),
    [
        ("HEAD", "HEAD", "/health/live", 200),
        ("DELETE", "DELETE", "unmatched", 405),
        ("CONTACT@FEDEX", "other", "unmatched", 405),
    ],
)
def test_an_access_line_names_known_methods(
    client: FlaskClient,
    caplog: pytest.LogCaptureFixture,
    method: str,
    named: str,
    route: str,
    status: int,
) -> None:
    """A method that nobody knows is whatever someone typed, too."""
    _, line = lines_of(client, caplog, method, "/health/live")
    assert (line["method"], line["route"], line["status"]) == (named, route, status)


def test_no_address_and_no_body_in_a_log(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    """At any level, whether it went well or not."""
    with caplog.at_level("DEBUG"):
        client.post("/register-carrier", json=FEDEX, headers={"X-Request-ID": ADDRESS})
        client.post("/register-carrier", json={**FEDEX, ADDRESS: 1})
        client.post("/register-carrier", data=f'{{"{ADDRESS}":NaN}}', content_type=ADDRESS)
        client.get(f"/{ADDRESS}?{ADDRESS}", headers={"User-Agent": ADDRESS, "Referer": ADDRESS})
    written = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert ADDRESS not in written
    assert "FedEx" not in written
