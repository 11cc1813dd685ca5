"""If-Match and If-None-Match: a carrier is changed only as it was seen, or as it was not, and
nobody's change is passed over."""

import json

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.answers import FEDEX, data, failure
from tests.support.carriers import NOBODY, history, key, register, rename, seen
from tests.support.threads import at_once


@pytest.fixture
def fedex(client: FlaskClient) -> str:
    """The address of a carrier that is registered."""
    return register(client)


def stale(answer: TestResponse) -> tuple[int, list[int]]:
    """Current version and the versions since, of a 412."""
    assert answer.status_code == 412, answer.text
    error = json.loads(answer.data)["error"]
    assert error["code"] == 412
    assert error["details"].keys() == {"version"}
    assert answer.headers["ETag"] == f'"{error["current_version"]}"'
    return error["current_version"], [entry["version"] for entry in error["since"]]


@pytest.mark.parametrize("tags", ['"1"', "*", '"7", "1"', '"1" ,\t"2"', 'W/"9","1"', '"x","1"'])
def test_what_was_seen_can_be_changed(client: FlaskClient, fedex: str, tags: str) -> None:
    """One of the tags is the version, or any version will do."""
    assert data(rename(client, fedex, "DHL", seen(tags)))["version"] == 2


@pytest.mark.parametrize(
    ("tags", "since"),
    [
        ('"1"', [2, 3]),
        ('"2", "1"', [3]),
        ('"9", "1"', [2, 3]),
        ('"4"', []),
        ('W/"3"', []),
        ('"03"', []),
        ('"0"', []),
        ('"-1"', []),
        ('""', []),
        ('"3,"', []),
        ('"a,b"', []),
        ('"*"', []),
        ('"' + "9" * 400 + '"', []),
    ],
)
@pytest.mark.parametrize("query", ["", "?dry_run=true"])
def test_what_was_not_seen_is_not_changed(
    client: FlaskClient, fedex: str, tags: str, since: list[int], query: str
) -> None:
    """412 with the current version and the events since; weak and unknown tags never match."""
    rename(client, fedex, "DHL")
    rename(client, fedex, "UPS")
    answer = client.post(f"{fedex}/rename{query}", json={"name": "TNT"}, headers=seen(tags))
    assert stale(answer) == (3, since)
    if since:
        assert json.loads(answer.data)["error"]["since"] == history(client, fedex)[-len(since) :]
    assert data(client.get(fedex))["version"] == 3


@pytest.mark.parametrize("tags", ["", "1", "'1'", '"1', '"1" "2"', "*, *", '*,"1"', '"a"b"', "W/*"])
def test_a_malformed_condition_is_refused(client: FlaskClient, fedex: str, tags: str) -> None:
    """400, and nothing was done: a condition that is not understood is not met."""
    failure(rename(client, fedex, "DHL", seen(tags)), 400)
    assert len(history(client, fedex)) == 1


def test_no_condition_brings_a_carrier_into_being(client: FlaskClient) -> None:
    """Neither a version nor the star."""
    for tags in ("*", '"1"'):
        failure(rename(client, f"/carriers/{NOBODY}", "DHL", seen(tags)), 404)


def test_a_change_sent_again_by_its_key_is_not_stale(client: FlaskClient, fedex: str) -> None:
    """It was done on the version that it names."""
    headers = {**key("k"), **seen('"1"')}
    first = rename(client, fedex, "DHL", headers)
    again = rename(client, fedex, "DHL", headers)
    assert (again.status_code, again.data) == (200, first.data)


def test_many_clients_change_what_they_have_seen(client: FlaskClient, fedex: str) -> None:
    """16 at once: one succeeds, the others are told of its change."""
    app = client.application
    answers = at_once(
        16, lambda number: rename(app.test_client(), fedex, f"Name {number}", seen('"1"'))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 15
    assert {tuple(stale(each)[1]) for each in answers if each.status_code == 412} == {(2,)}


def test_many_clients_change_whatever_there_is(client: FlaskClient, fedex: str) -> None:
    """16 at once: each is done once, or told after some tries that others were in its way."""
    app = client.application
    answers = at_once(16, lambda number: rename(app.test_client(), fedex, f"Name {number}"))
    done = [json.loads(each.data)["data"]["version"] for each in answers if each.status_code == 200]
    assert {each.status_code for each in answers} <= {200, 409}
    assert sorted(done) == list(range(2, 2 + len(done)))
    assert len(history(client, fedex)) == 1 + len(done)


def test_a_registration_takes_no_if_match(client: FlaskClient) -> None:
    """Nothing exists yet that it could name: 400, rather than to ignore it."""
    assert client.post("/register-carrier", json=FEDEX, headers=seen("*")).status_code == 400


def unseen(tags: str) -> dict[str, str]:
    """The header that asks for none of these versions."""
    return {"If-None-Match": tags}


@pytest.mark.parametrize("tags", ["*", '"1"', 'W/"1"', '"7", "1"', '"1.1"'])
@pytest.mark.parametrize("query", ["", "?dry_run=true"])
def test_what_was_seen_is_not_changed_where_that_is_asked(
    client: FlaskClient, fedex: str, tags: str, query: str
) -> None:
    """412 with the current version: it is one of those (weak tags match too), or any at all."""
    answer = client.post(f"{fedex}/rename{query}", json={"name": "DHL"}, headers=unseen(tags))
    assert stale(answer) == (1, [])
    assert data(client.get(fedex))["version"] == 1


@pytest.mark.parametrize("tags", ['"2"', '"2", W/"3"', '""', '"x"', '"01"'])
def test_what_was_not_seen_is_changed_where_that_is_asked(
    client: FlaskClient, fedex: str, tags: str
) -> None:
    """The carrier is at none of these versions."""
    assert data(rename(client, fedex, "DHL", unseen(tags)))["version"] == 2


def test_both_conditions_have_to_hold(client: FlaskClient, fedex: str) -> None:
    """Each refuses by itself."""
    assert stale(rename(client, fedex, "DHL", {**seen('"1"'), **unseen('"1"')})) == (1, [])
    assert stale(rename(client, fedex, "DHL", {**seen('"2"'), **unseen('"3"')})) == (1, [])
    assert data(rename(client, fedex, "DHL", {**seen('"1"'), **unseen('"2"')}))["version"] == 2


@pytest.mark.parametrize("tags", ["", "1", '"1', "W/*", '*, "1"'])
def test_a_malformed_exception_is_refused(client: FlaskClient, fedex: str, tags: str) -> None:
    """400, and nothing was done."""
    message, _ = failure(rename(client, fedex, "DHL", unseen(tags)), 400)
    assert message.startswith("If-None-Match must name versions in quotation marks")
    assert len(history(client, fedex)) == 1


def test_a_registration_brings_something_new_into_being(client: FlaskClient) -> None:
    """So whatever If-None-Match names, it is not there yet; also when its first answer comes
    again."""
    headers = {**key("k"), **unseen("*")}
    for _ in range(2):
        assert client.post("/register-carrier", json=FEDEX, headers=headers).status_code == 201


def test_who_comes_between_is_not_passed_over(client: FlaskClient, fedex: str) -> None:
    """Four at once who all ask that the carrier is not at version 2: none of them is done on it."""
    app = client.application
    answers = at_once(
        4, lambda number: rename(app.test_client(), fedex, f"Name {number}", unseen('"2"'))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 3
