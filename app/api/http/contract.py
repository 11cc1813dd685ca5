"""Routes with their contract: one decorator declares a route's input, answers and errors, for
parsing and for OpenAPI. Named parameters, headers and errors are described in `openapi.py`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import Response
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from app.api.http.strict_json import StrictJsonParser
from app.api.schemas.answers import CARRIER_ID, ChangedSchema, PlanSchema, success_of
from app.api.schemas.commands import DryRunSchema
from app.api.schemas.eligibility import VETTING_ID
from app.api.schemas.policy_answers import AdoptedSchema, PolicyPlanSchema
from app.application.ports.keys import Scope

View = Callable[..., Response]

NEEDS_SCOPE = "x-needs-scope"
"""The extension of an operation that names the scope it needs, where its method does not."""

ANYWHERE = (408, 411, 500, 503)
"""Statuses of errors that every route can answer."""

IN_THE_REGISTRY = (*ANYWHERE, 400, 401, 403, 421, 429)
COMMAND = (*IN_THE_REGISTRY, 409, 413, 415, 422)
CHANGE = (*COMMAND, 404, 412)


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer: an envelope whose data has one of the schemas, or a body of a
    `media_type`, or either of the two by the Accept header, or no body. A header with several
    meanings is named with one of them, such as `ETag.view`."""

    description: str
    data: tuple[type[Schema], ...] = ()
    headers: tuple[str, ...] = ()
    media_type: str | None = None
    example: str = ""

    def described(self) -> dict[str, Any]:
        """The answer as a Response Object of OpenAPI."""
        named = ("X-Request-ID", *self.headers)
        headers = {name.partition(".")[0]: name for name in named}
        described: dict[str, Any] = {"description": self.description, "headers": headers}
        if self.data:
            schemas = [success_of(schema) for schema in self.data]
            described["content"] = {
                "application/json": {
                    "schema": schemas[0] if len(schemas) == 1 else _choice(self.data),
                    "examples": {
                        _word(schema): {"value": example_of(envelope())}
                        for schema, envelope in zip(self.data, schemas, strict=True)
                    },
                }
            }
        if self.media_type:
            media: dict[str, Any] = {"schema": {"type": "string"}}
            if self.example:
                media["examples"] = {"example": {"value": self.example}}
            described.setdefault("content", {})[self.media_type] = media
        return described


CHOICES: Mapping[str, tuple[type[Schema], ...]] = {
    "ChangeOutcome": (ChangedSchema, PlanSchema),
    "PolicyOutcome": (AdoptedSchema, PolicyPlanSchema),
}
"""Named choices between answers. Without a name, each generator of clients would invent one."""

CHANGED: Mapping[int, Answer] = {
    200: Answer(
        "Done, or nothing to do; with `dry_run`, what would be done",
        CHOICES["ChangeOutcome"],
        ("ETag", "Idempotent-Replay", "Consistency-Token"),
    )
}


_CAPTURES: Mapping[str, dict[str, Any]] = {
    "carrier_id": {"description": "The carrier's id.", "example": CARRIER_ID},
    "mapping_name": {"description": "The mapping's name.", "example": "monthly"},
    "vetting_id": {"description": "The vetting's id.", "example": VETTING_ID},
}
"""What rules capture."""


_CONDITIONS = ("If-Match", "If-None-Match.change")
"""The headers by which a change is made on conditions."""


