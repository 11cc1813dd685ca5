"""What of the Cassandra driver's own log records is written. Used by `json_logging`.

While a node is away the driver says so on each try, some of it with a traceback: here each is one
line, and the same line is written once a minute. A traceback of any other error stays.
"""

import logging
import re
import threading
import time
from collections import OrderedDict

REPEATED_SECONDS = 60.0

_MAX_REMEMBERED = 200
_UNREACHABLE = {"NoHostAvailable", "OperationTimedOut", "ConnectionException", "ConnectionShutdown"}
"""Errors whose text names nodes and nothing else. By name: the driver may not be installed."""
_VARIES = re.compile(r"0x[0-9a-f]+|\d+(\.\d+)?(?= seconds)|\(\d+\)")
"""What differs between two records of the same: an object's id, a wait."""


class OncePerMinute(logging.Filter):
    """A handler's filter, for the records of `logger` and of those below it; others pass."""

    def __init__(self, logger: str = "cassandra") -> None:
        super().__init__(logger)
        self._written: OrderedDict[str, float] = OrderedDict()
        self._mutex = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record is written; a node that is away is told without a traceback."""
        if not super().filter(record):
            return True
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, OSError) or type(error).__name__ in _UNREACHABLE:
            text = f"{record.getMessage().rstrip(':')}: {error}"
            record.msg, record.args = " ".join(text.split()), ()
            record.exc_info = record.exc_text = None
        return self._is_new(f"{record.levelname} {record.getMessage()}")

    def _is_new(self, text: str) -> bool:
        key, now = _VARIES.sub("", text), time.monotonic()
        with self._mutex:
            if now - self._written.get(key, -REPEATED_SECONDS) < REPEATED_SECONDS:
                return False
            self._written[key] = now
            self._written.move_to_end(key)
            while len(self._written) > _MAX_REMEMBERED:
                self._written.popitem(last=False)
        return True
