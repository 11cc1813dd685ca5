"""JSON in the narrow sense of RFC 8259 and 7493: no text that two parsers could read differently.

For whatever was written elsewhere: bodies of requests, words of a shell, texts that a store gives
back. The standard library's parser does the reading.
"""

import json
from collections import Counter
from typing import Any, NoReturn

_KEY_SHOWN = 80


class NotStrictJson(ValueError):
    """`why` ends a sentence that begins with what was read, such as "The body"."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The JSON {why}")
        self.why = why


def parse(written: bytes | str) -> Any:  # noqa: ANN401 - any JSON value
    """The value. Raises NotStrictJson, and no other, for any bytes and any text."""
    try:
        text = written.decode() if isinstance(written, bytes) else written
        value = _decoded(text)
        if "\\u" in text:
            _refuse_lone_surrogates(value)
    except NotStrictJson:
        raise
    except UnicodeDecodeError:
        raise NotStrictJson("must be UTF-8") from None
    except RecursionError:
        raise NotStrictJson("is nested too deeply") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise NotStrictJson(f"is not valid JSON: see {where}") from None
    except ValueError:  # Python refuses more than 4,300 digits: their cost is quadratic
        raise NotStrictJson("holds a number that is too large") from None
    return value


def parse_own(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """The value of a text that this program alone writes and reads, such as a row of a view: a key
    that comes twice is not looked for, in a third of the time. Raises NotStrictJson."""
    try:
        return _QUICK.decode(text)
    except RecursionError:
        raise NotStrictJson("is nested too deeply") from None
    except json.JSONDecodeError:
        raise NotStrictJson("is not valid JSON") from None


def _decoded(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Looks at each pair of keys only where one may come twice: events are mostly flat objects
    without white space around them, and a rebuild reads millions of them."""
    try:
        value, end = _QUICK.raw_decode(text)
    except json.JSONDecodeError:
        return _EXACT.decode(text)
    # A text has a colon for each member of each object, and may have more within its strings.
    members = len(value) if type(value) is dict else 0
    if end == len(text) and text.count(":") == members:
        return value
    return _EXACT.decode(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        counted = Counter(key for key, _ in pairs)
        twice = counted.most_common(1)[0][0]
        _refuse_lone_surrogates(twice)  # the sentence could not be sent
        raise NotStrictJson(f'names the key "{twice[:_KEY_SHOWN]}" twice')
    return members


def _float(literal: str) -> float:
    number = float(literal)
    if number in (float("inf"), float("-inf")):
        raise NotStrictJson("holds a number that is too large")
    return number


def _constant(literal: str) -> NoReturn:
    raise NotStrictJson(f"holds {literal}, which JSON does not have")


def _refuse_lone_surrogates(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise NotStrictJson("holds half a surrogate pair, which is not text") from None


_QUICK = json.JSONDecoder(parse_float=_float, parse_constant=_constant)
_EXACT = json.JSONDecoder(parse_float=_float, parse_constant=_constant, object_pairs_hook=_object)
