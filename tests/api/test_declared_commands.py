"""Every command that is declared can be asked for: by a handler, a route and a schema."""

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.api.http.contract import example_of
from app.api.schemas.commands import body_schema, resource_of
from app.application.handlers import Handlers
from app.application.services import Services
from app.domain.command import Declaration
from app.domain.declarations import DECLARATIONS

EACH = pytest.mark.parametrize("declaration", DECLARATIONS, ids=lambda each: each.name)


@EACH
def test_it_has_a_handler(services: Services, declaration: Declaration) -> None:
    """Else the bus would raise a KeyError for it."""
    assert declaration.command in Handlers(services.carriers, DECLARATIONS).table()


@EACH
def test_it_has_a_route(app: Flask, declaration: Declaration) -> None:
    """A change below its carrier, a registration at the top."""
    resource = resource_of(declaration)
    rule = f"/{resource}" if declaration.registers else f"/carriers/<uuid:carrier_id>/{resource}"
    methods = [each.methods for each in app.url_map.iter_rules() if each.rule == rule]
    assert [found and found - {"OPTIONS"} for found in methods] == [{"POST"}]


@EACH
def test_its_schema_has_an_example_of_each_field(declaration: Declaration) -> None:
    """Which the schema takes itself."""
    schema = body_schema(declaration)()
    example = example_of(schema)
    assert example.keys() == schema.fields.keys()
    schema.load(example)


@EACH
def test_it_is_described(client: FlaskClient, declaration: Declaration) -> None:
    """An operation with a sentence, and a body with a description."""
    spec: dict[str, Any] = json.loads(client.get("/openapi.json").data)
    operation_id = resource_of(declaration).replace("-", "_")
    operations = [item["post"] for item in spec["paths"].values() if "post" in item]
    operation = next(each for each in operations if each["operationId"] == operation_id)
    assert operation["summary"] == (declaration.summary or declaration.sentence)
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert spec["components"]["schemas"][reference.rpartition("/")[2]]["description"]
