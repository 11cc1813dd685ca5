"""Read-your-writes: the Consistency-Token that a command's answer carries. A query that sends the
token waits until its view holds that write (`Directory.wait_for`)."""

import re
from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass
from uuid import UUID
from zlib import crc32

TOKEN_PATTERN = "[A-Za-z0-9_-]{32}(?:[A-Za-z0-9_-]{22})?"  # noqa: S105 - no secret
"""A token as a regular expression. Earlier releases gave the short form, which has no feed id."""

_ID_BYTES = 16

_VERSION_BYTES = 4
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
    """A view has to hold this carrier at this version or a later one.

    `feed` is the id of the feed at the time of the write, None in a short token. After a restore
    from a backup the feed has another id, and the version may be missing or another event's.
    """

    carrier_id: str
    version: int
    feed: str | None = None


def token_of(carrier_id: str, version: int, feed: str | None = None) -> str:
    """The token as text of 32 or 54 characters that are safe in a header and in a URL."""
    content = _id_bytes(carrier_id) + version.to_bytes(_VERSION_BYTES)
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
    carrier, rest = content[:_ID_BYTES], content[_ID_BYTES:]
    version, feed = rest[:_VERSION_BYTES], rest[_VERSION_BYTES:]
    return Token(
        str(UUID(bytes=carrier)),
        int.from_bytes(version),
        str(UUID(bytes=feed)) if feed else None,
    )


def _id_bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("-", ""))


def _check(content: bytes) -> bytes:
    return crc32(content).to_bytes(_CHECK_BYTES)
