"""Beside the way of the data: what a log record looks like as one JSON line.

`json_logging` writes these lines. Fields: timestamp (UTC, ms), level, logger, message, request_id,
process_id, then `exception` and `stack` where there is one, then the record's `extra` fields.
Of this project it imports the request id only.
"""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonEncoder, JsonFormatter

from app.application.correlation import request_id

# Anything that holds an at-sign (also a full-width or percent-encoded one) goes, up to the next
# character that no address has: rather too much than half an address. The lookbehind lets a match
# begin only where a run of such characters begins, which keeps the search linear.
_RUN = r"[^\s\x00-\x1f\x7f\"<>()\[\],;:@\uff20\ufe6b]"
_AT = r"(?:[@\uff20\ufe6b]|%40)"
_EMAIL = re.compile(rf'(?:"[^"\n]{{1,64}}"|(?<!{_RUN}){_RUN}+)(?:{_AT}(?:{_RUN}+|\[[^\]\s]*\]))+')
_BEARER = re.compile(r"\bbearer(?:\s|%20|\+)+[^\s\"',;]+", re.IGNORECASE)
_RESERVED = frozenset(RESERVED_ATTRS)


def _redact(value: object) -> object:
    if isinstance(value, str):
        return _EMAIL.sub("[email]", _BEARER.sub("[secret]", value))
    if isinstance(value, list):
        return [_redact(item) for item in value]
    if isinstance(value, dict):
        return {_redact(key): _redact(item) for key, item in value.items()}
    return value


def redact_line(line: str) -> str:
    """The same JSON line without e-mail addresses and bearer tokens, whatever field they are in.

    Nothing in our code logs one: this is the last line of defence, so a clean line costs a scan
    and no more. A suspected line is decoded first: a search in JSON text would have to know all
    its escapes.
    """
    low = line.lower()
    at = "@" in low or "%40" in low or "\\uff20" in low or "\\ufe6b" in low
    if at or "bearer" in low:
        return json.dumps(_redact(json.loads(line)), separators=(",", ":"))
    return line


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001  what cannot be printed must not cost the line
        return f"<unprintable {type(value).__name__}>"


class JsonLineFormatter(JsonFormatter):
    """Turns a record into one line, of printable ASCII only: so nothing can forge or tear a line.

    `extra` fields stand beside ours, but never replace one of ours (request_id excepted).
    """

    def __init__(self) -> None:
        super().__init__()
        self._encode = JsonEncoder(allow_nan=False, separators=(",", ":")).encode

    def format(self, record: logging.LogRecord) -> str:
        """Never raises: a record that cannot be rendered is written as text, with the reason."""
        try:
            return redact_line(super().format(record))
        except Exception as error:  # noqa: BLE001  extras are anyone's objects: anything can come
            return redact_line(self._as_text(record, error))

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        log_data.update(self._own_fields(record))
        exception, stack = message_dict.pop("exc_info", None), message_dict.pop("stack_info", None)
        if exception:
            log_data["exception"] = exception
        if stack:
            log_data["stack"] = stack
        for key, value in (record.__dict__ | message_dict).items():
            if key not in _RESERVED:
                log_data.setdefault(key, value)

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        return self._encode(log_data)

    def _own_fields(self, record: logging.LogRecord) -> dict[str, Any]:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        return {
            "timestamp": moment.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.__dict__.get("message"),
            # An explicit extra wins: what is logged about a request after its context has ended.
            "request_id": record.__dict__.get("request_id", request_id.get()),
            "process_id": record.process,
        }

    def _as_text(self, record: logging.LogRecord, error: Exception) -> str:
        fields = self._own_fields(record) | {"logging_error": _text(error)}
        if fields["message"] is None:  # the arguments did not fit the format
            fields["message"] = f"{_text(record.msg)} % {_text(record.args)}"
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        for key, value in record.__dict__.items():
            if key not in _RESERVED:
                fields.setdefault(_text(key), _text(value))
        return json.dumps(fields, default=_text, separators=(",", ":"))
