"""The contract of the API as /openapi.json has it."""

import gc
import json
import re
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from apispec import APISpec
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.answers import FEDEX

PROBLEM = "application/problem+json"
NOT_DESCRIBED = {"/openapi.json", "/docs", "/docs/<name>"}

Json = dict[str, Any]


@pytest.fixture
def spec(client: FlaskClient) -> Json:
    """What is served."""
    answer = client.get("/openapi.json")
    assert answer.content_type == "application/json"
    described: Json = json.loads(answer.data)
    return described


def resolved(spec: Json, thing: Json) -> Json:
    """What a reference leads to."""
    while "$ref" in thing:
        _, *way = thing["$ref"].split("/")
        thing = spec
        for step in way:
            thing = thing[step]
    return thing


def operations(spec: Json) -> Iterator[tuple[str, str, Json]]:
    """Path, method and description of each operation."""
    for path, item in spec["paths"].items():
        for method in item.keys() - {"parameters"}:
            yield path, method, item[method]


def responses(spec: Json) -> Iterator[tuple[str, str, Json]]:
    """Operation id, status and description of each answer."""
    for _, _, operation in operations(spec):
        for status, response in operation["responses"].items():
            yield operation["operationId"], status, resolved(spec, response)


def fits(spec: Json, schema: Json, value: object) -> None:
    """The value must be as the schema of the description says."""
    from openapi_schema_validator import OAS31Validator, oas31_format_checker

    whole = {**schema, "components": spec["components"]}
    OAS31Validator(whole, format_checker=oas31_format_checker).validate(value)


def operation_of(spec: Json, operation_id: str) -> tuple[str, Json]:
    """Path and description."""
    return next(
        (path, each) for path, _, each in operations(spec) if each["operationId"] == operation_id
    )


def fits_answer(spec: Json, operation_id: str, answer: TestResponse) -> None:
    """An answer must be one that the operation lists."""
    _, operation = operation_of(spec, operation_id)
    described = resolved(spec, operation["responses"][str(answer.status_code)])
    fits(spec, described["content"][answer.content_type]["schema"], json.loads(answer.data))
    for name, reference in described["headers"].items():
        header = resolved(spec, reference)
        if header.get("required") or name in answer.headers:
            fits(spec, header["schema"], answer.headers[name])


def test_it_is_openapi(spec: Json) -> None:
    """By the specification's own schema and rules."""
    from openapi_spec_validator import validate

    assert spec["openapi"].startswith("3.1.")
    validate(spec)


