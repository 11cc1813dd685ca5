"""Reading what one has just written: the token that a command's answer carries, and a query brings
back (`Directory.wait_for`)."""

from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass
from uuid import UUID
from zlib import crc32

TOKEN_PATTERN = "[A-Za-z0-9_-]{32}"  # noqa: S105 - no secret
"""What a token looks like, as a regular expression."""

_VERSION_BYTES = 4
_CHECK_BYTES = 4


class BadToken(ValueError):
    """This is not a token that a command's answer has carried."""


class ViewBehind(Exception):
    """The view does not hold what the token stands for, and will not within a request's time."""

    def __init__(
        self, sentence: str = "The view does not hold what was written yet; try again shortly"
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Token:
    """What a view has to hold: a carrier at a version, or at a later one."""

    carrier_id: str
    version: int


def token_of(carrier_id: str, version: int) -> str:
    """The token as text that is at home in a header and in an address."""
    content = UUID(carrier_id).bytes + version.to_bytes(_VERSION_BYTES)
    return urlsafe_b64encode(content + _check(content)).decode()


def token_in(text: str) -> Token:
    """The token that `token_of` wrote. Raises BadToken: one that was mangled would be waited for
    in vain."""
    try:
        given = b64decode(text, altchars=b"-_", validate=True)
    except ValueError as error:
        raise BadToken from error
    content, check = given[:-_CHECK_BYTES], given[-_CHECK_BYTES:]
    if len(content) != 16 + _VERSION_BYTES or check != _check(content):
        raise BadToken
    return Token(str(UUID(bytes=content[:16])), int.from_bytes(content[16:]))


def _check(content: bytes) -> bytes:
    return crc32(content).to_bytes(_CHECK_BYTES)
