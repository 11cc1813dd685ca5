"""Registering carriers and looking at them, to the letter of the original registry."""

import json
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from app.application.deadline import Deadline
from app.application.services import Services
from app.domain.profile import EMPTY
from tests.support.answers import FEDEX, data, invalid, refused


def register(client: FlaskClient, name: object = "FedEx", email: object = "a@fedex.com") -> str:
    """Register a carrier and return its id."""
    answer = client.post("/register-carrier", json={"name": name, "email": email})
    carrier_id: str = data(answer, 201)["carrier_id"]
    return carrier_id


def test_a_carrier_is_registered(client: FlaskClient) -> None:
    """201 with exactly the original registry's body, and headers that say where it is and in which
    version."""
    answer = client.post("/register-carrier", json=FEDEX)
    assert answer.status_code == 201
    carrier_id = json.loads(answer.data)["data"]["carrier_id"]
    assert answer.json == {
        "success": True,
        "data": {"message": "Carrier registered successfully", "carrier_id": carrier_id},
    }
    assert str(UUID(carrier_id)) == carrier_id
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Location"] == f"/carriers/{carrier_id}"
    assert answer.headers["ETag"] == '"1"'


def test_keys_come_in_the_seeds_order(client: FlaskClient) -> None:
    """A person reads success first, then what there is."""
    text = client.post("/register-carrier", json=FEDEX).text
    assert text.startswith(
        '{"success": true, "data": {"message": "Carrier registered successfully"'
    )
    text = client.post("/register-carrier", json={"name": "x", "email": "x"}).text
    assert text.startswith(
        '{"success": false, "error": {"message": "Validation failed", "code": 42'
    )


def test_every_registration_is_a_carrier_of_its_own(client: FlaskClient) -> None:
    """Two companies of one name are two carriers, as long as each has its own address."""
    assert register(client, email="a@fedex.com") != register(client, email="b@fedex.com")


def test_a_registered_carrier_is_shown(client: FlaskClient) -> None:
    """Exactly what its stream tells, under the address that Location gave."""
    registered = client.post("/register-carrier", json=FEDEX)
    answer = client.get(registered.headers["Location"])
    shown = data(answer)
    moment = shown.pop("registered_at")
    assert shown == {
        "carrier_id": json.loads(registered.data)["data"]["carrier_id"],
        "name": "FedEx",
        "email": "contact@fedex.com",
        "version": 1,
        "state": "active",
        "reason": None,
        "category": None,
        "merged_into": None,
        **EMPTY.as_json(),
    }
    assert moment.endswith("+00:00")
    assert len(moment) == len("2024-02-29T12:30:15.123+00:00")
    assert answer.headers["ETag"] == '"1"'


def test_a_carrier_is_its_event(client: FlaskClient, services: Services) -> None:
    """What was stored is one CarrierRegistered, with the request's id as its correlation id."""
    answer = client.post("/register-carrier", json=FEDEX, headers={"X-Request-ID": "my-request"})
    carrier_id = json.loads(answer.data)["data"]["carrier_id"]
    (event,) = services.store.read(carrier_id, Deadline.after(1))
    assert (event.version, event.data.event_type) == (1, "CarrierRegistered")
    assert json.loads(event.data.payload) == FEDEX
    metadata = json.loads(event.data.metadata)
    assert (metadata["correlation_id"], metadata["actor"]) == ("my-request", "anonymous")


def test_an_unknown_carrier_is_not_found(client: FlaskClient) -> None:
    """404, also for a HEAD request, which has no body."""
    path = "/carriers/550e8400-e29b-41d4-a716-446655440000"
    assert refused(client.get(path), 404) == "There is no carrier with this id"
    head = client.head(path)
    assert (head.status_code, head.data) == (404, b"")


@pytest.mark.parametrize(
    "identity",
    ["1", "%00", "%ff", "..", "550e8400e29b41d4a716446655440000", "a@b.com", "a" * 5000],
)
def test_what_is_no_id_is_not_found(client: FlaskClient, identity: str) -> None:
    """Only UUIDs in their usual form are addresses of carriers."""
    refused(client.get(f"/carriers/{identity}"), 404)


def test_an_id_is_the_same_in_upper_case(client: FlaskClient) -> None:
    """RFC 9562: accepted in both cases."""
    carrier_id = register(client)
    assert data(client.get(f"/carriers/{carrier_id.upper()}"))["carrier_id"] == carrier_id


def test_a_bad_address_is_refused_with_the_seeds_body(client: FlaskClient) -> None:
    """422, exactly as the original registry answers, and nothing is registered."""
    answer = client.post("/register-carrier", json={"name": "FedEx", "email": "contact"})
    assert answer.status_code == 422
    assert answer.json == {
        "success": False,
        "error": {
            "message": "Validation failed",
            "code": 422,
            "details": {"email": "The email must be a valid email address"},
        },
    }