def test_it_is_written_once(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is first asked for, be it by several at once, after other requests; not before. Then
    only its text is kept."""
    written = []
    to_dict = APISpec.to_dict

    def counted(spec: APISpec) -> Json:
        written.append(weakref.ref(spec))
        whole: Json = to_dict(spec)
        return whole

    monkeypatch.setattr(APISpec, "to_dict", counted)
    assert app.test_client().get("/carriers").status_code == 200
    assert written == []
    with ThreadPoolExecutor(4) as threads:
        texts = set(threads.map(lambda _: app.test_client().get("/openapi.json").data, range(8)))
    assert len(texts) == 1
    assert len(written) == 1
    gc.collect()
    assert written[0]() is None


def test_every_route_is_described(app: Flask, spec: Json) -> None:
    """With its methods, or it is one of those that show the description, or of the desk: its pages
    are for people."""
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule not in NOT_DESCRIBED and not rule.rule.startswith("/desk")
    }
    assert routes == {(path, method) for path, method, _ in operations(spec)}


def test_every_answer_has_an_example(spec: Json) -> None:
    """That fits its schema; an error in both of its forms."""
    for operation_id, status, response in responses(spec):
        where = f"{operation_id} {status}"
        content = response.get("content", {})
        if int(status) >= 400:
            assert content.keys() == {"application/json", PROBLEM}, where
        for media_type, media in content.items():
            if media_type == "text/plain":
                continue
            assert media["examples"], where
            for example in media["examples"].values():
                fits(spec, media["schema"], example["value"])


def test_every_body_and_parameter_has_an_example(spec: Json) -> None:
    """That fits its schema."""
    for path, _, operation in operations(spec):
        if "requestBody" in operation:
            (media,) = operation["requestBody"]["content"].values()
            for example in media["examples"].values():
                fits(spec, media["schema"], example["value"])
        for each in operation["parameters"] + spec["paths"][path].get("parameters", []):
            parameter = resolved(spec, each)
            assert parameter["description"]
            if "example" in parameter:
                fits(spec, parameter["schema"], parameter["example"])


def test_examples_of_errors_say_their_status(spec: Json) -> None:
    """In the body, in both forms."""
    for _, status, response in responses(spec):
        if int(status) >= 400:
            for example in response["content"]["application/json"]["examples"].values():
                assert example["value"]["error"]["code"] == int(status)
            for example in response["content"][PROBLEM]["examples"].values():
                assert example["value"]["status"] == int(status)


@pytest.mark.parametrize(
    ("operation_id", "names"),
    [
        ("register_carrier", {"Idempotency-Key"}),
        ("rename", {"Idempotency-Key", "If-Match", "If-None-Match"}),
        ("adopt_policy", {"Idempotency-Key", "If-Match", "If-None-Match"}),
        ("forget_column_mapping", {"Idempotency-Key", "If-Match", "If-None-Match"}),
        ("show_carrier", {"If-None-Match", "If-Match"}),
        ("list_carriers", {"If-None-Match", "Consistency-Token"}),
        ("show_statistics", {"If-None-Match", "Consistency-Token"}),
    ],
)
def test_the_headers_of_a_request_are_described(
    spec: Json, operation_id: str, names: set[str]
) -> None:
    """All that the operation takes, and the request id that each takes."""
    _, operation = operation_of(spec, operation_id)
    parameters = [resolved(spec, each) for each in operation["parameters"]]
    sent = {each["name"] for each in parameters if each["in"] == "header"}
    assert sent == {"X-Request-ID", *names}


_OF_A_COMMAND = {"ETag", "Idempotent-Replay", "Consistency-Token"}


@pytest.mark.parametrize(
    ("operation_id", "status", "names"),
    [
        ("register_carrier", "201", {*_OF_A_COMMAND, "Location"}),
        ("rename", "200", _OF_A_COMMAND),
        ("rename", "401", {"WWW-Authenticate"}),
        ("rename", "403", {"WWW-Authenticate"}),
        ("rename", "412", {"ETag"}),
        ("rename", "503", {"Retry-After"}),
        ("show_carrier", "304", {"ETag"}),
        ("show_history", "200", {"Link"}),
        ("list_carriers", "200", {"ETag", "Link"}),
    ],
)
def test_the_headers_of_an_answer_are_described(
    spec: Json, operation_id: str, status: str, names: set[str]
) -> None:
    """All that this status comes with, and the request id that each comes with."""
    _, operation = operation_of(spec, operation_id)
    back = set(resolved(spec, operation["responses"][status])["headers"])
    assert back == {"X-Request-ID", *names}


def test_a_key_may_be_shown_but_for_health_and_figures(spec: Json) -> None:
    """As the gate has it: a service that has no key yet asks for none."""
    assert spec["security"] == [{"api_key": []}, {}]
    assert spec["components"]["securitySchemes"]["api_key"]["scheme"] == "bearer"
    for path, _, operation in operations(spec):
        is_open = path.startswith("/health/") or path in {"/", "/metrics"}
        assert operation.get("security") == ([] if is_open else None)
        assert ("401" in operation["responses"]) is not is_open


def test_the_service_is_where_its_description_is(spec: Json) -> None:
    """Generators need an address; a relative one holds wherever the service runs."""
    assert [each["url"] for each in spec["servers"]] == ["/"]


@pytest.mark.parametrize(
    ("header", "fitting"),
    [
        ("*", True),
        ('"1"', True),
        ('"1", W/"2"', True),
        ("1", False),
        ('*, "1"', False),
        ("**", False),
        ("", False),
    ],
)
def test_a_condition_is_one_string(
    client: FlaskClient, spec: Json, header: str, fitting: bool
) -> None:
    """A pattern without a choice of types, which generators make nothing of; it allows what the
    service takes, and nothing else."""
    from openapi_schema_validator import OAS31Validator

    schema = spec["components"]["parameters"]["If-Match"]["schema"]
    assert schema.keys() == {"type", "format", "pattern", "description"}
    assert OAS31Validator(schema).is_valid(header) is fitting
    location = client.post("/register-carrier", json=FEDEX).headers["Location"]
    answer = client.post(f"{location}/rename", json={"name": "F"}, headers={"If-Match": header})
    assert (answer.status_code != 400) is fitting


def test_no_choice_of_shapes_overlaps(spec: Json) -> None:
    """Generators and linters look at a `oneOf` by the types alone: objects are an `anyOf`."""

    def choices(part: object) -> Iterator[list[Json]]:
        if isinstance(part, dict):
            if "oneOf" in part:
                yield part["oneOf"]
            for each in part.values():
                yield from choices(each)
        elif isinstance(part, list):
            for each in part:
                yield from choices(each)

    for choice in choices(spec):
        types = [each["type"] for each in choice]
        assert len(set(types)) == len(types)
        assert "object" not in types


def test_every_shape_says_what_it_is(spec: Json) -> None:
    """Generators make a docstring of it; enumerations and maps are described where they are."""
    for name, schema in spec["components"]["schemas"].items():
        if "properties" in schema:
            assert schema.get("description"), name


def test_a_type_of_several_places_has_one_name(spec: Json) -> None:
    """Else a generator makes a class for each place, with a name of its own."""
    schemas = spec["components"]["schemas"]
    listed = [
        tuple(each["enum"])
        for schema in schemas.values()
        for each in (schema, *schema.get("properties", {}).values())
        if "enum" in each
    ]
    assert len(set(listed)) == len(listed)
    assert all(len(values) > 1 for values in listed)


def test_what_is_refused_is_closed_in_the_schema(spec: Json) -> None:
    """Unknown members of a body, at every depth but in the caller's own metadata."""
    for _, _, operation in operations(spec):
        media = operation.get("requestBody", {"content": {}})["content"].get("application/json")
        if media is not None:
            schema = media["schema"]
            assert resolved(spec, schema)["additionalProperties"] is False
    for name in ("Identifier", "Coverage", "Contact", "Limit"):
        assert spec["components"]["schemas"][name]["additionalProperties"] is False


def test_examples_of_bodies_are_accepted(client: FlaskClient, spec: Json) -> None:
    """By the service itself; each in a dry run first, whose answer is described as well."""
    path, register = operation_of(spec, "register_carrier")
    minimum, full = register["requestBody"]["content"]["application/json"]["examples"].values()
    assert minimum["value"] == FEDEX
    location = client.post(path, json={**FEDEX, "email": "other@fedex.com"}).headers["Location"]
    for body in (minimum["value"], {**full["value"], "email": "full@fedex.com"}):
        for query in ("?dry_run=true", ""):
            answer = client.post(path + query, json=body)
            assert answer.status_code == (200 if query else 201), answer.text
            fits_answer(spec, "register_carrier", answer)
    for operation_id in (
        "rename",
        "update_profile",
        "schedule_change",
        "cancel_scheduled_change",
        "suspend",
        "reinstate",
        "file_document",
        "replace_document",
        "block",
        "unblock",
        "prefer",
        "unprefer",
        "override_verdict",
        "withdraw_override",
        "reject",
        "vet",
        "annotate",
        "not_a_duplicate",
        "retire",
        "withdraw_document",
        "note_incident",
    ):
        path, operation = operation_of(spec, operation_id)
        address = location + path.removeprefix("/carriers/{carrier_id}")
        examples = operation["requestBody"]["content"]["application/json"]["examples"].values()
        bodies = [example["value"] for example in examples]
        tried = [(address + "?dry_run=true", body) for body in bodies]
        for url, body in (*tried, (address, bodies[-1])):
            answer = client.post(url, json=body)
            made = operation_id == "vet" and url == address
            assert answer.status_code == (201 if made else 200), answer.text
            fits_answer(spec, operation_id, answer)


def test_what_is_answered_is_described(client: FlaskClient, spec: Json) -> None:
    """A carrier, its history and errors of each kind."""
    profile = operation_of(spec, "update_profile")[1]["requestBody"]["content"]
    full = profile["application/json"]["examples"]["full"]["value"]
    location = client.post("/register-carrier", json={**FEDEX, **full}).headers["Location"]
    client.post(f"{location}/suspend", json={"reason": "late", "category": "safety"})
    about = {"valid_from": "2026-12-01", "reason": "late"}
    client.post(f"{location}/block", json={**about, "service": "express"})
    client.post(f"{location}/prefer", json={**about, "customer": "ACME"})
    override = {**about, "rule": "recent", "valid_to": "2026-12-31"}
    client.post(f"{location}/override-verdict", json=override)
    work = {"country": "DE", "service": "express"}
    vetting = client.post(f"{location}/vet", json=work).headers["Location"]
    for operation_id, path in (
        ("show_vetting", vetting),
        ("show_vetting", f"{vetting}0"),
        ("show_carrier", location),
        ("show_carrier", f"{location}?version=1"),
        ("show_carrier", f"{location}?version=99"),
        ("show_carrier", f"{location}?at=then"),
        ("show_carrier", f"/carriers/{uuid4()}"),
        ("show_blocks", f"{location}/blocks?on=2026-12-01"),
        ("show_history", f"{location}/history?limit=1"),
        ("show_history", f"{location}/history?after=2147483647"),
        ("show_history", f"{location}/history?limit=0"),
        ("list_events", "/events"),
        ("list_events", "/events?limit=1"),
        ("list_events", "/events?type=Sold"),
        ("live", "/health/live"),
        ("ready", "/health/ready"),
        ("show_root", "/"),
    ):
        for accepted in ("*/*", PROBLEM):
            fits_answer(spec, operation_id, client.get(path, headers={"Accept": accepted}))
    for headers, body, status in (
        ({"If-Match": '"1"'}, {"name": "Other"}, 412),
        ({"If-Match": "1"}, {"name": "Other"}, 400),
        ({"Idempotency-Key": ""}, {"name": "Other"}, 400),
        ({}, {}, 422),
    ):
        for accepted in ("*/*", PROBLEM):
            answer = client.post(
                f"{location}/rename", json=body, headers={**headers, "Accept": accepted}
            )
            assert answer.status_code == status
            fits_answer(spec, "rename", answer)


def test_a_carrier_that_has_not_changed_has_no_body(client: FlaskClient) -> None:
    """304 with its ETag."""
    location = client.post("/register-carrier", json=FEDEX).headers["Location"]
    answer = client.get(location, headers={"If-None-Match": '"1"'})
    assert (answer.status_code, answer.data, answer.headers["ETag"]) == (304, b"", '"1"')


def test_types_of_problems_lead_to_the_page(spec: Json) -> None:
    """Where each kind of error has its place; the plain ones of HTTP need none."""
    kinds = set()
    for response in spec["components"]["responses"].values():
        for name, example in response["content"][PROBLEM]["examples"].items():
            if example["value"]["type"] != "about:blank":
                assert example["value"]["type"] == f"/docs#problem-{name}"
                kinds.add(name)
    assert {"stale-version", "key-reused", "already-claimed", "forbidden-by-state"} <= kinds
