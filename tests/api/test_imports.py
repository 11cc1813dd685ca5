"""`POST /imports`: the rows of a file as a client sends it."""

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.api.resources import imports
from app.application.ports.errors import StoreUnavailable
from app.application.services import Services
from tests.support.answers import another, data, failure, invalid

CSV = "text/csv"
FEDEX = "name,email\r\nFedEx,contact@fedex.com\r\n"


def sent(
    client: FlaskClient, text: str, query: str = "", headers: dict[str, str] | None = None
) -> TestResponse:
    """The answer to a file."""
    return client.post(f"/imports{query}", data=text.encode(), content_type=CSV, headers=headers)


def rows(answer: TestResponse) -> list[dict[str, Any]]:
    """What each row did."""
    found: list[dict[str, Any]] = data(answer)["rows"]
    return found


def test_a_plan_and_then_the_same_done_once(client: FlaskClient) -> None:
    """The second time nothing is done, and the answer says what was."""
    (planned,) = rows(sent(client, FEDEX, "?dry_run=true"))
    assert (planned["action"], planned["done"]) == ("create", False)
    assert client.get(f"/carriers/{planned['carrier_id']}").status_code == 404
    answers = [data(sent(client, FEDEX)) for _ in range(2)]
    for answer in answers:
        assert answer["next_row"] is None
        assert answer["columns"] == {"name": "name", "email": "email"}
        (row,) = answer["rows"]
        assert (row["action"], row["done"], row["carrier_id"]) == (
            "create",
            True,
            planned["carrier_id"],
        )
    history = data(client.get(f"/carriers/{planned['carrier_id']}/history"))
    (event,) = history["events"]
    assert event["correlation_id"] == answers[0]["import_id"].replace("-", "")


def test_a_refused_row_has_a_sentence_and_the_others_are_done(client: FlaskClient) -> None:
    """By the file's own name of the column."""
    refused, created = rows(sent(client, "Firma;E-Mail\r\nFedEx;wrong\r\nUPS;ups@ups.com\r\n"))
    assert (refused["action"], refused["column"]) == ("refuse", "E-Mail")
    assert refused["sentence"] == "The email must be a valid email address"
    assert created["done"]


def test_the_refused_rows_come_back_as_a_file_to_be_mended(client: FlaskClient) -> None:
    """Of them alone, in the words of the file that was sent; without any there is no file."""
    answer = sent(client, "Firma;E-Mail\r\nFedEx;wrong\r\nUPS;ups@ups.com\r\n")
    refused = data(answer)["refused_file"]
    assert refused.splitlines() == [
        "\ufeffFirma;E-Mail;refused_because",
        "FedEx;wrong;E-Mail: The email must be a valid email address",
    ]
    again = sent(client, refused.replace("wrong", "contact@fedex.com"))
    assert [each["action"] for each in rows(again)] == ["create"]
    assert data(again)["refused_file"] is None


def test_a_change_comes_with_old_and_new(client: FlaskClient) -> None:
    """And with the version that it left the carrier in."""
    client.post("/register-carrier", json={**another(), "email": "contact@fedex.com"})
    (row,) = rows(sent(client, "name,email\r\nUPS,contact@fedex.com\r\n"))
    (change,) = row["changes"]
    assert (change["field"], change["to"], row["version"]) == ("name", "UPS", 2)


BAD = [
    ("", "The file is empty: its first row must be the header"),
    ("a,b\r\n1,2\r\n", "No column says which carrier a row means"),
    ("name,email\r\n" + "a,b\r\n" * 1001, "The file has more than 1,000 rows"),
]


@pytest.mark.parametrize(("text", "sentence"), BAD)
def test_a_file_that_is_none_breaks_a_rule(client: FlaskClient, text: str, sentence: str) -> None:
    """422 with one sentence."""
    details = invalid(sent(client, text))
    assert details["file"].startswith(sentence)


