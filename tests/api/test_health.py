"""Signs of life, and the figures."""

import sqlite3
from contextlib import closing

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from app.application.projections import PROJECTIONS
from config.settings import Settings
from tests.support.answers import another, data, failure
from tests.support.stores import soon

Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


def figures(client: FlaskClient) -> Figures:
    """What /metrics tells: value by sample name and labels."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(found: Figures, name: str, **labels: str) -> float:
    """One figure; one that was never counted is 0."""
    return found.get((name, frozenset(labels.items())), 0)


def spoil(settings: Settings) -> None:
    """Take the store's table away."""
    with closing(sqlite3.connect(settings.sqlite_path)) as other, other:
        other.execute("DROP TABLE events")


def test_a_process_that_answers_is_alive(client: FlaskClient) -> None:
    """In the envelope."""
    assert data(client.get("/health/live")) == {"status": "alive"}


def test_a_process_with_its_store_is_ready(client: FlaskClient) -> None:
    """The store was asked; and of each view it is said how far it is."""
    client.get("/carriers")  # waits until the view is made
    client.get("/statistics")
    shown = data(client.get("/health/ready"))
    views = {
        name: {"view": PROJECTIONS[name].key, "made": True, "position": 0, "behind": 0}
        for name in PROJECTIONS
    }
    assert shown == {"status": "ready", "views": views}
    made = figures(client)
    assert [value(made, "view_made", projection=name) for name in PROJECTIONS] == [1, 1]


def test_without_its_store_a_process_is_alive_but_not_ready(
    client: FlaskClient, settings: Settings
) -> None:
    """503: it gets no requests, but restarting it would not help. A sentence says that another
    instance may do better."""
    spoil(settings)
    message, details = failure(client.get("/health/ready"), 503)
    assert message.endswith("it should leave while another one is ready")
    assert details == {"outcome": "not-started"}
    assert data(client.get("/health/live")) == {"status": "alive"}


def test_the_store_is_shown_to_be_up_or_down(client: FlaskClient, settings: Settings) -> None:
    """Asked at the moment of the scrape."""
    assert value(figures(client), "event_store_up") == 1
    spoil(settings)
    assert value(figures(client), "event_store_up") == 0


def test_requests_are_counted_by_route_and_status(client: FlaskClient) -> None:
    """With a histogram of their time; never by a path that someone sent."""
    before = figures(client)
    client.post("/register-carrier", json=another())
    client.post("/register-carrier", json=another())
    client.post("/register-carrier", json={})
    client.get("/contact@fedex.com")
    client.open("/contact@fedex.com", method="BREW")
    after = figures(client)

    def grew(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    route = {"method": "POST", "route": "/register-carrier"}
    assert grew("http_requests_total", **route, status="201") == 2
    assert grew("http_requests_total", **route, status="422") == 1
    assert grew("http_request_duration_seconds_count", **route) == 3
    assert grew("http_request_duration_seconds_bucket", **route, le="+Inf") == 3
    assert 0 < grew("http_request_duration_seconds_sum", **route) < 5
    unknown = {"route": "unmatched", "status": "404"}
    assert grew("http_requests_total", method="GET", **unknown) == 1
    assert grew("http_requests_total", method="other", **unknown) == 1
    assert not [key for key in after if "@" in str(key)]


def test_the_store_is_counted_and_timed(client: FlaskClient) -> None:
    """Appends by outcome, and the time of both operations."""
    before = figures(client)
    client.get(client.post("/register-carrier", json=another()).headers["Location"])
    after = figures(client)
    for name, labels in (
        ("event_store_appends_total", {"outcome": "written"}),
        ("event_store_operation_seconds_count", {"operation": "append"}),
        ("event_store_operation_seconds_count", {"operation": "read"}),
    ):
        assert value(after, name, **labels) - value(before, name, **labels) == 1


def test_how_far_the_feed_and_the_views_are_is_shown(client: FlaskClient) -> None:
    """Views that are up are at the position of the feed; none has parked a stream."""
    client.post("/register-carrier", json=another())
    deadline = soon()
    while True:
        now = figures(client)
        head = value(now, "feed_position")
        views = [
            value(now, "view_position", projection=name) for name in ("carriers", "statistics")
        ]
        if head == 1 and views == [1, 1]:
            break
        assert not deadline.expired
    assert value(now, "view_parked_streams", projection="carriers") == 0


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
def test_a_check_can_do_without_the_body(client: FlaskClient, path: str) -> None:
    """HEAD answers as GET does."""
    answer = client.head(path)
    assert (answer.status_code, answer.data) == (200, b"")
