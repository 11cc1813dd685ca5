"""The output of `carriers`: JSON for programs, aligned columns for people. Its only I/O is writing
to stdout and stderr."""

import errno
import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

import click

Json = Any  # None, text, numbers, lists and objects of them

_GAP = "  "


class NotWritten(Exception):
    """The text could not be written to stdout as a whole. `reader_left`: stdout is a pipe whose
    reader has closed it."""

    def __init__(self, why: str, *, reader_left: bool = False) -> None:
        super().__init__(why)
        self.reader_left = reader_left


def occupy_standard_streams() -> None:
    """Open a null file for each of the descriptors 0, 1 and 2 that is closed: otherwise the next
    file to be opened, such as a database, would get that number. Python's streams stay None."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # takes the lowest number that is free


def write(text: str) -> None:
    """Write the text and a newline to stdout. Raises NotWritten."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    with _writing():
        click.echo(text.encode(encoding, "backslashreplace").decode(encoding))


def write_bytes(data: bytes) -> None:
    """Write the bytes to stdout. Raises NotWritten."""
    with _writing():
        click.echo(data, nl=False)


def note(text: str) -> None:
    """Write a line to stderr, for people. If that fails, the command goes on."""
    try:
        click.echo(text, err=True)
    except OSError:
        silence(sys.stderr)


@contextmanager
def _writing() -> Iterator[None]:
    if sys.stdout is None:
        raise NotWritten("it is closed")
    try:
        yield
    except OSError as error:
        raise not_written(error) from error


def not_written(error: OSError) -> NotWritten:
    """The error as a NotWritten. From now on stdout discards everything."""
    silence(sys.stdout)
    return NotWritten(error.strerror or str(error), reader_left=error.errno == errno.EPIPE)


