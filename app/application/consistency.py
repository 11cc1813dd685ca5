"""Read-your-writes: the Consistency-Token that a command's answer carries. A query that sends the
token waits until its view holds that write (`Directory.wait_for`)."""

import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID
from zlib import crc32

TOKEN_PATTERN = "[A-Za-z0-9_-]{32}(?:[A-Za-z0-9_-]{22}|[A-Za-z0-9_-]{27}|[A-Za-z0-9_-]{48})?"  # noqa: S105
"""A token as a regular expression: of one carrier, of one and a feed, of two, of two and a feed."""

_ID_BYTES = 16
_VERSION_BYTES = 4
_WRITTEN_BYTES = _ID_BYTES + _VERSION_BYTES
_CHECK_BYTES = 4
_TOKEN = re.compile(TOKEN_PATTERN)


class BadToken(ValueError):
    """The text is no token that a command's answer has carried."""


class ViewBehind(Exception):
    """The view does not hold the version that the token names, and did not reach it in time."""

    def __init__(
        self, sentence: str = "The view does not hold what was written yet; try again shortly"
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class ViewNotMade(Exception):
    """This release's version of the view is being built and cannot answer yet."""

    sentence = (
        "The view that answers this is being made for this release of the service; try again"
        " shortly"
    )

    def __init__(self, key: str) -> None:
        super().__init__(f"the view {key} is being made")


@dataclass(frozen=True, slots=True)
class Token:
    """A view has to hold each of these carriers at its version or a later one.

    `written` maps the ids of one carrier, or of two, to versions. `feed` is the id of the feed at
    the time of the write, None where that was not known and in a token of an earlier release. After
    a restore from a backup the feed has another id, and the version may be missing or another
    event's.
    """

    written: Mapping[str, int]
    feed: str | None = None


def token_of(written: Mapping[str, int], feed: str | None = None) -> str:
    """The token as text of 32 to 80 characters that are safe in a header and in a URL."""
    content = b"".join(
        _id_bytes(each) + version.to_bytes(_VERSION_BYTES) for each, version in written.items()
    )
    content += b"" if feed is None else _id_bytes(feed)
    return urlsafe_b64encode(content + _check(content)).decode().rstrip("=")


def token_in(text: str) -> Token:
    """The token that `token_of` wrote. Raises BadToken for any other text: a query would wait in
    vain for a damaged token."""
    if _TOKEN.fullmatch(text) is None:
        raise BadToken
    given = b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    content, check = given[:-_CHECK_BYTES], given[-_CHECK_BYTES:]
    if check != _check(content):
        raise BadToken
    places = len(content) // _WRITTEN_BYTES
    feed = content[places * _WRITTEN_BYTES :]
    return Token(
        dict(_written(content[at * _WRITTEN_BYTES :]) for at in range(places)),
        str(UUID(bytes=feed)) if feed else None,
    )


def _written(content: bytes) -> tuple[str, int]:
    carrier, version = content[:_ID_BYTES], content[_ID_BYTES:_WRITTEN_BYTES]
    return str(UUID(bytes=carrier)), int.from_bytes(version)


def _id_bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("-", ""))


def _check(content: bytes) -> bytes:
    return crc32(content).to_bytes(_CHECK_BYTES)
