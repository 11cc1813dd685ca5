"""Routes with what they promise: one decorator declares a route's input, its answers and its errors
to OpenAPI. What those are called there is described once, in `openapi.py`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import Response
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from app.api.answer_schemas import CARRIER_ID, ChangedSchema, PlanSchema, success_of
from app.api.schemas import DryRunSchema
from app.api.strict_json import StrictJsonParser

View = Callable[..., Response]

ANYWHERE = (411, 500)
"""Statuses of errors that no route is safe from."""

IN_THE_REGISTRY = (*ANYWHERE, 400, 401, 403, 421, 503)
COMMAND = (*IN_THE_REGISTRY, 409, 413, 415, 422)
CHANGE = (*COMMAND, 404, 412)


@dataclass(frozen=True, slots=True)
class Answer:
    """A success: its data is of one of the schemas. A body that is no envelope has a media type
    instead; an answer without either has no body. A header that means several things is named with
    its meaning: `ETag.view`."""

    description: str
    data: tuple[type[Schema], ...] = ()
    headers: tuple[str, ...] = ()
    media_type: str | None = None
    example: str = ""

    def described(self) -> dict[str, Any]:
        """As a Response Object of OpenAPI."""
        named = ("X-Request-ID", *self.headers)
        headers = {name.partition(".")[0]: name for name in named}
        described: dict[str, Any] = {"description": self.description, "headers": headers}
        if self.data:
            schemas = [success_of(schema) for schema in self.data]
            described["content"] = {
                "application/json": {
                    "schema": schemas[0] if len(schemas) == 1 else {"oneOf": schemas},
                    "examples": {
                        _word(schema): {"value": example_of(envelope())}
                        for schema, envelope in zip(self.data, schemas, strict=True)
                    },
                }
            }
        elif self.media_type:
            described["content"] = {self.media_type: {"schema": {"type": "string"}}}
            if self.example:
                examples = {"example": {"value": self.example}}
                described["content"][self.media_type]["examples"] = examples
        return described


CHANGED: Mapping[int, Answer] = {
    200: Answer(
        "Done, or nothing to do; with `dry_run`, what would be done",
        (ChangedSchema, PlanSchema),
        ("ETag", "Idempotent-Replay", "Consistency-Token"),
    )
}


class ContractBlueprint(Blueprint):
    """A blueprint whose routes say everything that they take and answer."""

    ARGUMENTS_PARSER = StrictJsonParser()

    def command(
        self,
        rule: str,
        body: type[Schema],
        answers: Mapping[int, Answer] = CHANGED,
        refusals: tuple[int, ...] = CHANGE,
    ) -> Callable[[View], View]:
        """POST: the view is given the body, the query and what the rule captures."""
        headers = ["X-Request-ID", "Idempotency-Key"]
        if HTTPStatus.PRECONDITION_FAILED in refusals:
            headers.append("If-Match")

        def decorate(view: View) -> View:
            taking = self.arguments(DryRunSchema(), location="query")(view)
            taking = self.arguments(body(), examples=_request_examples(body))(taking)
            promised = _promise(taking, answers, refusals, headers)
            routed: View = self.post(rule, parameters=_captured(rule))(promised)
            return routed

        return decorate

    def view(
        self,
        rule: str,
        answers: Mapping[int, Answer],
        refusals: tuple[int, ...],
        query: type[Schema] | None = None,
        headers: tuple[str, ...] = (),
    ) -> Callable[[View], View]:
        """GET: the view is given the query, if it takes one, and what the rule captures."""
        taken = ["X-Request-ID", *headers]
        if HTTPStatus.NOT_MODIFIED in answers:
            taken.append("If-None-Match")
        if HTTPStatus.PRECONDITION_FAILED in refusals:
            taken.append("If-Match")

        def decorate(view: View) -> View:
            taking = view if query is None else self.arguments(query(), location="query")(view)
            promised = _promise(taking, answers, refusals, taken)
            routed: View = self.get(rule, parameters=_captured(rule))(promised)
            return routed

        return decorate


def _captured(rule: str) -> list[dict[str, Any]]:
    if "carrier_id" not in rule:
        return []
    about = {"description": "The carrier's id.", "example": CARRIER_ID}
    return [{"in": "path", "name": "carrier_id", **about}]


def example_of(schema: Schema) -> dict[str, Any]:
    """An object of the schema, from the examples of its fields; without those that have none."""
    found = {field.data_key or name: _example(field) for name, field in schema.fields.items()}
    return {name: example for name, example in found.items() if example is not ...}


def _example(field: fields.Field[Any]) -> Any:  # noqa: ANN401 - JSON; ... if there is none
    if "example" in field.metadata:
        return field.metadata["example"]
    match field:
        case fields.Constant():
            return field.constant
        case fields.Nested():
            return example_of(field.schema)
        case fields.List():
            return [_example(field.inner)]
    return ...


def _request_examples(body: type[Schema]) -> dict[str, dict[str, Any]]:
    full = example_of(body())
    least = {name: full[name] for name, field in body().fields.items() if field.required}
    examples = {"full": {"value": full}}
    return examples if least == full else {"least": {"value": least}} | examples


def _word(schema: type[Schema]) -> str:
    return schema.__name__.removesuffix("Schema").lower()


def _promise(
    view: View, answers: Mapping[int, Answer], refusals: tuple[int, ...], headers: list[str]
) -> View:
    """Note it where flask-smorest looks; the view itself is called as before."""
    notes: dict[str, Any] = view.__dict__.setdefault("_apidoc", {})
    arguments = notes.setdefault("arguments", {})
    arguments.setdefault("parameters", []).extend(headers)
    arguments["responses"] = {status: answer.described() for status, answer in answers.items()} | {
        status: str(status) for status in sorted(refusals)
    }
    notes["manual_doc"] = {"operationId": view.__name__}
    if HTTPStatus.UNAUTHORIZED not in refusals:
        notes["manual_doc"]["security"] = []
    return view
