"""A carrier's phone number, website, tracking URL and aliases."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import phonenumbers

from app.domain.errors import InvalidValue
from app.domain.values import CarrierName

URL_MAX_CHARACTERS = 2048
ALIASES_MAX = 50
TRACKING_NUMBER = "{tracking_number}"

# The separators that people write between digits. The library alone would also accept letters as
# telephone keys and silently drop extensions: the result would differ from what the caller wrote.
_WRITTEN_PHONE = re.compile(r"\+[0-9 ().\-/]{1,40}")

# RFC 3986 does not allow these, and browsers and pages treat some of them specially.
_NOT_IN_A_URL = frozenset('<>"\\^`{|}')
_HTTPS = re.compile(r"https://([^/?#]*)(.*)", re.IGNORECASE | re.ASCII)
_PORT = re.compile(r":0*([1-9][0-9]{0,4})\Z")
_PORT_MAX = 65_535
_HOST_MAX = 253
_LABEL_MAX = 63


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A phone number in E.164 form, valid by its country's numbering plan in `phonenumbers`.
    Spaces, dots, dashes, slashes and brackets between the digits are accepted."""

    text: str

    def __post_init__(self) -> None:
        raw = self.text.strip()
        if not raw.startswith("+"):
            raise InvalidValue("The phone must start with + and the country code")
        if not _WRITTEN_PHONE.fullmatch(raw):
            raise InvalidValue("The phone must be a + and digits, such as +498912345678")
        try:
            number = phonenumbers.parse(raw)
        except phonenumbers.NumberParseException as error:
            raise InvalidValue("The phone must be a valid phone number") from error
        if not phonenumbers.is_valid_number(number):
            raise InvalidValue("The phone must be a valid phone number")
        text = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        object.__setattr__(self, "text", text)

    def as_json(self) -> str:
        """The number, such as +498912345678."""
        return self.text


@dataclass(frozen=True, slots=True)
class Website:
    """An https URL with a host name, at most 2,048 characters; scheme and host in lower case."""

    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", https_url(self.text, "website"))

    def as_json(self) -> str:
        """The URL."""
        return self.text


@dataclass(frozen=True, slots=True)
class TrackingUrl:
    """An https URL with one `{tracking_number}` after the host, so that no tracking number can
    change the site."""

    text: str

    def __post_init__(self) -> None:
        before, found, after = self.text.partition(TRACKING_NUMBER)
        if not found or "{" in before + after or "}" in before + after:
            raise InvalidValue(
                f"The tracking URL must contain {TRACKING_NUMBER} once and no other braces"
            )
        https_url(before + after, "tracking URL", URL_MAX_CHARACTERS - len(TRACKING_NUMBER))
        # The URL must have its whole host before the number: "https://a.example{…}.com" has not.
        host = _HTTPS.fullmatch(before)
        if host is None or not host[2]:
            raise InvalidValue(f"The tracking URL must have {TRACKING_NUMBER} behind its host")
        object.__setattr__(
            self, "text", https_url(before, "tracking URL") + TRACKING_NUMBER + after
        )

    def as_json(self) -> str:
        """The URL with `{tracking_number}`."""
        return self.text


def alias(text: str) -> str:
    """An alias in normal form; the rules are those of a carrier's name. Raises InvalidValue."""
    try:
        return CarrierName(text).text
    except InvalidValue as error:
        raise InvalidValue(error.sentence.replace("The name", "The alias", 1)) from error


@dataclass(frozen=True, slots=True)
class Aliases:
    """Trade names in the caller's order, 50 at most, each once regardless of case."""

    names: Sequence[str]

    def __post_init__(self) -> None:
        at_most("aliases", len(self.names), ALIASES_MAX)
        names = tuple(alias(name) for name in self.names)
        if len({name.casefold() for name in names}) < len(names):
            raise InvalidValue("The aliases must not name the same one twice")
        object.__setattr__(self, "names", names)

    def as_json(self) -> list[str]:
        """The list of names."""
        return list(self.names)


def at_most(what: str, count: int, maximum: int) -> None:
    """Check that `count` is at most `maximum`; `what` names the list. Raises InvalidValue."""
    if count > maximum:
        raise InvalidValue(f"The {what} must have at most {maximum} entries")


def https_url(text: str, what: str, longest: int = URL_MAX_CHARACTERS) -> str:
    """`text` with scheme and host in lower case; `what` names it in errors. Raises InvalidValue."""
    if len(text) > longest:
        raise InvalidValue(f"The {what} must be at most {URL_MAX_CHARACTERS} characters long")
    if any(unicodedata.category(character)[0] in "CZ" for character in text):
        raise InvalidValue(f"The {what} must not contain spaces or control characters")
    parts = _HTTPS.fullmatch(text)
    if parts is None:
        raise InvalidValue(f"The {what} must start with https://")
    authority, rest = parts[1].lower(), parts[2]
    if "@" in authority:
        raise InvalidValue(f"The {what} must not contain a user name or a password")
    port = _PORT.search(authority)
    if not _is_host(authority[: port.start()] if port else authority):
        raise InvalidValue(f"The {what} must have a host such as www.example.com")
    if port and int(port[1]) > _PORT_MAX:
        raise InvalidValue(f"The {what} must have a port of at most {_PORT_MAX}")
    if not _NOT_IN_A_URL.isdisjoint(rest):
        raise InvalidValue(f"The {what} must percent-encode what no URL may contain")
    return f"https://{authority}{rest}"


def _is_host(host: str) -> bool:
    """Whether `host` is a name: at least two labels of letters (of any script), digits and hyphens.
    An IP address is refused, as a company's site has a name."""
    labels = host.split(".")
    return (
        len(host) <= _HOST_MAX
        and len(labels) > 1
        and all(_is_label(label) for label in labels)
        and not labels[-1].isdigit()
    )


def _is_label(label: str) -> bool:
    return (
        0 < len(label) <= _LABEL_MAX
        and not label.startswith("-")
        and not label.endswith("-")
        and all(c == "-" or unicodedata.category(c)[0] in "LMN" for c in label)
    )
