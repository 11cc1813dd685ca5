"""What a shell shows of carriers: JSON for programs, aligned columns for people. Does no I/O but
to write."""

import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

Json = Any  # None, text, numbers, lists and objects of them

_GAP = "  "


def write(text: str) -> None:
    """To stdout. A reader that has seen enough, such as `head`, is no error."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        click.echo(text.encode(encoding, "backslashreplace").decode(encoding))
    except BrokenPipeError:
        # What is left in the buffer would be complained about at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write_data(data: Mapping[str, Json], lines: Iterable[str], *, as_json: bool) -> None:
    """The data on one line, or the lines. JSON in ASCII survives a terminal of any encoding."""
    write(json.dumps(data) if as_json else "\n".join(lines))


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines with each column as wide as its widest cell; the last one is left as it is."""
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*shown, strict=True)]
    return [
        _GAP.join(
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in shown
    ]


def cell(value: object) -> str:
    """A value in a column."""
    return "-" if value is None else str(value)


def carrier_rows(data: Mapping[str, Json]) -> list[tuple[str, str]]:
    """A field a row, and for a list an entry a row; what is not set is left out."""
    return [
        (name, _entry(entry))
        for name, value in data.items()
        if value not in (None, [], {})
        for entry in (value if isinstance(value, list) else [value])
    ]


def plan_rows(plan: Mapping[str, Json]) -> list[tuple[str, str]]:
    """What a dry run found."""
    return [
        ("dry run", "nothing was written"),
        ("version", _text(plan["version"])),
        ("state", plan["state"]),
        *(("event", f"{event['type']} {_entry(event['data'])}") for event in plan["events"]),
        *(("change", _change(change)) for change in plan["changes"]),
    ]


def history_rows(entries: Iterable[Mapping[str, Json]]) -> list[tuple[str, ...]]:
    """An event a row, below a heading."""
    return [
        ("VERSION", "AT", "WHO", "EVENT", "CHANGES"),
        *(
            (
                _text(entry["version"]),
                entry["at"],
                entry["who"],
                entry["type"],
                "; ".join(map(_change, entry["changes"])),
            )
            for entry in entries
        ),
    ]


def printable(text: str) -> str:
    """Without what could steer a terminal or turn a line around."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def _change(change: Mapping[str, Json]) -> str:
    was, became = _text(change["from"]), _text(change["to"])
    before = f"{was} → " if was else ""
    return f"{change['field']}: {before}{became or 'none'}"


def _text(value: Json) -> str:
    """Empty for what is not set."""
    if value in (None, [], {}):
        return ""
    if isinstance(value, list):
        return ", ".join(map(_entry, value))
    return _entry(value)


def _entry(value: Json) -> str:
    """Alone or in a list; as the options take it, where there is one for it."""
    match value:
        case str():
            return value
        case {"service": service, "countries": [*countries], **more} if not more:
            return f"{service}:{','.join(countries)}"
        case {"scheme": scheme, "value": code, **more} if not any(more.values()):
            return f"{scheme}:{code}"
    return json.dumps(value, ensure_ascii=False)


def _width(text: str) -> int:
    """In a terminal's columns: East Asian wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(each) else 1 + (unicodedata.east_asian_width(each) in "WF")
        for each in text
    )
