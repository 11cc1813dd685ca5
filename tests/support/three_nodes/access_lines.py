"""What services say of their answers: the lines that each of them logs for a request."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from tests.support.service import Service


class AccessLines:
    """The lines that are written from now on."""

    def __init__(self, services: Sequence[Service]) -> None:
        self._logs = {service.server.log: service.server.log.stat().st_size for service in services}

    def slowest(self) -> float:
        """Seconds of the slowest answer so far; 0 if there was none."""
        return max(self._seconds(), default=0.0)

    def _seconds(self) -> Iterator[float]:
        for log, begin in self._logs.items():
            with log.open("rb") as lines:
                lines.seek(begin)
                for line in lines:
                    if b'"duration_ms"' in line and line.endswith(b"\n"):
                        yield json.loads(line)["duration_ms"] / 1000
