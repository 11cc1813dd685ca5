"""By what two carriers that are one company find each other: the terms that both rows have, beside
the carriers' identifiers. Pure functions of a row's body.

A term has its kind before a colon: `domain:fedex.com`, `phone:+498912345678`, and for names
`begins:`, `ends:`, `sounds:` and `start:`. Carriers are compared only if they share a term, so what
no term says is never found; `directory/comparison.py` then judges the two.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import groupby
from typing import Any

from app.application.projections.text import words
from app.domain.values import comparable_domain

ALIASES_COMPARED = 5
"""The first ones of a carrier: each is a name more that it is found by."""

_WORDS_COMPARED = 8
_LONGEST_WORD = 40
_PART = 4
_START = 8
_SOUNDS = str.maketrans("czqv", "kskf", "aeiouyh")
_HOST = re.compile(r"https?://(?:www\.)?([^/?#:]+)")

# As `words` splits and `_joined` joins them: S.p.A. is spa. Taken away at the end of a name.
_FORMS = """
    ab ag aps as asa bt bv bvba co company corp corporation cv doo dd ad ead eood eg eurl ev gbr
    gesmbh gmbh inc incorporated jsc kft kg kgaa kk lda limited llc llp lp ltd ltda mbh nv nyrt oao
    og ohg ood ooo ou oy oyj pjsc plc pt pte pty pvt sa sapa sapi sarl sas sasu sca scs se sia sl
    sll slu snc sp spa spj spk spolka sprl srl sro ua uab ug vof zao zoo zrt
"""
LEGAL_FORMS = frozenset(_FORMS.split())
_FORMS_BEFORE = frozenset({"oao", "ooo", "ou", "pao", "pt", "sia", "uab", "zao"})
_JOINING = frozenset({"and", "und", "et", "y", "e", "i", "the"})

# Addresses there say nothing of the company.
_DOMAINS = """
    aol.com att.net bellsouth.net bigpond.com bluewin.ch bol.com.br btinternet.com centrum.cz
    charter.net comcast.net cox.net earthlink.net email.cz fastmail.com foxmail.com free.fr
    freenet.de gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hotmail.co.uk
    hotmail.com hotmail.de hotmail.es hotmail.fr hotmail.it icloud.com inbox.lv inbox.ru interia.pl
    laposte.net libero.it list.ru live.co.uk live.com live.de live.fr live.nl mac.com mail.com
    mail.de mail.ru me.com msn.com naver.com o2.pl onet.pl op.pl orange.fr outlook.com outlook.de
    outlook.es outlook.fr pm.me posteo.de proton.me protonmail.com qq.com rambler.ru rediffmail.com
    rocketmail.com sapo.pt sbcglobal.net seznam.cz sfr.fr shaw.ca sina.com sympatico.ca t-online.de
    telenet.be tiscali.it tutanota.com uol.com.br verizon.net virgilio.it wanadoo.fr web.de wp.pl
    yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.br yahoo.de yahoo.es yahoo.fr yahoo.it
    yandex.com yandex.ru ymail.com zoho.com 126.com 163.com
    facebook.com google.com instagram.com linkedin.com sites.google.com twitter.com x.com
    youtube.com
"""
COMMON_DOMAINS = frozenset(_DOMAINS.split())


def likeness_terms(body: Mapping[str, Any]) -> frozenset[str]:
    """The terms of the carrier's domains, phone number and names."""
    found = {f"domain:{domain}" for domain in _domains(body)}
    if body["phone"]:
        found.add(f"phone:{body['phone']}")
    for name in names_of(body):
        found.update(_name_terms(name))
    return frozenset(found)


def names_of(body: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The names that the carrier is compared by, its own first, each as `essential_words`."""
    named = (body["name"], *body["aliases"][:ALIASES_COMPARED])
    return list(dict.fromkeys(each for each in map(essential_words, named) if each))


def essential_words(name: str) -> tuple[str, ...]:
    """The folded words of a name without its legal form, such as GmbH or S.p.A., and without words
    such as "and"; a name that is nothing else keeps them. Letters with dots are one word."""
    found = list(_joined(words(name)))
    rest = _without_forms([each for each in found if each not in _JOINING])
    return tuple(rest or found)[:_WORDS_COMPARED]


def _name_terms(name: tuple[str, ...]) -> Iterator[str]:
    """The terms of a name, of which a slip of the pen leaves one: the beginnings of its words, and
    their ends, whatever their order; their sounds; and the beginning of the name, wherever it has
    spaces."""
    yield f"begins:{_together(word[:_PART] for word in name)}"
    yield f"ends:{_together(word[-_PART:] for word in name)}"
    yield f"sounds:{_together(map(_sound, name))}"
    yield f"start:{''.join(name)[:_START]}"


def _together(parts: Iterable[str]) -> str:
    return " ".join(sorted(parts))


# Of all the words of names, a few are most: those of the trade.
@lru_cache(maxsize=4096)
def _sound(word: str) -> str:
    """The consonants of a word, each once in a row: Müller, Mueller and Muler are one. A word that
    has none is its own sound."""
    consonants = word.translate(_SOUNDS)
    return "".join(letter for letter, _ in groupby(consonants)) or word


def _joined(found: Iterable[str]) -> Iterator[str]:
    """Single letters in a row as one word: S.A. and J. B. Hunt. Long words are cut."""
    letters = ""
    for word in found:
        if len(word) == 1:
            letters += word
            continue
        if letters:
            yield letters[:_LONGEST_WORD]
            letters = ""
        yield word[:_LONGEST_WORD]
    if letters:
        yield letters[:_LONGEST_WORD]


def _without_forms(found: list[str]) -> list[str]:
    while found and found[-1] in LEGAL_FORMS:
        found = found[:-1]
    while found and found[0] in _FORMS_BEFORE:
        found = found[1:]
    return found


def _domains(body: Mapping[str, Any]) -> set[str]:
    """The domain of the e-mail address and that of the website, unless it is one of those that
    everybody has."""
    _, at, domain = body["email"].rpartition("@")
    given = [domain] if at else []
    if found := _HOST.match(body["website"] or ""):
        given.append(found[1])
    return set(map(comparable_domain, given)) - COMMON_DOMAINS
