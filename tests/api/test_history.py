"""What a carrier was at a version and at a moment, and what happened to it."""

from collections.abc import Callable
from urllib.parse import urljoin
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from werkzeug.http import parse_options_header
from werkzeug.test import TestResponse

from app.application.deadline import Deadline
from app.application.ports.event_store import NO_STREAM
from app.application.services import Services
from tests.support.answers import data, failure
from tests.support.carriers import NOBODY, history, register, rename
from tests.support.commits import event


@pytest.fixture
def fedex(client: FlaskClient) -> str:
    """The address of a carrier that is registered."""
    return register(client)


def test_a_carrier_is_shown_as_it_was(client: FlaskClient, fedex: str) -> None:
    """At a version and at a moment, each with the ETag of that version."""
    rename(client, fedex, "DHL")
    client.post(f"{fedex}/suspend", json={"reason": "No cover"})
    registered, renamed, _ = history(client, fedex)
    then = client.get(f"{fedex}?version=1")
    assert (data(then)["name"], then.headers["ETag"]) == ("FedEx", '"1"')
    assert data(client.get(f"{fedex}?version=3")) == data(client.get(fedex))
    failure(client.get(f"{fedex}?version=4"), 404)
    at = client.get(fedex, query_string={"at": "9999-12-31T23:59:59Z"})
    assert data(at)["version"] == 3
    at = client.get(fedex, query_string={"at": renamed["at"]})
    assert data(at)["name"] == "DHL"
    assert data(at) == data(client.get(f"{fedex}?version={data(at)['version']}"))
    at = client.get(fedex, query_string={"at": registered["at"]})
    assert data(at)["registered_at"] == registered["at"]
    last = {"at": "9999-12-31T23:59:59-14:00"}  # which UTC has not
    assert data(client.get(fedex, query_string=last))["version"] == 3
    failure(client.get(f"{fedex}?at=2020-01-01T00:00:00Z"), 404)
    failure(client.get(fedex, query_string={"at": "0001-01-01T00:00:00+23:59"}), 404)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("?version=0", "version"), ("?version=x", "version"), ("?version=1.5", "version"),
        ("?version=2147483648", "version"), ("?version=", "version"), ("?version=1_0", "version"),
        ("?at=2026-01-31", "at"), ("?at=2026-01-31T12:00:00", "at"), ("?at=now", "at"),
        ("?at=2026-01-31T12:00:00Z&version=1", "version"), ("?verison=1", "verison"),
        ("/history?limit=0", "limit"), ("/history?limit=501", "limit"), ("/history?page=1", "page"),
        ("/history?after=-1", "after"), ("/history?after=2147483648", "after"),
    ],
)  # fmt: skip
def test_a_bad_query_is_named(client: FlaskClient, fedex: str, path: str, field: str) -> None:
    """400, with the parameter that is at fault; an unknown one is not passed over."""
    assert failure(client.get(fedex + path), 400)[1].keys() == {field}


def test_what_is_known_is_not_sent_again(client: FlaskClient, fedex: str) -> None:
    """304 without a body while the version is the one that is known."""
    for tags in ('"1"', 'W/"1"', '"7", "1"', "*"):
        answer = client.get(fedex, headers={"If-None-Match": tags})
        assert (answer.status_code, answer.data) == (304, b"")
        assert answer.headers["ETag"] == '"1"'
        assert answer.headers["X-Request-ID"]
    rename(client, fedex, "DHL")
    answer = client.get(fedex, headers={"If-None-Match": '"1"'})
    assert (data(answer)["version"], answer.headers["ETag"]) == (2, '"2"')
    then = client.get(f"{fedex}?version=1", headers={"If-None-Match": '"1"'})
    assert then.status_code == 304


def test_a_history_says_who_when_and_what(client: FlaskClient, fedex: str) -> None:
    """Each event with its ids and its changes from what to what."""
    rename(client, fedex, "DHL", {"X-Request-ID": "my-request"})
    registered, renamed = history(client, fedex)
    assert [change["field"] for change in registered["changes"]] == ["name", "email", "state"]
    assert str(UUID(renamed.pop("event_id")))
    assert str(UUID(renamed.pop("causation_id")))
    assert renamed.pop("at") >= registered["at"]
    assert renamed == {
        "version": 2,
        "type": "CarrierRenamed",
        "who": "anonymous",
        "correlation_id": "my-request",
        "data": {"name": "DHL"},
        "changes": [{"field": "name", "from": "FedEx", "to": "DHL"}],
    }


def test_a_history_is_read_page_by_page(client: FlaskClient, fedex: str) -> None:
    """By the Link header or by `next`; the last page has neither."""
    for number in range(4):
        rename(client, fedex, f"Name {number}")
    whole, found, path = history(client, fedex), [], f"{fedex}/history?limit=2"
    for pages_left in (2, 1, 0):
        answer = client.get(path)
        page = data(answer)
        found += page["events"]
        assert (page["next"] is None) is (pages_left == 0)
        assert ("Link" in answer.headers) is (pages_left > 0)
        if pages_left:
            target, options = parse_options_header(answer.headers["Link"])
            assert options == {"rel": "next"}
            path = urljoin(path, target.strip("<>"))
            assert f"after={page['next']}" in path
            assert "limit=2" in path
    assert found == whole
    assert data(client.get(f"{fedex}/history?limit=5"))["next"] is None
    assert data(client.get(f"{fedex}/history?after=5"))["events"] == []
    assert data(client.get(f"{fedex}/history?after=2147483647&limit=500"))["events"] == []
    failure(client.get(f"/carriers/{NOBODY}/history"), 404)


def test_an_unreadable_event_is_reported(
    client: FlaskClient, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    """Never passed over: no state, no history and no command beyond it. The log says its stream
    and version, and the answer nothing of what is inside."""
    broken = event("CarrierVanished", '{"secret":"s3cret"}')
    happened = [event(), event(), broken]
    services.store.append(NOBODY, NO_STREAM, happened, uuid4(), Deadline.after(5))
    path = f"/carriers/{NOBODY}"
    asked: list[Callable[[], TestResponse]] = [
        lambda: client.get(path),
        lambda: client.get(f"{path}/history"),
        lambda: rename(client, path, "DHL"),
        lambda: client.post(f"{path}/rename?dry_run=true", json={"name": "DHL"}),
    ]
    for ask in asked:
        caplog.clear()
        answer = ask()
        assert failure(answer, 500)[1] == {}
        for inside in ("Traceback", "UnreadableEvent", "CarrierVanished", "s3cret"):
            assert inside not in answer.text
        assert f"event 3 of stream {NOBODY}" in caplog.text
        assert "s3cret" not in caplog.text
    assert data(client.get(f"{path}?version=1"))["version"] == 1
    assert len(data(client.get(f"{path}/history?limit=1"), 200)["events"]) == 1


def test_a_parameter_that_comes_twice_is_refused(client: FlaskClient, fedex: str) -> None:
    """One of the two would be ignored in silence: also where a command would be carried out."""
    _, details = failure(client.get(f"{fedex}?version=1&version=2"), 400)
    assert details.keys() == {"version"}
    answer = client.post(f"{fedex}/rename?dry_run=false&dry_run=true", json={"name": "UPS"})
    assert answer.status_code == 400
    assert len(history(client, fedex)) == 1