def silence(stream: TextIO) -> None:
    """Redirect the stream to the null device: flushing its buffer at exit would fail again and
    change the exit code."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, stream.fileno())
    os.close(nothing)


def write_data(data: Mapping[str, Json], lines: Iterable[str], *, as_json: bool) -> None:
    """Write the data as one line of JSON, or the lines. Raises NotWritten."""
    write(in_text(data, lines, as_json=as_json))


def in_text(data: Mapping[str, Json], lines: Iterable[str], *, as_json: bool) -> str:
    """The data as JSON in ASCII, which is safe for terminals of any encoding; or the lines."""
    return json.dumps(data) if as_json else "\n".join(lines)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows as lines; each column but the last is as wide as its widest cell."""
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*shown, strict=True)]
    return [
        _GAP.join(
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in shown
    ]


def cell(value: object) -> str:
    """The text of a value in a column; `-` for None."""
    return "-" if value is None else str(value)


def carrier_rows(data: Mapping[str, Json]) -> list[tuple[str, str]]:
    """A row for each field, or for each entry of a list; fields that are not set are left out."""
    return [
        (name, _entry(entry))
        for name, value in data.items()
        if value not in (None, [], {})
        for entry in (value if isinstance(value, list) else [value])
    ]


def plan_rows(plan: Mapping[str, Json]) -> list[tuple[str, str]]:
    """A dry run's result as rows."""
    return [
        ("dry run", "nothing was written"),
        ("version", _text(plan["version"])),
        *([("state", plan["state"])] if "state" in plan else []),
        *(("event", f"{event['type']} {_entry(event['data'])}") for event in plan["events"]),
        *(("change", change_text(change)) for change in plan["changes"]),
    ]


def history_rows(entries: Iterable[Mapping[str, Json]]) -> list[tuple[str, ...]]:
    """A heading, and a row for each event."""
    return [
        ("VERSION", "AT", "WHO", "EVENT", "CHANGES"),
        *(
            (
                _text(entry["version"]),
                entry["at"],
                entry["who"],
                entry["type"],
                "; ".join(map(change_text, entry["changes"])) or _said(entry["data"]),
            )
            for entry in entries
        ),
    ]


def document_rows(data: Mapping[str, Json]) -> list[tuple[str, ...]]:
    """A heading, and a row for each document of a carrier."""
    return [
        ("ID", "KIND", "NUMBER", "ISSUER", "FROM", "TO", "LIMIT", f"HOLDS ON {data['on']}", "WHY"),
        *(
            (
                _text(each["document_id"]),
                each["kind"],
                each["number"],
                each["issuer"],
                each["valid_from"],
                cell(each["valid_to"]),
                _text(each["limit"]) or "-",
                "yes" if each["holds"] else "no",
                _what_became(each),
            )
            for each in data["documents"]
        ),
    ]


def rule_rows(data: Mapping[str, Json]) -> list[tuple[str, ...]]:
    """A heading, a row for each rule with the event that decided it, and the answer."""
    return [
        ("RULE", "HOLDS", "WHY", "DECIDED BY"),
        *(
            (each["rule"], "yes" if each["holds"] else "no", each["explanation"], _decided(each))
            for each in data["rules"]
        ),
        ("eligible", "yes" if data["eligible"] else "no", f"on {data['on']}", _judged_by(data)),
    ]


def vetting_rows(data: Mapping[str, Json]) -> list[tuple[str, str]]:
    """A row for each thing that is said of a vetting, but for its rules."""
    said = ("vetting_id", "carrier_id", "at", "who", "country", "service", "customer", "on")
    feed = [("position", f"{data['position']} of feed {data['feed']}")]
    return [*((name, cell(data[name])) for name in said), *feed]


def block_rows(data: Mapping[str, Json]) -> list[tuple[str, ...]]:
    """A heading, and a row for each block, preference and override of a carrier."""
    return [
        ("WHAT", "WORK", "FROM", "TO", f"HOLDS ON {data['on']}", "WHY"),
        *(
            (
                f"{noun} {each[f'{noun}_id']}",
                f"{each['rule']} for {_work(each)}" if "rule" in each else _work(each),
                each["valid_from"],
                cell(each["valid_to"]),
                "yes" if each["holds"] else "no",
                each["reason"]
                + (f"; taken back: {each['taken_back']}" if each["taken_back"] else ""),
            )
            for noun in ("block", "preference", "override")
            for each in data[f"{noun}s"]
        ),
    ]


def printable(text: str) -> str:
    """The text with control and bidirectional characters escaped, which could steer a terminal."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def _work(instruction: Mapping[str, Json]) -> str:
    """The work that an instruction is about; `all` where it names none."""
    said = (instruction[name] for name in ("service", "country", "customer"))
    return " ".join(each for each in said if each) or "all"


def _what_became(document: Mapping[str, Json]) -> str:
    """Of a document that is not in force any more; `-` of one that is."""
    by = f" by {document['replaced_by']}" if document["standing"] == "replaced" else ""
    because = f": {document['reason']}" if document["reason"] else ""
    standing = document["standing"]
    return "-" if standing == "in-force" else f"{standing}{by}{because}"


def _said(data: Mapping[str, Json]) -> str:
    """Of an event that changes no field of the carrier, what it says."""
    return "; ".join(f"{name}: {_text(value)}" for name, value in data.items())


def change_text(change: Mapping[str, Json]) -> str:
    """A changed field, with what it was and became."""
    was, became = _text(change["from"]), _text(change["to"])
    before = f"{was} → " if was else ""
    return f"{change['field']}: {before}{became or 'none'}"


def _text(value: Json) -> str:
    """The text of a value; empty if it is not set."""
    if value in (None, [], {}):
        return ""
    if isinstance(value, list):
        return ", ".join(map(_entry, value))
    return _entry(value)


def _entry(value: Json) -> str:  # noqa: PLR0911 - a table
    """The text of a single value or a list's entry, in the form of the options if there is one."""
    match value:
        case str():
            return value
        case {"service": service, "countries": [*countries], **more} if not more:
            return f"{service}:{','.join(countries)}"
        case {"scheme": scheme, "value": code, **more} if not any(more.values()):
            return f"{scheme}:{code}"
        case {"role": role, "name": name, **ways} if len(ways) == 1:
            return f"{role}:{name}:{next(iter(ways.values()))}"
        case {"explanation": str(sentence)}:
            return sentence
        case {"amount": amount, "currency": currency, **more} if not more:
            return f"{amount} {currency}"
    return json.dumps(value, ensure_ascii=False)


def _width(text: str) -> int:
    """The width in terminal columns: East Asian wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(each) else 1 + (unicodedata.east_asian_width(each) in "WF")
        for each in text
    )


def _decided(rule: Json) -> str:
    event = rule["event"]
    return f"version {event['version']}, {event['type']}" if event else "-"


def _judged_by(data: Mapping[str, Json]) -> str:
    return f"carrier's version {data['version']}, policy's {data['policy_version']}"
