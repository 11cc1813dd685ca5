"""Hands the body and the query of a request to a schema, read as strictly as `strict_json` says."""

from collections.abc import Hashable
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes

from flask import Request
from marshmallow import Schema
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from app.api.http.current import current_request
from app.api.http.validation import ValidationFailed, sentences
from app.application.strict_json import NotStrictJson, parse

KNOWN_QUERIES = 1_000
"""Of so many at most a process remembers what they mean."""

_JSON = "application/json"


class UnsupportedCoding(UnsupportedMediaType):
    """The body is compressed. The answer says that no coding is accepted, in the form of RFC 9110
    (12.5.3 and 15.5.16)."""

    description = (
        "The Content-Encoding header names a coding that this service does not take; send the body"
        " without one"
    )

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:  # noqa: ANN401
        """See `werkzeug.exceptions.HTTPException`."""
        return [*super().get_headers(*args, **kwargs), ("Accept-Encoding", "identity")]


class StrictJsonParser(FlaskParser):
    """Parses a body or query strictly and loads it with a Marshmallow schema.

    Raises UnsupportedMediaType, BadRequest or ValidationFailed.
    """

    # By default webargs ignores unknown query parameters; here the schemas refuse them.
    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {}  # noqa: RUF012 - webargs' own way

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[tuple[Schema, bytes], Any] = {}

    def get_default_request(self) -> Request:
        """See `webargs.Parser`."""
        return current_request()

    def parse(self, argmap: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """See `webargs.Parser`. What a query means is asked once of each schema that makes a value
        of it that nobody can change: what an empty one means, or any one if the schema
        `is_lasting`."""
        if kwargs.get("location") != "query":
            return super().parse(argmap, *args, **kwargs)
        text = current_request().query_string
        if text and not argmap.is_lasting:
            return super().parse(argmap, *args, **kwargs)
        asked = argmap, text
        known = self._known.get(asked)
        if known is not None:
            return known
        made = super().parse(argmap, *args, **kwargs)
        if isinstance(made, Hashable):
            if len(self._known) >= KNOWN_QUERIES:
                self._known.clear()
            self._known[asked] = made
        return made

    def load_querystring(self, req: Request, schema: Schema) -> Any:  # noqa: ANN401
        """See `webargs.Parser`. A repeated parameter is refused, as one of its values would be
        ignored silently. A query that is not UTF-8 is refused, as its bytes would be taken for
        percent signs."""
        try:
            unquote_to_bytes(req.query_string).decode()
        except UnicodeDecodeError:
            raise BadRequest("The query must be UTF-8") from None
        for name, values in req.args.lists():
            if len(values) > 1:
                raise ValidationFailed(
                    {name: f"The {name} parameter is given more than once"}, of_query=True
                )
        return super().load_querystring(req, schema)

    def _raw_load_json(self, req: Request) -> Any:  # noqa: ANN401 - any JSON value
        codings = req.headers.get("Content-Encoding")
        if codings is not None and not is_identity(codings):
            raise UnsupportedCoding
        kind = req.content_type
        if (kind if kind == _JSON else req.mimetype) != _JSON:
            raise UnsupportedMediaType("The Content-Type must be application/json")
        body = req.get_data()
        if len(body) != (req.content_length or 0):
            raise BadRequest("The body ended early")
        return loads(body)

    def handle_error(self, error: Any, *_: object, **__: object) -> NoReturn:  # noqa: ANN401
        """See `webargs.Parser`."""
        raise ValidationFailed(
            sentences(error.messages), of_query="query" in error.messages
        ) from error


def is_identity(codings: str) -> bool:
    """Whether these codings leave a body as it is."""
    return all(each.strip().lower() in ("", "identity") for each in codings.split(","))


def loads(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """The JSON value in `body`. Raises BadRequest with one sentence."""
    try:
        return parse(body)
    except NotStrictJson as error:
        raise BadRequest(f"The body {error.why}") from error
