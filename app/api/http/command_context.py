"""Makes a command's context from its request: commit id, actor, deadline, expected version."""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import Request, request
from werkzeug.exceptions import BadRequest

from app.api.http.current import Kept, current_request, kept
from app.api.http.envelope import services
from app.api.http.strict_json import loads
from app.application.command_context import KEY, CommandContext, commit_id_of

_TAG = '(?:W/)?"[!#-~]*"'
VERSIONS = rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*"
"""The headers If-Match and If-None-Match as a regular expression, which OpenAPI has as well."""

_VERSION = re.compile(r'"(0|[1-9][0-9]{0,17})(?:\.[1-9][0-9]?)?"')
"""Behind the point may be how many scheduled changes are in effect: see `show_carrier`."""

_NONE_YET = frozenset({0})
"""The versions of what has no event."""


def command_context(*, dry_run: bool = False, said: Any = None) -> CommandContext:  # noqa: ANN401
    """The context of the current request's command, which says what its body does; without a body,
    `said` (JSON). Raises BadRequest for a bad header."""
    asked = current_request()
    key = _idempotency_key(asked)
    fingerprint = None
    if key is not None:
        content = loads(asked.get_data()) if said is None else said
        fingerprint = fingerprint_of(asked, content)
    context = context_of(key, fingerprint, expected_versions(), dry_run=dry_run)
    unless: str | None = asked.environ.get("HTTP_IF_NONE_MATCH")
    return context if unless is None else _unless(context, unless)


def context_of(
    key: str | None, fingerprint: str | None, expected: frozenset[int] | None, *, dry_run: bool
) -> CommandContext:
    """The context of a command that the current request asks for, under an idempotency key (with
    the fingerprint of what is asked for) or under none."""
    mine = kept()
    actor: str = mine.caller.name
    return CommandContext(
        commit_id=_new_commit_id(mine) if key is None else commit_id_of(actor, key),
        correlation_id=mine.request_id,
        actor=actor,
        deadline=mine.deadline,
        fingerprint=fingerprint,
        expected=expected,
        dry_run=dry_run,
    )


def _new_commit_id(mine: Kept) -> UUID:
    """The request's own id, unless its client has chosen it: that may come again."""
    own: UUID | None = mine.new_id
    return own or services().new_id()


def _idempotency_key(asked: Request) -> str | None:
    key: str | None = asked.headers.get("Idempotency-Key")
    if key is not None and not re.fullmatch(KEY, key):
        raise BadRequest("The Idempotency-Key must be 1 to 255 visible ASCII characters")
    return key


def fingerprint_of(asked: Request, content: Any) -> str:  # noqa: ANN401 - any JSON value
    """A hash of the request's path and of what it says, as JSON; the order of an object's keys does
    not matter."""
    body = json.dumps(content, sort_keys=True, separators=(",", ":"))
    # In lower case, as the carrier's id may be sent in upper case.
    return hashlib.sha256(f"{asked.path.lower()}\n{body}".encode()).hexdigest()


def expected_versions() -> frozenset[int] | None:
    """The versions in If-Match (RFC 9110, 13.1.1); None without the header, or for `*`, as every
    change requires that there is something to change. 0 is that of a policy never adopted. Weak
    tags, and tags that are no version, never match. Raises BadRequest."""
    header: str | None = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return None
    return _versions(_tags("If-Match", header))


def _unless(context: CommandContext, header: str) -> CommandContext:
    """The context on the condition of If-None-Match as well (RFC 9110, 13.1.2): the stream is at
    none of these versions, or for `*` has no event. Weak tags match here. Raises BadRequest."""
    if header.strip() == "*":
        none_yet = _NONE_YET if context.expected is None else context.expected & _NONE_YET
        return replace(context, expected=none_yet)
    tags = _tags("If-None-Match", header)
    return replace(context, unless=_versions(each.removeprefix("W/") for each in tags))


def _tags(name: str, header: str) -> list[str]:
    if not re.fullmatch(VERSIONS, header):
        raise BadRequest(f'{name} must name versions in quotation marks, such as "3", or be *')
    return re.findall(_TAG, header)


def _versions(tags: Iterable[str]) -> frozenset[int]:
    versions = map(_VERSION.fullmatch, tags)
    return frozenset(int(version[1]) for version in versions if version)
