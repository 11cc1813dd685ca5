"""`carriers duplicates`: which carriers may be one company, in the whole registry.

command line → the API's query schema → the directory, read once in this process
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from app.api.resources.representations import pair
from app.api.schemas.duplicates import ScoreSchema
from app.application.directory.comparison import Pair
from app.application.directory.duplicates import WHOLE_REGISTRY, all_pairs
from app.cli import options
from app.cli.directory import opened_directory, pages_of
from app.cli.errors import OPERATORS_EXIT_CODES, CarrierCommand
from app.cli.output import aligned, write, write_bytes
from config.settings import Settings

_HEADING = ("SCORE", "CARRIER_ID", "STATE", "NAME", "REASONS")
_PAIRS_PER_WRITE = 500


def _run(settings: Settings, *, as_json: bool, **given: str | None) -> None:
    asked: Mapping[str, int] = options.loaded(ScoreSchema(), options.body_of(given))
    with opened_directory(settings) as directory:
        pages = pages_of(directory, WHOLE_REGISTRY, settings)
        pairs = all_pairs((page.rows for page in pages), asked["min_score"])
    if as_json:
        found: dict[str, Any] = {"pairs": [pair(each) for each in pairs], "next": None}
        write_bytes(f"{json.dumps(found)}\n".encode())
        return
    for start in range(0, max(len(pairs), 1), _PAIRS_PER_WRITE):
        lines = [line for each in pairs[start : start + _PAIRS_PER_WRITE] for line in _lines(each)]
        write("\n".join(aligned([_HEADING, *lines] if start == 0 else lines)))


def _lines(found: Pair) -> Iterator[tuple[str, ...]]:
    """A line for each of the two; the score and the reasons stand in the first."""
    said = str(found.score), "; ".join(reason.explanation for reason in found.reasons)
    for each in found.carriers:
        yield said[0], each.carrier_id, each.state, each.name, said[1]
        said = "", ""


COMMANDS = (
    CarrierCommand(
        "duplicates",
        help="List carriers that may be one company, the likeliest pairs first.\n\nA pair has the"
        " same identifier, phone number or domain, or like names; the score is a chance in percent."
        " Retired and merged carriers take no part, nor do pairs of which `carriers"
        " not-a-duplicate` was said."
        " The whole registry is read, and about 3 KB a carrier kept in memory meanwhile.",
        params=[
            click.Option(["--min-score"], metavar="N", help="Only pairs that score so much; 50."),
            options.AS_JSON,
        ],
        callback=click.pass_obj(_run),
        epilog=OPERATORS_EXIT_CODES,
    ),
)
