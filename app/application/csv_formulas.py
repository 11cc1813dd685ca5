"""Cells of a CSV that begin like a formula: made harmless when written, taken back when read
(docs/csv.md). Imports nothing."""

import re

# Spreadsheets take a cell for a formula that begins so; the wide and small forms are the same to
# some of them. What they may pass over before it counts for nothing.
_FORMULA = "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"
_PASSED_OVER = "\\s'\"\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff"
_BEGINS_A_FORMULA = re.compile(
    # With another separator than the comma, as spreadsheets have it in most of Europe, a cell
    # begins behind each of that in the text, whatever the quotation marks.
    rf"(?:^|(?<=[;\t|\r\n]))(?=[{_PASSED_OVER}]*[{_FORMULA}])"
)
_MAY_BE_A_FORMULA = re.compile(f"[{_FORMULA}]")
_ADDED = re.compile(rf"(?:^|(?<=[;\t|\r\n]))'(?=[{_PASSED_OVER}]*[{_FORMULA}])")


def harmless(text: str) -> str:
    """With an apostrophe wherever a spreadsheet could see a formula begin. Whoever takes away one
    apostrophe from each of these places has the text again."""
    return _BEGINS_A_FORMULA.sub("'", text) if _MAY_BE_A_FORMULA.search(text) else text


def as_meant(cell: str) -> str:
    """The text that `harmless` made the cell of."""
    return _ADDED.sub("", cell) if "'" in cell else cell
