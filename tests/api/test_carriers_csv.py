"""GET /carriers.csv: what a filter selects, as one file."""

import csv
import io
import re
from contextlib import ExitStack

import pytest
from flask.testing import FlaskClient
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.api.resources import directory
from app.api.resources.directory_csv import COLUMNS
from app.api.schemas.answers import CarrierSchema
from app.application.csv_formulas import harmless
from app.application.ports.errors import StoreUnavailable
from app.application.services import Services
from tests.support.answers import another, data, failure, refused
from tests.support.csv_reader import carriers, without_what_was_added
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


FULL = {
    "phone": "+4930901820",
    "website": "https://a.example/?a=b;=c",
    "aliases": ["=1+1", "a;=b", "'quoted'", 'He said "no"', "東京", "\uff1d1"],
    "identifiers": [
        {"scheme": "usdot", "value": "86876", "valid_from": "2026-01-01"},
        {"scheme": "own", "value": "A;=B"},
    ],
    "coverage": covers(air=["FR", "DE"], parcel=["worldwide"]),
    "tracking_url": "https://a.example/?n={tracking_number};-1",
    "metadata": {
        "a": [1, -2, 1.0, True, None],
        "=k": "x;\n=cmd",
        "'": "\t=1;'",
        "\uff1b": "\uff1d",
    },
    "contacts": [{"role": "claims", "name": "=1;-2", "phone": "+4930901820"}],
    "tags": ["a-1", "b"],
    "time_zone": "Etc/GMT-1",
    "bank_reference": "=K-17; 1",
}
NAMES = [
    "'=1",
    "''",
    "'Foo",
    "Foo;=cmd|' /C calc'!A0",
    '";"=cmd',
    "a, b; c",
    "\u3000x;\u3000\uff1d1",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_read_back(client: FlaskClient, name: str) -> None:
    """As docs/csv.md shows it, each carrier is what the API says, formulas and quotes included."""
    token = ""
    for body in ({**another(), **FULL, "name": name}, another()):
        answer = client.post("/register-carrier", json=body)
        token = answer.headers["Consistency-Token"]
    carrier_id = answer.headers["Location"].rpartition("/")[2]
    reason = {"reason": f"- {name}", "category": "fraud"}
    answer = client.post(f"/carriers/{carrier_id}/suspend", json=reason)
    token = answer.headers["Consistency-Token"]
    text = client.get("/carriers.csv", headers={"Consistency-Token": token}).text
    found = list(carriers(text))
    assert len(found) == 2
    for each in found:
        assert each.pop("updated_at") >= each["registered_at"]
        assert each == data(client.get(f"/carriers/{each['carrier_id']}"))


def test_every_field_of_a_carrier_has_a_column() -> None:
    """One that the API gains must not be missing here."""
    columns = {column.removesuffix("_json") for column in COLUMNS}
    assert set(CarrierSchema().fields) <= columns


PIECES = st.sampled_from(
    [*"=+-@\uff1d\uff0b\uff0d\uff20\ufe66;\t|\r\n ',\"\u00a0\u200b\ufeffaé\\", "=cmd|' /C calc'!A0"]
)


@settings(deadline=None, max_examples=500)
@given(st.lists(PIECES, max_size=12).map("".join))
@example("Foo;=cmd")
@example("\t=cmd")
@example("  =cmd")
@example("\uff1dcmd")
@example(";\t=x")
@example("''=x;'=y")
@example("a\r\n=1")
def test_no_separator_makes_a_formula(text: str) -> None:
    """Whatever a spreadsheet splits a cell at, no part begins as a formula, and the text comes
    back as it was."""
    cell = harmless(text)
    for part in re.split(r"[;\t|\r\n]", cell):
        seen = part.strip().strip('"\u200b\ufeff \u00a0')
        assert not seen.startswith(tuple("=+-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"))
    assert without_what_was_added(cell) == text


def test_a_semicolon_locale_sees_no_formula(client: FlaskClient) -> None:
    """The whole line, quotation marks and all, split as a German spreadsheet splits it."""
    body = {**another(), **FULL, "name": 'Foo;=cmd;"=cmd";\u00a0-1'}
    token = client.post("/register-carrier", json=body).headers["Consistency-Token"]
    text = client.get("/carriers.csv", headers={"Consistency-Token": token}).text
    for line in csv.reader(io.StringIO(text, newline=""), delimiter=";"):
        for cell in line:
            assert not cell.lstrip(' "\u00a0').startswith(tuple("=+-@\uff1d")), cell


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
