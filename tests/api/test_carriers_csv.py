"""GET /carriers.csv: what a filter selects, as one file."""

import csv
import io
from contextlib import ExitStack

import pytest
from flask.testing import FlaskClient

from app.api import directory
from app.api.directory_csv import COLUMNS
from app.application.ports import StoreUnavailable
from app.application.services import Services
from tests.support.answers import another, data, failure, refused
from tests.support.directory import covers


def rows_of(text: str) -> list[dict[str, str]]:
    """The lines, by the names of the columns."""
    assert text.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture
def filled(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """A client of a service that knows five carriers and reads two at a time."""
    monkeypatch.setattr(directory, "CARRIERS_PER_WRITE", 2)
    token = ""
    for number in range(5):
        body = {**another(), "name": f'Carrier {number}, "the great"'}
        token = client.post("/register-carrier", json=body).headers["Consistency-Token"]
    assert client.get("/carriers", headers={"Consistency-Token": token}).status_code == 200
    return client


def test_a_carrier_is_a_line(client: FlaskClient) -> None:
    """With several values in a cell, and nothing in it where there are none."""
    profile = {
        "website": "https://fedex.com",
        "coverage": covers(air=["FR", "DE"], parcel=["DE"]),
        "identifiers": [{"scheme": "scac", "value": "FDXG"}, {"scheme": "own", "value": "a,b"}],
    }
    token = client.post("/register-carrier", json={**another(), **profile}).headers
    answer = client.get("/carriers.csv", headers={"Consistency-Token": token["Consistency-Token"]})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="carriers.csv"'
    assert answer.text.startswith(",".join(COLUMNS) + "\r\n")
    (row,) = rows_of(answer.text)
    shown = data(client.get(f"/carriers/{row['carrier_id']}"))
    assert (row["name"], row["email"], row["state"]) == ("FedEx", shown["email"], "active")
    assert (row["version"], row["phone"], row["website"]) == (
        str(shown["version"]),
        "",
        shown["website"],
    )
    assert (row["registered_at"], row["updated_at"]) == (shown["registered_at"],) * 2
    assert (row["countries"], row["services"]) == ("DE; FR", "air; parcel")
    assert row["identifiers"] == "scac:FDXG; own:A,B"


def test_a_file_holds_all_pages(filled: FlaskClient) -> None:
    """In the order that is asked for, whatever is in a cell."""
    rows = rows_of(filled.get("/carriers.csv?q=great&sort=name").text)
    assert [row["name"] for row in rows] == [f'Carrier {n}, "the great"' for n in range(5)]
    assert rows_of(filled.get("/carriers.csv?status=retired").text) == []


@pytest.mark.parametrize("name", ["=1+1", "+49", "-1", "@SUM(A1)"])
def test_no_cell_is_a_formula(client: FlaskClient, name: str) -> None:
    """An apostrophe before it makes it text to every spreadsheet."""
    body = {**another(), "name": name, "phone": "+4930901820"}
    token = client.post("/register-carrier", json=body).headers["Consistency-Token"]
    (row,) = rows_of(client.get("/carriers.csv", headers={"Consistency-Token": token}).text)
    assert (row["name"], row["phone"]) == (f"'{name}", "'+4930901820")


def test_a_file_has_no_pages_to_ask_for(client: FlaskClient) -> None:
    """Parameters of pages are unknown, and the others are as strict as in a list."""
    for query in ("limit=1", "cursor=a", "status=gone"):
        _, details = failure(client.get(f"/carriers.csv?{query}"), 400)
        assert list(details) == [query.partition("=")[0]]


def test_a_file_that_has_not_changed_is_not_sent_again(filled: FlaskClient) -> None:
    """304."""
    tag = filled.get("/carriers.csv").headers["ETag"]
    answer = filled.get("/carriers.csv", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.data) == (304, b"")


def test_a_failure_breaks_the_file_off(filled: FlaskClient, services: Services) -> None:
    """What is raised then goes through to the server, which must not end the file as if it were
    whole."""
    answer = filled.get("/carriers.csv", buffered=False)
    chunks = iter(answer.response)
    assert next(chunks) == (",".join(COLUMNS) + "\r\n").encode()
    services.close()
    with pytest.raises(StoreUnavailable):
        list(chunks)


def test_a_client_that_cannot_tell_is_refused(client: FlaskClient) -> None:
    """HTTP/1.0 has no chunks, so to it any end is a good one."""
    old = {"SERVER_PROTOCOL": "HTTP/1.0"}
    assert "HTTP/1.1" in refused(client.get("/carriers.csv", environ_overrides=old), 400)


def test_a_file_takes_a_place(filled: FlaskClient, services: Services) -> None:
    """For as long as it is being sent, also if the client goes away; 503 if none is free."""
    with ExitStack() as held:
        for _ in range(3):
            held.enter_context(services.directory.place())
        for method in ("GET", "HEAD", "GET"):
            assert filled.open("/carriers.csv", method=method).status_code == 200
        started = filled.get("/carriers.csv", buffered=False)
        _, details = failure(filled.get("/carriers.csv"), 503)
        assert details == {"outcome": "not-started"}
        started.close()
        assert filled.get("/carriers.csv").status_code == 200