def test_another_kind_of_body_is_not_taken(client: FlaskClient) -> None:
    """Neither JSON nor what is compressed."""
    failure(client.post("/imports", json={}), 415)
    failure(sent(client, FEDEX, headers={"Content-Encoding": "gzip"}), 415)
    failure(sent(client, FEDEX, "?unknown=1"), 400)
    failure(sent(client, FEDEX, "?name=" + "a" * 101), 400)
    failure(sent(client, FEDEX + "x" * 300_000), 413)


def test_another_name_is_another_import(client: FlaskClient) -> None:
    """Of the same file."""
    first, second = data(sent(client, FEDEX)), data(sent(client, FEDEX, "?name=second"))
    assert first["import_id"] != second["import_id"]
    assert [row["action"] for row in second["rows"]] == ["nothing"]


def test_what_there_is_no_time_for_comes_with_the_next_request(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request does at least the row that it came to; the same file goes on where it was."""
    monkeypatch.setattr(imports, "SHARE_OF_TIME", 0.0)
    text = FEDEX + "UPS,ups@ups.com\r\n"
    first = data(sent(client, text))
    assert ([row["row"] for row in first["rows"]], first["next_row"]) == ([2], 3)
    monkeypatch.undo()
    second = data(sent(client, text))
    assert ([row["done"] for row in second["rows"]], second["next_row"]) == ([True, True], None)


def test_a_store_that_fails_on_the_way_does_not_hide_what_was_done(
    client: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows before are told; at the first row it is unknown how far it came."""
    append, left = services.bus.dispatch, [1]

    def failing(*arguments: Any) -> Any:  # noqa: ANN401
        if not left:
            raise StoreUnavailable("gone")
        left.pop()
        return append(*arguments)

    monkeypatch.setattr(services.bus, "dispatch", failing)
    text = FEDEX + "UPS,ups@ups.com\r\n"
    first = data(sent(client, text))
    assert ([row["row"] for row in first["rows"]], first["next_row"]) == ([2], 3)
    _, details = failure(sent(client, "name,email\r\nGLS,gls@gls.com\r\n"), 503)
    assert details["outcome"] == "outcome-unknown"


def test_a_mapping_is_kept_under_a_name_and_used_again(client: FlaskClient) -> None:
    """For all who import: what was guessed once reads the columns of another file."""
    assert data(client.get("/imports/mappings")) == {"version": 0, "mappings": {}}
    sent(client, FEDEX, "?keep_mapping=monthly")
    kept = client.get("/imports/mappings")
    assert data(kept) == {"version": 1, "mappings": {"monthly": {"name": "name", "email": "email"}}}
    assert kept.headers["ETag"] == '"1"'
    other = "email,phone,name\r\nups@ups.com,+498912345678,UPS\r\n"
    answer = data(sent(client, other, "?mapping=monthly"))
    assert answer["columns"] == {"email": "email", "phone": None, "name": "name"}
    (row,) = answer["rows"]
    assert row["done"]
    events = data(client.get("/events"))["events"]
    assert [each["source"] for each in events] == ["/imports/mappings", "/carriers", "/carriers"]


def test_columns_are_taken_as_the_request_says(client: FlaskClient) -> None:
    """By the object that answers have, mended: it is the import that a shell would make of it."""
    text = "Firma,Kontakt,Web\r\nFedEx,contact@fedex.com,nowhere\r\n"
    chosen = json.dumps({"Firma": "name", "Kontakt": "email", "Web": None})
    answer = data(sent(client, text, f"?keep_mapping=monthly&{urlencode({'columns': chosen})}"))
    assert answer["columns"] == {"Firma": "name", "Kontakt": "email", "Web": None}
    (row,) = answer["rows"]
    assert row["done"]
    assert data(client.get("/imports/mappings"))["mappings"] == {"monthly": answer["columns"]}
    again = data(sent(client, text, "?mapping=monthly"))
    assert (again["import_id"], again["rows"][0]["carrier_id"]) == (
        answer["import_id"],
        row["carrier_id"],
    )


def forgotten(client: FlaskClient, name: str, **headers: str) -> TestResponse:
    """The answer to who wants a mapping to be kept no longer."""
    named = {header.replace("_", "-"): value for header, value in headers.items()}
    return client.delete(f"/imports/mappings/{quote(name, safe='')}", headers=named)


NAME_RULE = (
    "The name of a mapping must be 1 to 100 characters of one line, the first and the last of them"
    " neither a blank nor a slash"
)


@pytest.mark.parametrize("name", ["monthly", "2099/ Jänner?", "a//b"])
def test_a_mapping_is_forgotten(client: FlaskClient, name: str) -> None:
    """Then there is none: to forget it once more is refused, unless it is the same attempt."""
    sent(client, FEDEX, f"?{urlencode({'keep_mapping': name})}")
    path = f"/imports/mappings/{quote(name, safe='')}?dry_run=true"
    assert data(client.delete(path)) == {"version": 2}
    for replayed in (None, "true"):
        answer = forgotten(client, name, Idempotency_Key="once")
        assert (data(answer), answer.headers["ETag"]) == ({"version": 2}, '"2"')
        assert answer.headers.get("Idempotent-Replay") == replayed
    assert data(client.get("/imports/mappings")) == {"version": 2, "mappings": {}}
    last = data(client.get("/events"))["events"][-1]
    assert (last["source"], last["type"], last["data"]) == (
        "/imports/mappings",
        "ColumnMappingForgotten",
        {"name": name},
    )
    gone, _ = failure(forgotten(client, name), 404)
    assert gone == f"No column mapping is kept as {name}"
    failure(forgotten(client, "another", Idempotency_Key="once"), 422)


def test_a_mapping_is_forgotten_as_it_was_seen_or_not_at_all(client: FlaskClient) -> None:
    """If-Match names the version of all mappings together."""
    sent(client, FEDEX, "?keep_mapping=monthly")
    sent(client, FEDEX, "?keep_mapping=weekly")
    stale = forgotten(client, "monthly", If_Match='"1"')
    assert (stale.status_code, stale.headers["ETag"]) == (412, '"2"')
    assert data(forgotten(client, "monthly", If_Match='"2"')) == {"version": 3}


@pytest.mark.parametrize(
    ("query", "status", "details"),
    [
        (
            "?columns=[]",
            400,
            {"columns": "The columns parameter must be a JSON object"},
        ),
        (
            "?columns={",
            400,
            {"columns": "The columns parameter is not valid JSON: see line 1, column 2"},
        ),
        (
            "?columns={}&mapping=a",
            400,
            {"columns": "The columns parameter cannot be given with mapping, which says the same"},
        ),
        ('?columns={"x":"name"}', 422, {"columns": "The file has no column x"}),
        ("?mapping=weekly", 422, {"mapping": "No column mapping is kept as weekly"}),
        (
            "?keep_mapping=a%09b",
            422,
            {"keep_mapping": NAME_RULE},
        ),
        ("?keep_mapping=%20a", 422, {"keep_mapping": NAME_RULE}),
        ("?keep_mapping=/a", 422, {"keep_mapping": NAME_RULE}),
        *(
            (f"?{name}=", 400, {name: f"The {name} parameter must not be empty; leave it out"})
            for name in ("mapping", "keep_mapping")
        ),
        (
            "?keep_mapping=a&dry_run=true",
            400,
            {
                "keep_mapping": "The keep_mapping parameter cannot be given with dry_run, which"
                " keeps nothing"
            },
        ),
    ],
)
def test_a_mapping_that_cannot_be_used_or_kept_breaks_a_rule(
    client: FlaskClient, query: str, status: int, details: dict[str, str]
) -> None:
    """And nothing is done."""
    assert failure(sent(client, FEDEX, query), status)[1] == details
    assert data(client.get("/events"))["events"] == []
