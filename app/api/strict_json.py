"""Request bodies as JSON in the narrow sense of RFC 8259 and 7493: what two parsers could read
differently is refused. The standard library's parser does the reading."""

import json
from collections import Counter
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes

from flask import Request
from marshmallow import Schema
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from app.api.validation import ValidationFailed, sentences

_KEY_SHOWN = 80


class StrictJsonParser(FlaskParser):
    """Hands a strictly parsed body to a Marshmallow schema.

    Raises UnsupportedMediaType, BadRequest or ValidationFailed.
    """

    # By default webargs lets unknown query parameters pass; ours are the schemas' to refuse.
    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {}  # noqa: RUF012 - webargs' own way

    def load_querystring(self, req: Request, schema: Schema) -> Any:  # noqa: ANN401
        """See `webargs.Parser`. A parameter that comes twice is refused: one of the two would be
        ignored in silence. So is what is not UTF-8: it would be taken for its percent signs."""
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
        if req.mimetype != "application/json":
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


def loads(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """The value. Raises BadRequest with one sentence."""
    try:
        text = body.decode()
        value = _decode(text)
        if "\\u" in text:
            _refuse_lone_surrogates(value)
    except UnicodeDecodeError:
        raise BadRequest("The body must be UTF-8") from None
    except RecursionError:
        raise BadRequest("The body is nested too deeply") from None
    except ValueError:
        raise BadRequest("The body is not valid JSON") from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        counted = Counter(key for key, _ in pairs)
        twice = counted.most_common(1)[0][0]
        _refuse_lone_surrogates(twice)  # the sentence could not be sent
        raise BadRequest(f'The body names the key "{twice[:_KEY_SHOWN]}" twice')
    return members


def _float(literal: str) -> float:
    number = float(literal)
    if number in (float("inf"), float("-inf")):
        raise BadRequest("The body holds a number that is too large")
    return number


def _integer(literal: str) -> int:
    try:
        return int(literal)
    except ValueError:  # Python refuses more than 4,300 digits: their cost is quadratic
        raise BadRequest("The body holds a number that is too large") from None


def _constant(literal: str) -> NoReturn:
    raise BadRequest(f"The body holds {literal}, which JSON does not have")


def _refuse_lone_surrogates(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BadRequest("The body holds half a surrogate pair, which is not text") from None


_decode = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_float=_float,
    parse_int=_integer,
    parse_constant=_constant,
).decode
