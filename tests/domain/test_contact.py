"""A carrier's phone number, website, tracking URL and aliases: valid values, normal forms,
refusals."""

from collections.abc import Callable

import pytest

from app.domain.errors import InvalidValue
from app.domain.profile.contact import Aliases, PhoneNumber, TrackingUrl, Website

SITE = "https://www.fedex.com"


def refused(make: Callable[..., object], *given: object) -> str:
    """The sentence of the refusal."""
    with pytest.raises(InvalidValue) as refusal:
        make(*given)
    return refusal.value.sentence


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("+498912345678", "+498912345678"),
        ("+49 89 1234-5678", "+498912345678"),
        (" +1 (650) 253.0000 ", "+16502530000"),
        ("+39 06 698 12345", "+390669812345"),
        ("+49 (0) 89 / 12345678", "+498912345678"),
    ],
)
def test_a_phone_number_is_kept_in_e164(text: str, normal: str) -> None:
    """A phone number is kept in E.164 form, however its digits are grouped."""
    assert PhoneNumber(text).as_json() == normal


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "089 12345678",
        "0049 89 12345678",
        "+49",
        "+4912",
        "+0 12345678",
        "+999 12345678",
        "+1 800 FLOWERS",
        "+1 650 253 0000 ext. 5",
        "+1 650 253 0000;ext=5",
        "tel:+16502530000",
        "+٤٩٨٩١٢٣٤٥٦٧٨",
        "\uff0b498912345678",
        "+49891234\n5678",
        "+" + "1" * 100_000,
        "+4989\ud8001234567",
    ],
)
def test_a_phone_number_is_one_of_a_country(text: str) -> None:
    """A phone number is valid by its country's plan; nothing is guessed, and nothing that the
    caller wrote is dropped."""
    assert refused(PhoneNumber, text).startswith("The phone must ")


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        (SITE, SITE),
        ("HTTPS://WWW.FedEx.com/Über?Q=1#Top", "https://www.fedex.com/Über?Q=1#Top"),
        ("https://fedex.com:8443/", "https://fedex.com:8443/"),
        ("https://müller-spedition.de", "https://müller-spedition.de"),
        ("https://भारत.भारत/", "https://भारत.भारत/"),
        ("https://a.b/@x", "https://a.b/@x"),
        (f"{SITE}/{'x' * (2048 - len(SITE) - 1)}", f"{SITE}/{'x' * (2048 - len(SITE) - 1)}"),
    ],
)
def test_a_website_is_an_https_url(text: str, normal: str) -> None:
    """A website keeps scheme and host in lower case and the rest as it was given."""
    assert Website(text).as_json() == normal


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "start with https://"),
        ("http://www.fedex.com", "start with https://"),
        ("http\u017f://www.fedex.com", "start with https://"),
        ("javascript:alert(1)//https://a.b", "start with https://"),
        ("www.fedex.com", "start with https://"),
        ("https://", "have a host"),
        ("https:///path", "have a host"),
        ("https://localhost", "have a host"),
        ("https://.com", "have a host"),
        ("https://fedex.", "have a host"),
        ("https://a..com", "have a host"),
        ("https://-a.com", "have a host"),
        ("https://a_b.com", "have a host"),
        ("https://127.0.0.1", "have a host"),
        ("https://[::1]/", "have a host"),
        ("https://a.com:", "have a host"),
        ("https://a.com:x", "have a host"),
        ("https://a.com:٣", "have a host"),
        ("https://evil.com\\.fedex.com", "have a host"),
        (f"https://{'a' * 64}.com", "have a host"),
        (f"https://{'a.' * 126}com", "have a host"),
        ("https://a.com:65536", "have a port"),
        ("https://a.com@evil.com", "not contain a user name"),
        ("https://u:p@fedex.com", "not contain a user name"),
        ("https://fedex.com/a b", "not contain spaces"),
        (" https://fedex.com", "not contain spaces"),
        ("https://fedex.com\n", "not contain spaces"),
        ("https://fedex.com/\0", "not contain spaces"),
        ("https://fedex.com/\u200b", "not contain spaces"),
        ("https://fedex.com/\ud800", "not contain spaces"),
        ('https://fedex.com/"><script>', "percent-encode"),
        ("https://fedex.com/{x}", "percent-encode"),
        (f"{SITE}/{'x' * 2028}", "be at most 2048 characters"),
    ],
)
def test_a_website_leads_to_one_place(text: str, rule: str) -> None:
    """A URL that two parsers could read differently, or that a page could take for more than a
    link, is refused."""
    assert f"The website must {rule}" in refused(Website, text)


def test_a_tracking_url_has_one_place_for_the_number() -> None:
    """A tracking URL has one place for the number, anywhere after the host."""
    for rest in ("/?n={tracking_number}", "/{tracking_number}/x", "#{tracking_number}"):
        assert TrackingUrl(f"HTTPS://A.example{rest}").as_json() == f"https://a.example{rest}"
    longest = f"{SITE}/{{tracking_number}}".ljust(2048, "x")
    assert TrackingUrl(longest).as_json() == longest


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (SITE, "contain {tracking_number} once"),
        (f"{SITE}/{{tracking_number}}{{tracking_number}}", "contain {tracking_number} once"),
        (f"{SITE}/{{tracking_number}}{{x}}", "contain {tracking_number} once"),
        (f"{SITE}/{{{{tracking_number}}}}", "contain {tracking_number} once"),
        (f"{SITE}/{{TRACKING_NUMBER}}", "contain {tracking_number} once"),
        ("https://{tracking_number}.example.com/", "have a host"),
        ("https://a.example{tracking_number}", "have {tracking_number} behind its host"),
        ("https://a.example.{tracking_number}com/", "have {tracking_number} behind its host"),
        ("https://{tracking_number}", "have a host"),
        ("http://a.example/{tracking_number}", "start with https://"),
        ("{tracking_number}https://a.example/", "have {tracking_number} behind its host"),
        (f"{SITE}/{{tracking_number}}".ljust(2049, "x"), "be at most 2048 characters"),
    ],
)
def test_a_tracking_url_leads_to_one_site(text: str, rule: str) -> None:
    """A tracking number fills one place and can never change the host."""
    assert f"The tracking URL must {rule}" in refused(TrackingUrl, text)


def test_aliases_keep_their_order_and_the_rule_of_names() -> None:
    """Aliases are kept in order, trimmed and in NFC, fifty at most."""
    assert Aliases(["  UPS ", "Cafe\u0301"]).as_json() == ["UPS", "Caf\u00e9"]
    assert len(Aliases([str(number) for number in range(50)]).as_json()) == 50
    many = [str(number) for number in range(51)]
    assert refused(Aliases, many) == "The aliases must have at most 50 entries"


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ([" "], "The alias must not be blank"),
        (["UPS", "a\nb"], "The alias must not contain control characters"),
        (["x" * 256], "The alias must be at most 255 characters long"),
        (["UPS", "ups"], "The aliases must not name the same one twice"),
        (["Straße", "STRASSE "], "The aliases must not name the same one twice"),
    ],
)
def test_an_alias_breaks_no_rule(names: list[str], sentence: str) -> None:
    """An alias keeps the rules of a name, with errors that say alias, and none is given twice."""
    assert refused(Aliases, names) == sentence
