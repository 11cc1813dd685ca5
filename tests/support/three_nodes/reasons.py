"""Why requests took long: what the services count about their requests to the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from prometheus_client.parser import text_string_to_metric_families

from tests.support.service import Service

_TOLD = ("event_store_retries_total", "event_store_hedges_total", "http_requests_refused_total")


class Reasons:
    """What is counted from now on."""

    def __init__(self, services: Sequence[Service]) -> None:
        self._services = services
        self._before = self._counts()

    def __str__(self) -> str:
        """How often which request was sent again, to another node, or refused, and for what."""
        new = self._counts() - self._before
        return ", ".join(f"{what}: {count}" for what, count in new.items()) or "nothing sent again"

    def _counts(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for service in self._services:
            shown = service.ask("GET", "/metrics").body.decode()
            for family in text_string_to_metric_families(shown):
                for sample in family.samples:
                    if sample.name in _TOLD:
                        labels = " ".join(sample.labels.values())
                        counts[f"{sample.name} {labels}"] += int(sample.value)
        return counts
