"""Plain addresses are recognised without the library, which must never have said otherwise."""

import random

import pytest
from email_validator import (
    SPECIAL_USE_DOMAIN_NAMES,
    EmailNotValidError,
    validate_email,
)

from app.domain.errors import InvalidValue
from app.domain.values import EMAIL_MAX_CHARACTERS, EmailAddress, is_plain_email
from tests.support.measurements import rounds

SIGNS = "aaabcxyz019ABX--..__@!#$%&'*+/=?^`{|}~\"\\ ()<>[],;:\t\n\0äßİ。\uff20\u0338"
WORDS = ("a", "info", "Sales", "carrier7", "xn", "xn--nxasmq6b", "x" * 63, "y" * 64, "1", "co", "-")
ENDINGS = (
    *SPECIAL_USE_DOMAIN_NAMES,
    "com",
    "de",
    "c0m",
    "co1",
    "example.com",
    "XN--P1AI",
    "museum",
)


def address(chance: random.Random) -> str:
    """A text that is an address or nearly one: of words, with some signs changed now and then."""
    local = chance.choice("..-+_").join(chance.choices(WORDS, k=chance.randint(1, 3)))
    labels = [*chance.choices(WORDS, k=chance.randint(0, 3)), chance.choice(ENDINGS)]
    signs = list(f"{local}@{'.'.join(labels)}")
    for _ in range(chance.choice((0, 0, 0, 1, 1, 2, 3))):
        place = chance.randrange(len(signs) + 1)
        signs[place : place + chance.randint(0, 1)] = [chance.choice(SIGNS)]
    return "".join(signs)


def normal_form(text: str) -> str | None:
    """What the library makes of it; None if it is no address."""
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError:
        return None


def ours(text: str) -> str | None:
    """What we make of it."""
    try:
        return EmailAddress(text).text
    except InvalidValue:
        return None


def test_a_plain_address_is_what_the_library_says() -> None:
    """Of 100,000 addresses and near misses, a tenth of them in short runs, each has the library's
    answer, and enough of them are plain for that to mean something."""
    seed = random.randrange(1_000_000)
    chance, plain = random.Random(seed), 0
    for _ in range(rounds(100_000)):
        text = address(chance)
        if len(text) > EMAIL_MAX_CHARACTERS:
            continue
        plain += is_plain_email(text)
        assert ours(text) == normal_form(text), f"{text!r}, seed {seed}"
    assert plain > rounds(100_000) / 20


@pytest.mark.parametrize(
    "text",
    [
        "contact@fedex.com",
        "o'neill+x=1@a-b.c1.example.com",
        f"a@{'x' * 63}.example",
        f"{'a.' * 40}a@b.co",
    ],
)
def test_common_addresses_are_plain(text: str) -> None:
    """They are not given to the library, and have the answer that it gives."""
    assert is_plain_email(text)
    assert normal_form(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *(f"a@{name}" for name in SPECIAL_USE_DOMAIN_NAMES),
        *(f"a@b.{name}" for name in SPECIAL_USE_DOMAIN_NAMES),
        "A@b.com",
        "Info@b.com",
        "a@B.com",
        "a@xn--nxasmq6b.com",
        "a@ab--c.com",
        f"a@{'x' * 64}.com",
        "a@b.c0",
        "a@b",
        "a..b@c.com",
        "a@b.com\n",
        '"a"@b.com',
        "ä@b.com",
        "a@[127.0.0.1]",
    ],
)
def test_whatever_is_not_plain_is_the_library_s_to_judge(text: str) -> None:
    """Also some that are valid, such as capitals and domains in Punycode."""
    assert not is_plain_email(text)
    assert ours(text) == normal_form(text)
