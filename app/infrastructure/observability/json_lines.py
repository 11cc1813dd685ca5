"""Beside the way of the data: formats a log record as one JSON line.

`json_logging` writes these lines. Fields: timestamp (UTC, ms), level, logger, message, request_id,
process_id, within a trace `trace_id`, then `exception` and `stack` if the record has them, then the
record's `extra` fields. May import only `app.application.correlation` of this project.
"""

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonEncoder, JsonFormatter

from app.application.correlation import request_id, trace_id

# Removes any run of characters with an at-sign (also a full-width or percent-encoded one) up to the
# next character that no address has: rather too much than half an address. The lookbehind lets a
# match begin only at the start of such a run, which keeps the search linear.
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
    """The same JSON line without e-mail addresses and bearer tokens, in whatever field they are.

    Our code logs neither, so this is a last line of defence: a clean line costs only a scan. A
    suspicious line is decoded first, as a search in JSON text would have to know all its escapes.
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
    """Formats a record as one line of printable ASCII, so that no message can forge or split lines.

    `extra` fields are added to the fixed fields and never replace one, except request_id.
    """

    def __init__(self) -> None:
        super().__init__()
        self._encode = JsonEncoder(allow_nan=False, separators=(",", ":")).encode

    def format(self, record: logging.LogRecord) -> str:
        """The record as a JSON line. Never raises: a record that cannot be formatted becomes a line
        with the reason."""
        try:
            if type(record.msg) is str and not (
                record.args or record.exc_info or record.exc_text or record.stack_info
            ):
                return redact_line(self._of_plain(record))
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

    def _of_plain(self, record: logging.LogRecord) -> str:
        """What the library makes of a record that has nothing to put together, in half the time:
        an access line is one."""
        record.message = record.msg
        fields = self._own_fields(record)
        for key, value in record.__dict__.items():
            if key not in _RESERVED:
                fields.setdefault(key, value)
        return self._encode(fields)

    def _own_fields(self, record: logging.LogRecord) -> dict[str, Any]:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields: dict[str, Any] = {
            "timestamp": moment.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.__dict__.get("message"),
            # An explicit extra wins, for records about a request whose context has ended.
            "request_id": record.__dict__.get("request_id", request_id.get()),
            "process_id": record.process,
        }
        if traced := trace_id.get():
            fields["trace_id"] = traced
        return fields

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
