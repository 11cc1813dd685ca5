"""What a recorded event says of itself beside its payload: its type, and who and what it is from.

Rows that the original (PHP) registry wrote may have a class path as their type, and no metadata.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.application.strict_json import NotStrictJson, parse

_TRACEPARENT = re.compile("00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def type_name(event_type: str) -> str:
    r"""The last part of a PHP class path such as `App\Domain\Event\CarrierRegistered`; any other
    text as it is."""
    return event_type.rpartition("\\")[2]


@dataclass(frozen=True, slots=True)
class Metadata:
    """The metadata of one event, read where it is asked for. What is missing is None, and so is a
    text that is none."""

    members: Mapping[str, Any]

    @classmethod
    def of(cls, text: str) -> "Metadata":
        """The metadata as it is stored. Raises NotStrictJson unless that is a JSON object."""
        members = parse(text)
        if not isinstance(members, dict):
            raise NotStrictJson("is no object")
        return cls(members)

    @property
    def commit_id(self) -> UUID | None:
        """The commit that the event belongs to. Raises NotStrictJson if it is no UUID."""
        commit_id = self.members.get("commit_id")
        if commit_id is None:
            return None
        try:
            return UUID(commit_id)
        except (ValueError, TypeError, AttributeError) as error:
            raise NotStrictJson("holds a commit id that is no UUID") from error

    @property
    def correlation_id(self) -> str | None:
        """The request that the event comes from."""
        return self._text("correlation_id")

    @property
    def causation_id(self) -> str | None:
        """What made the event happen: its commit."""
        return self._text("causation_id")

    @property
    def actor(self) -> str | None:
        """Who sent the command."""
        return self._text("actor")

    @property
    def fingerprint(self) -> str | None:
        """Of the request that was sent with an idempotency key."""
        return self._text("fingerprint")

    @property
    def traceparent(self) -> str | None:
        """The span that the event comes from, as W3C's Trace Context writes it."""
        written = self._text("traceparent")
        return written if written and _TRACEPARENT.fullmatch(written) else None

    @property
    def schema_version(self) -> int | None:
        """The schema version of the payload. Raises NotStrictJson if it is no whole number."""
        if "schema_version" not in self.members:
            return None
        version = self.members["schema_version"]
        if type(version) is not int:
            raise NotStrictJson("holds a schema version that is no whole number")
        return version

    def _text(self, name: str) -> str | None:
        value = self.members.get(name)
        return value if isinstance(value, str) else None