class ContractBlueprint(Blueprint):
    """A blueprint whose routes declare all that they accept and answer."""

    ARGUMENTS_PARSER = StrictJsonParser()

    def command(
        self,
        rule: str,
        body: type[Schema],
        scope: Scope,
        answers: Mapping[int, Answer] = CHANGED,
        refusals: tuple[int, ...] = CHANGE,
        method: str = "POST",
    ) -> Callable[[View], View]:
        """A route for a command, which needs a key with the scope. The view gets the body, the
        query and the rule's captures."""
        headers = ["X-Request-ID", "Idempotency-Key"]
        if HTTPStatus.PRECONDITION_FAILED in refusals:
            headers.extend(_CONDITIONS)

        def decorate(view: View) -> View:
            taking = self.arguments(DryRunSchema(), location="query")(view)
            taking = self.arguments(body(), examples=_request_examples(body))(taking)
            promised = _promise(taking, answers, refusals, headers)
            promised.__dict__["_apidoc"]["manual_doc"][NEEDS_SCOPE] = scope.value
            route = self.route(rule, methods=[method], parameters=_captured(rule))
            routed: View = route(promised)
            return routed

        return decorate

    def removal(
        self,
        rule: str,
        scopes: tuple[Scope, ...],
        answers: Mapping[int, Answer],
        refusals: tuple[int, ...],
    ) -> Callable[[View], View]:
        """A DELETE route, for a command without a body, which needs a key with all the scopes. The
        view gets the query and the rule's captures."""
        headers = ["X-Request-ID", "Idempotency-Key", *_CONDITIONS]

        def decorate(view: View) -> View:
            taking = self.arguments(DryRunSchema(), location="query")(view)
            promised = _promise(taking, answers, refusals, headers)
            promised.__dict__["_apidoc"]["manual_doc"][NEEDS_SCOPE] = " ".join(scopes)
            # Two slashes in a name are two.
            route = self.delete(rule, parameters=_captured(rule), merge_slashes=False)
            routed: View = route(promised)
            return routed

        return decorate

    def upload(
        self,
        rule: str,
        file: Mapping[str, str],
        scopes: tuple[Scope, ...],
        answers: Mapping[int, Answer],
        refusals: tuple[int, ...],
        query: type[Schema],
    ) -> Callable[[View], View]:
        """A POST route whose body is a file, and which needs a key with all the scopes. `file` has
        its `media_type`, a `description` and an `example`. The view gets the query."""
        media = {
            # In whichever encoding: bytes to a client, not text.
            "schema": {"type": "string", "format": "binary", "description": file["description"]},
            "examples": {"example": {"value": file["example"]}},
        }

        def decorate(view: View) -> View:
            taking = self.arguments(query(), location="query")(view)
            promised = _promise(taking, answers, refusals, ["X-Request-ID"])
            promised.__dict__["_apidoc"]["manual_doc"] |= {
                NEEDS_SCOPE: " ".join(scopes),
                "requestBody": {"required": True, "content": {file["media_type"]: media}},
            }
            routed: View = self.post(rule)(promised)
            return routed

        return decorate

    def action(
        self,
        rule: str,
        answers: Mapping[int, Answer],
        refusals: tuple[int, ...],
        query: type[Schema],
    ) -> Callable[[View], View]:
        """A POST route that changes no carrier and has no body. The view gets the query."""

        def decorate(view: View) -> View:
            taking = self.arguments(query(), location="query")(view)
            promised = _promise(taking, answers, refusals, ["X-Request-ID"])
            promised.__dict__["_apidoc"]["manual_doc"][NEEDS_SCOPE] = Scope.READ.value
            routed: View = self.post(rule)(promised)
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
        """A GET route. The view gets the query, if there is a schema, and the rule's captures."""
        taken = ["X-Request-ID", *headers]
        if HTTPStatus.NOT_MODIFIED in answers:
            taken.append("If-None-Match")
        if HTTPStatus.PRECONDITION_FAILED in refusals:
            taken.append("If-Match")

        def decorate(view: View) -> View:
            taking = view if query is None else self.arguments(query(), location="query")(view)
            promised = _promise(taking, answers, refusals, taken)
            # An empty path means / (RFC 9110, 4.2.3); Flask would answer it with a redirect.
            strict = rule != "/"
            routed: View = self.get(rule, parameters=_captured(rule), strict_slashes=strict)(
                promised
            )
            return routed

        return decorate


def _captured(rule: str) -> list[dict[str, Any]]:
    return [
        {"in": "path", "name": name, **about}
        for name, about in _CAPTURES.items()
        if f"{name}>" in rule
    ]


def example_of(schema: Schema) -> dict[str, Any]:
    """An example of the schema, made of its fields' examples; fields without one are left out."""
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
    least = getattr(body, "least", ())
    minimum = {
        name: full[name] for name, field in body().fields.items() if field.required or name in least
    }
    examples = {"full": {"value": full}}
    return examples if minimum == full else {"least": {"value": minimum}} | examples


def _choice(data: tuple[type[Schema], ...]) -> dict[str, str]:
    name = next(name for name, choice in CHOICES.items() if choice == data)
    return {"$ref": f"#/components/schemas/{name}"}


def _word(schema: type[Schema]) -> str:
    return schema.__name__.removesuffix("Schema").lower()


def _promise(
    view: View, answers: Mapping[int, Answer], refusals: tuple[int, ...], headers: list[str]
) -> View:
    """Attach the contract to the view, where flask-smorest reads it."""
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
