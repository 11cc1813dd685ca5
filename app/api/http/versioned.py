"""Answers that show one version of something, or name the one that a command has left: an ETag,
and the conditions of a GET."""

from http import HTTPStatus

from flask import Response
from werkzeug.http import http_date

from app.api.http.command_context import expected_versions
from app.api.http.current import current_request
from app.api.http.envelope import success
from app.application.handlers import CommandDone, StaleVersion

_CONDITIONS = frozenset({"HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"})
"""The headers that make a GET conditional. There is no date of the last change, and no ranges: so
without these two, Werkzeug would look through all the others for nothing."""


def versioned(
    data: object, noun: str, stream: str, version: int, tag: str | None = None
) -> Response:
    """What is shown of a stream at a version, on the conditions of If-None-Match and If-Match. Its
    ETag is the version, unless what is shown follows from more than that and has a `tag`. Raises
    StaleVersion, and BadRequest for an If-Match that is none."""
    expected_versions()
    answer = success(data, headers={"ETag": f'"{tag or version}"'})
    answer.headers["Date"] = http_date()
    asked = current_request()
    if not _CONDITIONS.isdisjoint(asked.environ):
        answer.make_conditional(asked)
    if answer.status_code == HTTPStatus.PRECONDITION_FAILED:
        raise StaleVersion(noun, stream, version, [])
    return answer


def left_at(done: CommandDone) -> Response:
    """The version that a command has left what it changed in."""
    headers = {"ETag": f'"{done.version}"'}
    if done.replayed:
        headers["Idempotent-Replay"] = "true"
    return success({"version": done.version}, headers=headers)