def test_every_field_that_fails_is_named(client: FlaskClient) -> None:
    """One sentence each."""
    assert invalid(client.post("/register-carrier", json={})) == {
        "name": "The name field is required",
        "email": "The email field is required",
    }
    assert invalid(client.post("/register-carrier", json={"name": " ", "email": "x"})) == {
        "name": "The name must not be blank",
        "email": "The email must be a valid email address",
    }


def test_null_is_no_value(client: FlaskClient) -> None:
    """As if the field were not there."""
    assert invalid(client.post("/register-carrier", json={"name": None, "email": None})) == {
        "name": "The name field is required",
        "email": "The email field is required",
    }


@pytest.mark.parametrize("value", [1, 1.5, True, [], ["FedEx"], {}, {"a": [1]}, -(10**4000)])
def test_a_field_is_text(client: FlaskClient, value: object) -> None:
    """Numbers, lists and objects are not made into text."""
    assert invalid(client.post("/register-carrier", json={"name": value, "email": value})) == {
        "name": "The name must be text",
        "email": "The email must be text",
    }


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "The name must not be blank"),
        (" \t\n", "The name must not be blank"),
        ("\u200b\u2060", "The name must not be blank"),
        ("a" * 256, "The name must be at most 255 characters long"),
        ("🚚" * 256, "The name must be at most 255 characters long"),
        ("a\0b", "The name must not contain control characters"),
        ("a\nb", "The name must not contain control characters"),
        ("a\u2028b", "The name must not contain control characters"),
    ],
)
def test_a_name_keeps_its_rules(client: FlaskClient, name: str, sentence: str) -> None:
    """The value object's sentence reaches the client."""
    answer = client.post("/register-carrier", json={"name": name, "email": "a@b.com"})
    assert invalid(answer) == {"name": sentence}


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("  FedEx\n", "FedEx"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("株式会社ヤマト", "株式会社ヤマト"),
        ("🚚" * 255, "🚚" * 255),
        ('"; DROP TABLE events --', '"; DROP TABLE events --'),
        ("{{7*7}} ${x} %s {0}", "{{7*7}} ${x} %s {0}"),
    ],
)
def test_a_name_is_kept_as_text(client: FlaskClient, name: str, kept: str) -> None:
    """Trimmed and in NFC, otherwise as it was given, whatever it looks like."""
    answer = client.get(f"/carriers/{register(client, name=name)}")
    assert data(answer)["name"] == kept
    assert kept.replace('"', '\\"') in answer.text, "text is not written as escapes"


@pytest.mark.parametrize(
    ("email", "kept"),
    [
        ("Contact@FedEx.COM", "Contact@fedex.com"),
        ("δοκιμή@παράδειγμα.gr", "δοκιμή@παράδειγμα.gr"),
        ("a@xn--bcher-kva.ch", "a@bücher.ch"),
    ],
)
def test_international_addresses_are_kept(client: FlaskClient, email: str, kept: str) -> None:
    """In the form that people read."""
    assert data(client.get(f"/carriers/{register(client, email=email)}"))["email"] == kept


def test_a_long_address_is_refused(client: FlaskClient) -> None:
    """At most 254 characters."""
    body = {"name": "FedEx", "email": "a" * 250 + "@b.com"}
    assert invalid(client.post("/register-carrier", json=body)) == {
        "email": "The email must be at most 254 characters long"
    }


@pytest.mark.parametrize("field", ["id", "Name", "na me", "", "{field}", "_schema", "a\0", "ключ"])
def test_unknown_fields_are_named_and_refused(client: FlaskClient, field: str) -> None:
    """So that a misspelt one is not lost in silence."""
    answer = client.post("/register-carrier", json={**FEDEX, field: 1})
    name = "body" if field == "_schema" else field
    assert invalid(answer) == {name: f"The {name} field is unknown"}


def test_a_long_field_name_is_not_repeated_in_full(client: FlaskClient) -> None:
    """A client cannot make an answer as large as it likes from one name."""
    (name,) = invalid(client.post("/register-carrier", json={**FEDEX, "k" * 100_000: 1}))
    assert name == "k" * 100


def test_openapi_describes_the_service(client: FlaskClient) -> None:
    """The description names every route, and is JSON."""
    answer = client.get("/openapi.json")
    assert answer.status_code == 200
    described = json.loads(answer.data)
    assert described["openapi"].startswith("3.1")
    assert {"/register-carrier", "/carriers/{carrier_id}", "/health/live"} <= set(
        described["paths"]
    )
