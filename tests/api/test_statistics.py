"""GET /statistics: how many carriers there are."""

from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from flask.testing import FlaskClient

from app import create_app
from app.api.resources import representations as shown
from app.application.ports.views import Changes, Parked
from app.application.services import Services
from app.bootstrap import build_services
from config.settings import Settings
from tests.support.answers import another, data, failure, refused
from tests.support.directory import covers
from tests.support.processes import wait_until
from tests.support.stores import soon


def counted(client: FlaskClient, services: Services) -> Any:  # noqa: ANN401
    """What is counted once everything is."""
    head = services.feed.head(soon())
    wait_until(lambda: data(client.get("/statistics"))["position"] >= head, 20, "the statistics")
    return data(client.get("/statistics"))


def test_carriers_are_counted(client: FlaskClient, services: Services) -> None:
    """By state, country, service and day; who is retired offers nothing."""
    offered = {"coverage": covers(air=["DE", "FR"], parcel=["worldwide"])}
    for profile in ({}, offered, offered):
        answer = client.post("/register-carrier", json={**another(), **profile})
    client.post(f"{answer.headers['Location']}/retire", json={"reason": "closed"})
    assert counted(client, services) == {
        "total": 3,
        "states": {"active": 2, "suspended": 0, "retired": 1, "merged": 0},
        "countries": {"DE": 1, "FR": 1, "worldwide": 1},
        "services": {"air": 1, "parcel": 1},
        "incidents": {},
        "registrations": [{"day": datetime.now(UTC).date().isoformat(), "count": 3}],
        "position": 6,
    }


def test_what_has_not_changed_is_not_sent_again(client: FlaskClient, services: Services) -> None:
    """304, until something in the view has."""
    counted(client, services)
    known = {"If-None-Match": client.get("/statistics").headers["ETag"]}
    answer = client.get("/statistics", headers=known)
    assert (answer.status_code, answer.data) == (304, b"")
    client.post("/register-carrier", json=another())
    counted(client, services)
    assert client.get("/statistics", headers=known).status_code == 200


def test_the_last_days_are_shown() -> None:
    """Those on which somebody registered, the last one last; what nobody is in is left out."""
    counts = {"registered:2026-01-02": 2, "registered:2025-12-31": 1, "registered:2026-01-01": 3}
    answer = shown.statistics({**counts, "country:DE": 0}, 7, days=2)
    assert answer["countries"] == {}
    assert answer["registrations"] == [
        {"day": "2026-01-01", "count": 3},
        {"day": "2026-01-02", "count": 2},
    ]


def test_days_have_bounds(client: FlaskClient) -> None:
    """A year and a day at most."""
    assert data(client.get("/statistics?days=366"))["total"] == 0
    assert failure(client.get("/statistics?days=367"), 400)[1] == {
        "days": "The days parameter must be a whole number from 1 to 366"
    }


def test_what_was_just_written_is_counted(client: FlaskClient) -> None:
    """With the token of the answer, every time."""
    for number in range(1, 40):
        answer = client.post("/register-carrier", json=another())
        token = {"Consistency-Token": answer.headers["Consistency-Token"]}
        assert data(client.get("/statistics", headers=token))["total"] == number


def test_a_token_that_nobody_was_given_is_refused(client: FlaskClient) -> None:
    """As GET /carriers has it."""
    answer = client.get("/statistics", headers={"Consistency-Token": "garbage"})
    assert refused(answer, 400) == "The Consistency-Token is not one of a command's answer"


def test_counts_that_stand_still_are_not_taken_for_new_ones(settings: Settings) -> None:
    """503 with Retry-After, where nobody follows."""
    with closing(build_services(settings, follows=False)) as services:
        client = create_app(settings, services).test_client()
        answer = client.post("/register-carrier", json=another())
        token = {"Consistency-Token": answer.headers["Consistency-Token"]}
        refusal = client.get("/statistics", headers=token)
        assert failure(refusal, 503)[1] == {"outcome": "not-started"}
        assert refusal.headers["Retry-After"] == "1"


def test_a_carrier_that_the_counts_have_stopped_following_is_not_waited_for(
    client: FlaskClient, services: Services
) -> None:
    """What its token stands for is not going to be counted, however far the view comes."""
    answer = client.post("/register-carrier", json=another())
    carrier_id = data(answer, 201)["carrier_id"]
    counted(client, services)
    views = services.directory._views
    view = services.directory.standing("statistics", soon()).view
    parked = Changes(1, parked=[Parked(carrier_id, 1, 1, "unreadable", 1)])
    views.commit(view, views.progress(view, soon()), parked, soon())
    token = {"Consistency-Token": answer.headers["Consistency-Token"]}
    message, _ = failure(client.get("/statistics", headers=token), 503)
    assert "stopped following" in message
