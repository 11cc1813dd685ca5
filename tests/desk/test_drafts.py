"""What the forms of an import hold of its file: all of it, whatever browsers make of it."""

import io
import random
import zlib
from base64 import urlsafe_b64encode

import pytest
from flask.testing import FlaskClient

from tests.desk.importing import FILE, events, plan, pressed, uploaded


@pytest.mark.parametrize("cell", ["=SUM(A1)", "'=SUM(A1)", "two\r\nlines", 'a "b"; c', " x "])
def test_a_cell_that_nobody_has_mended_is_as_it_was(client: FlaskClient, cell: str) -> None:
    """Whatever browsers make of line ends in a field, and spreadsheets of formulas."""
    quoted = cell.replace('"', '""')
    text = f'Company;E-Mail;Phone\nAlpha;bad;1\n"{quoted}";beta@example.com;2\n'
    page = uploaded(client, text)
    form = plan(page)
    asked = {name: text for name, text in form.fields.items() if name.startswith("cell-3")}
    again = pressed(client, page, "plan", **asked)
    assert plan(again).fields["file"] == form.fields["file"]
    mended = pressed(client, page, "plan", cell_2_1="alpha@example.com")
    fields = plan(mended).fields
    assert fields["file"] != form.fields["file"]
    assert {name: fields[name] for name in asked} == asked


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "Choose a file"),
        (b"\n\nName\n", "The first row must be the header"),
        (b'Name,Email\n"open', "quotation marks"),
        (b"Name,Email\n" + b"A,a@example.com\n" * 1001, "more than 1,000 rows"),
    ],
)
def test_a_file_that_is_none_is_explained(client: FlaskClient, body: bytes, sentence: str) -> None:
    """Before anything is planned."""
    answer = uploaded(client, body)
    assert answer.status_code == 422
    assert sentence in answer.text


def test_a_file_that_is_too_large_is_explained(client: FlaskClient) -> None:
    """As a body, or as what a form would have to hold of it."""
    answer = uploaded(client, "Name\n" + "A" * 300_000)
    assert answer.status_code == 413
    assert "larger than this service takes" in answer.text
    packs_badly = random.Random(1).randbytes(120_000).hex("\n", 40).encode()
    answer = uploaded(client, packs_badly)
    assert answer.status_code == 422
    assert "too large for a form" in answer.text


@pytest.mark.parametrize(
    "broken",
    [
        {"file": ""},
        {"file": "ä"},
        {"file": "AAAA"},
        {"shown": "x"},
        {"shown": "ä"},
        {"name": "x" * 101},
        {"column-0": "nonsense"},
        {"cell-x-1": "1"},
        {"cell-99999999-1": "1"},
        {"refused": "x", "step": "rest"},
        {"step": "nonsense"},
        {"shown_of": "", "step": "apply"},
    ],
)
def test_a_form_that_was_tampered_with_does_no_harm(
    client: FlaskClient, broken: dict[str, str]
) -> None:
    """It is explained, and nothing is done."""
    form, before = plan(uploaded(client)), events(client)
    answer = client.post("/desk/imports", data={**form.filled(), "step": "plan", **broken})
    assert answer.status_code in {200, 400, 422}, answer.text
    assert events(client) == before


def test_a_file_that_unpacks_to_more_than_a_request_may_have_is_refused(
    client: FlaskClient,
) -> None:
    """However small it is in the form."""
    form = plan(uploaded(client))
    bomb = urlsafe_b64encode(zlib.compress(b"Name\n" + b"A\n" * 1_000_000)).decode()
    answer = client.post("/desk/imports", data={**form.filled(file=bomb), "step": "plan"})
    assert answer.status_code == 400
    assert "choose the file again" in answer.text


def test_a_foreign_form_imports_nothing(client: FlaskClient) -> None:
    """Its token is missing."""
    sent = {"step": "upload", "file": (io.BytesIO(FILE.encode()), "carriers.csv")}
    answer = client.post("/desk/imports", data=sent, content_type="multipart/form-data")
    assert answer.status_code == 403
