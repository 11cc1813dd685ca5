"""How a filter of the directory is declared, so that the query, the API's parameter and the shell's
option follow from it. The filters stand beside the terms that they look for, in
`projections/carriers.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.application.projections.days import since_terms
from app.domain.errors import InvalidValue
from app.domain.profile.identifiers import day

ALTERNATIVES_MAX = 20
"""So many values at most of which any will do."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A parameter that selects the carriers with any of some terms.

    `terms` gives them for the parameter's text, or raises InvalidValue. `sentence` is what is said
    then; `{field}` in it stands for the parameter's name. `keywords` are those that JSON Schema
    has for the text. `option` and `metavar` describe the option of the shell.
    """

    name: str
    terms: Callable[[str], frozenset[str]]
    sentence: str
    description: str
    example: str
    option: str
    metavar: str
    keywords: Mapping[str, Any] = field(default_factory=dict)


def since(name: str, kind: str, description: str) -> Filter:
    """A filter for carriers whose day of this kind (`days.day_terms`) is the given one or a later
    one."""
    return Filter(
        name,
        lambda text: since_terms(kind, day(name, text)),
        "The {field} parameter must be a day such as 2026-01-31",
        description,
        "2026-01-31",
        description,
        "DATE",
        {"format": "date"},
    )


def any_of(
    name: str, term: Callable[[str], str], description: str, example: str, metavar: str
) -> Filter:
    """A filter for carriers with any of some values, separated by commas; `term` gives the term of
    one, or raises InvalidValue."""

    def terms(text: str) -> frozenset[str]:
        values = text.split(",")
        if len(values) > ALTERNATIVES_MAX:
            raise InvalidValue(f"The alternatives must be at most {ALTERNATIVES_MAX}")
        return frozenset(map(term, values))

    sentence = (
        f"The {{field}} parameter must be one such as {example.partition(',')[0]}, or up to"
        f" {ALTERNATIVES_MAX} of them separated by commas"
    )
    option = description.replace(", separated by commas", "")
    return Filter(name, terms, sentence, description, example, option, metavar)
