"""Names, addresses and reasons: their normal forms, and the texts that are refused."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.errors import InvalidValue
from app.domain.values import (
    CATEGORIES,
    NAME_MAX_CHARACTERS,
    CarrierName,
    Category,
    EmailAddress,
    Reason,
    comparable_email,
)
from tests.support.work import at_most

LINE_BREAKS = "\n\r\v\f\x1c\x85\u2028\u2029"
INVISIBLE = "\u200b\u200d\u2060\ufeff\u00ad"


@pytest.mark.parametrize(
    "text", ["FedEx", "a", "株式会社ヤマト", "Åre Frakt & Söner", "M/S 'Ane' <3>", "🚚", "نقل"]
)
def test_a_name_is_any_text(text: str) -> None:
    """The letters, signs and emoji of every language make a name and are kept as they are."""
    assert CarrierName(text).text == text
    assert str(CarrierName(text)) == text


@pytest.mark.parametrize("space", [" ", "\t", "\n", "\u00a0", "\u3000", "\u2028"])
def test_a_name_is_trimmed(space: str) -> None:
    """White space of any kind around a name is removed; white space within is kept."""
    assert CarrierName(f"{space}Fed Ex{space * 2}").text == "Fed Ex"


def test_a_name_is_kept_in_nfc() -> None:
    """Two ways to write the same letters make the same name."""
    assert CarrierName("Cafe\u0301") == CarrierName("Café")
    assert CarrierName("Cafe\u0301").text == "Caf\u00e9"


@pytest.mark.parametrize("letter", ["a", "é", "🚚", "株"])
def test_a_name_has_at_most_255_characters(letter: str) -> None:
    """Characters are code points in NFC: 255 are a name, 256 are not."""
    assert CarrierName(letter * 255).text == letter * 255
    with pytest.raises(InvalidValue, match="at most 255 characters"):
        CarrierName(letter * 256)


def test_a_name_is_measured_trimmed_and_in_nfc() -> None:
    """Characters that normalising removes do not count."""
    assert len(CarrierName(" " * 1000 + "e\u0301" * 255 + " ").text) == 255
    # The longest way to write one character of NFC takes four code points.
    assert len(CarrierName(unicodedata.normalize("NFD", "\u1f82" * 255)).text) == 255


def test_a_name_is_measured_before_it_costs_anything() -> None:
    """A megabyte of combining marks, which takes minutes to normalise, is refused at once."""
    with at_most(0.1), pytest.raises(InvalidValue, match="at most 255 characters"):
        CarrierName("a" + "\u0301\u0323" * 20_000)


@pytest.mark.parametrize("text", ["", " ", "\t\n ", "\u00a0\u3000", *INVISIBLE, INVISIBLE * 3])
def test_a_name_can_be_seen(text: str) -> None:
    """A name of nothing, of white space, or of invisible characters is blank."""
    with pytest.raises(InvalidValue, match="must not be blank"):
        CarrierName(text)


def test_an_invisible_character_within_a_name_stays() -> None:
    """Joiners are kept, as some scripts need them."""
    assert CarrierName("क्‍ष").text == "क्‍ष"


@pytest.mark.parametrize("character", [*"\0\x01\x1b\x7f\x9f\t", *LINE_BREAKS])
def test_a_name_has_no_control_characters(character: str) -> None:
    """A name has no character that a terminal or a log obeys, line and paragraph separators
    included."""
    with pytest.raises(InvalidValue, match="control characters"):
        CarrierName(f"Fed{character}Ex")


def test_half_a_surrogate_pair_is_no_text() -> None:
    """Text that UTF-8 cannot encode is refused in names and addresses."""
    with pytest.raises(InvalidValue):
        CarrierName("Fed\ud800Ex")
    with pytest.raises(InvalidValue):
        EmailAddress("contact\ud800@fedex.com")


@settings(deadline=None, max_examples=50)
@given(st.text(st.characters(exclude_categories=[]), max_size=300))
def test_a_name_is_normal_or_does_not_exist(text: str) -> None:
    """Any input becomes a valid name that stays the same when read again, or a refusal that does
    not repeat it."""
    try:
        name = CarrierName(text)
    except InvalidValue as error:
        assert error.sentence.startswith("The name must")
    else:
        assert 1 <= len(name.text) <= 255
        assert name.text == unicodedata.normalize("NFC", name.text).strip()
        assert name == CarrierName(name.text)
        assert name.text.encode()


@given(st.text(st.characters(max_codepoint=0x9F), min_size=1, max_size=300))
def test_a_name_in_ascii_keeps_the_same_rules(text: str) -> None:
    """Texts in ASCII are judged by fewer looks, and never otherwise: a letter outside of ASCII
    behind one changes nothing but its length."""
    raw = text.strip() or "-"

    def kept(name: str) -> str | None:
        try:
            return CarrierName(name).text
        except InvalidValue:
            return None

    longer = kept(f"{raw}ß")
    if len(raw) < NAME_MAX_CHARACTERS:
        assert kept(raw) == (longer and longer.removesuffix("ß"))
    else:
        assert (kept(raw) is None) == (len(raw) > NAME_MAX_CHARACTERS or not raw.isprintable())


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        ("contact@fedex.com", "contact@fedex.com"),
        ("Contact.Us+eu@FedEx.COM", "Contact.Us+eu@fedex.com"),
        ("δοκιμή@παράδειγμα.gr", "δοκιμή@παράδειγμα.gr"),
        ("用户@例子.中国", "用户@例子.中国"),
        ("a@xn--bcher-kva.ch", "a@bücher.ch"),
        ("cafe\u0301@b.fr", "caf\u00e9@b.fr"),
    ],
)
def test_an_address_is_normalised(given_text: str, kept: str) -> None:
    """An address keeps its domain in lower case and in its own script, and its local part as given,
    in NFC."""
    assert EmailAddress(given_text).text == kept
    assert str(EmailAddress(kept)) == kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "contact",
        "@fedex.com",
        "contact@",
        "contact@fedex",
        "a@b@c.com",
        "a b@c.com",
        "a@[127.0.0.1]",
        '"a b"@c.com',
        "FedEx <contact@fedex.com>",
        "a@b.com\n",
        "a\0@b.com",
        "a@b..com",
        ".a@b.com",
        "a@-b.com",
        "a@xn--a.com",
        "a@\u200d.com",
        "a@b.com, c@d.com",
    ],
)
def test_what_is_no_address_cannot_exist(text: str) -> None:
    """An invalid address is refused with one sentence that does not repeat it."""
    with pytest.raises(InvalidValue) as caught:
        EmailAddress(text)
    assert caught.value.sentence == "The email must be a valid email address"


def test_an_address_has_at_most_254_characters() -> None:
    """RFC 5321's limit: 254 characters are an address, 255 are not."""
    domain = ".".join(["d" * 61] * 3) + ".com"
    longest = "a" * (254 - 1 - len(domain)) + "@" + domain
    assert len(EmailAddress(longest).text) == 254
    with pytest.raises(InvalidValue, match="at most 254 characters"):
        EmailAddress("a" + longest)


