"""Beside the way of the data: reads Server-Sent Events as a browser does."""

import json
from collections.abc import Iterable, Iterator
from typing import Any


class Received:
    """What a stream of chunks holds; `last_event_id` is what a browser would come back with.

    https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.last_event_id: str | None = None
        self.retry: int | None = None
        self.comments = 0
        self.blocks = self._blocks(chunks)

    def events(self) -> Iterator[dict[str, Any]]:
        """The events as they come."""
        for fields in self.blocks:
            if "data" in fields:
                event: dict[str, Any] = json.loads(fields["data"])
                assert fields.keys() == {"id", "data"}
                assert fields["id"] == f"{event['feed']}:{event['position']}"
                yield event

    def take(self, count: int) -> list[dict[str, Any]]:
        """So many of them, which must come."""
        events = self.events()
        return [next(events) for _ in range(count)]

    def _blocks(self, chunks: Iterable[bytes]) -> Iterator[dict[str, str]]:
        """Events, and between them the lines that are none: comments, and `retry`."""
        text = ""
        for chunk in chunks:
            text += chunk.decode()
            while (text.startswith((":", "retry:")) and "\n" in text) or "\n\n" in text:
                is_sign = text.startswith((":", "retry:"))
                block, text = text.split("\n" if is_sign else "\n\n", 1)
                yield self._taken(block)
        assert text == "", "it ended within an event"

    def _taken(self, block: str) -> dict[str, str]:
        fields: dict[str, str] = {}
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            assert name not in fields
            fields[name] = value.removeprefix(" ")
        self.comments += "" in fields
        self.last_event_id = fields.get("id", self.last_event_id)
        self.retry = int(fields["retry"]) if "retry" in fields else self.retry
        return fields