def test_an_address_is_measured_before_it_costs_anything() -> None:
    """A megabyte is refused without being parsed."""
    with at_most(0.1), pytest.raises(InvalidValue, match="at most 254 characters"):
        EmailAddress("a\u0301\u0323" * 300_000 + "@b.com")


@settings(deadline=None, max_examples=50)
@given(st.one_of(st.emails(), st.text(st.characters(exclude_categories=[]), max_size=300)))
def test_an_address_is_normal_or_does_not_exist(text: str) -> None:
    """Any input becomes an address that stays the same when read again, or is refused."""
    try:
        address = EmailAddress(text)
    except InvalidValue:
        return
    assert len(address.text) <= 254
    assert address == EmailAddress(address.text)


@pytest.mark.parametrize("text", ["Fined", "保険切れ", "Cover ended (see #7) 🚚", "a"])
def test_a_reason_is_any_text(text: str) -> None:
    """A reason is trimmed and in NFC, otherwise as it was given."""
    assert Reason(f" \n{text}\t").text == text
    assert str(Reason(text)) == text
    assert Reason("cafe\u0301") == Reason("café")


@pytest.mark.parametrize("letter", ["a", "é", "🚚"])
def test_a_reason_has_at_most_500_characters(letter: str) -> None:
    """A reason has at most 500 characters, measured trimmed and in NFC."""
    decomposed = unicodedata.normalize("NFD", letter * 500)
    assert Reason(f"  {decomposed}  ").text == letter * 500
    with pytest.raises(InvalidValue, match="at most 500 characters"):
        Reason(letter * 501)


def test_a_reason_is_measured_before_it_costs_anything() -> None:
    """A megabyte of combining marks is refused at once."""
    with at_most(0.1), pytest.raises(InvalidValue, match="at most 500 characters"):
        Reason("a" + "\u0301\u0323" * 20_000)


@pytest.mark.parametrize("text", ["", " ", "\t\n ", INVISIBLE])
def test_a_reason_can_be_seen(text: str) -> None:
    """A reason of white space or invisible characters alone is blank."""
    with pytest.raises(InvalidValue, match="must not be blank"):
        Reason(text)


@pytest.mark.parametrize("character", [*"\0\x1b\x7f\t", *LINE_BREAKS, "\ud800"])
def test_a_reason_is_one_line(character: str) -> None:
    """A reason has no line breaks, control characters or half surrogate pairs."""
    with pytest.raises(InvalidValue, match="control characters"):
        Reason(f"No{character}cover")


def test_a_category_is_one_of_six() -> None:
    """A category is spelt exactly like one of the six; the default is "other"."""
    assert [Category(text).text for text in CATEGORIES] == list(CATEGORIES)
    assert str(Category()) == "other"
    for text in ("", "Fraud", "fraud ", "weather", "\ud800"):
        with pytest.raises(InvalidValue, match="must be one of insurance, authority"):
            Category(text)


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("Contact@FedEx.com", "contact@fedex.com"),
        ("CONTACT@FEDEX.COM", "contact@fedex.com"),
        ("\uff43ontact@fedex.com", "contact@fedex.com"),
        ("cafe\u0301@b.fr", "CAF\u00c9@b.fr"),
        ("stra\u00dfe@b.de", "STRASSE@b.de"),
        ("\u03c3\u03c2@b.gr", "\u03a3\u03a3@b.gr"),
        ("a@b\u00fccher.ch", "a@xn--bcher-kva.ch"),
        ("a@b\u00fccher.ch", "a@XN--BCHER-KVA.CH"),
        ("a@B\u00dcCHER.CH", "a@bu\u0308cher.ch"),
        ("a@\u4f8b\u5b50.\u4e2d\u56fd", "a@\u4f8b\u5b50\u3002\u4e2d\u56fd"),
        ("a@\uff46edex.com", "a@fedex.com"),
        ("a@stra\u00dfe.de", "a@xn--strae-oqa.de"),
    ],
)
def test_spellings_of_one_address_are_equal(one: str, another: str) -> None:
    """Spellings are equal regardless of case, width, composition and form of the domain."""
    assert comparable_email(one) == comparable_email(another)


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ("a@fedex.com", "b@fedex.com"),
        ("a@fedex.com", "a@fedex.org"),
        ("a.b@gmail.com", "ab@gmail.com"),
        ("a+b@gmail.com", "a@gmail.com"),
        ("a@b\u00fccher.ch", "a@bucher.ch"),
        ("a@stra\u00dfe.de", "a@strasse.de"),
        ("\u0430@b.com", "a@b.com"),
    ],
)
def test_different_addresses_stay_different(one: str, another: str) -> None:
    """No provider's habits are assumed, and IDNA 2008 keeps domains apart."""
    assert comparable_email(one) != comparable_email(another)


@pytest.mark.parametrize(
    "text", ["a@fedex.com", "a@b\u00fccher.ch", "\u7528@\u4f8b\u5b50.\u4e2d\u56fd"]
)
def test_an_address_and_its_normal_form_are_equal(text: str) -> None:
    """A stored address compares equal to the one that was given."""
    given_in_capitals = text.upper()
    assert comparable_email(EmailAddress(given_in_capitals).text) == comparable_email(text)


@settings(deadline=None, max_examples=300)
@given(
    st.one_of(
        st.emails(),
        st.text(st.characters(exclude_categories=[]), max_size=60),
        st.builds(
            "{}@{}.{}".format, *[st.text(st.characters(exclude_categories=[]), max_size=8)] * 3
        ),
    )
)
def test_any_text_can_be_compared(text: str) -> None:
    """Text older than today's rules is compared too, and the comparable form is stable."""
    comparable = comparable_email(text)
    assert comparable_email(comparable) == comparable
