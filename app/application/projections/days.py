"""Days as terms of a view, so that a range of days is a few of them. Pure; imports nothing of ours.

A row with a day has a term for its millennium, century, decade, year, month and for the day
itself: each is a beginning of the day's text. All days from one on are then those of a few later
years, months and days.
"""

from collections.abc import Iterator

_BEGINNINGS = (1, 2, 3, 4, 7, 10)
_DIGITS = tuple("0123456789")
_LONGER = {
    **dict.fromkeys(range(4), _DIGITS),
    4: tuple(f"-{month:02}" for month in range(1, 13)),
    7: tuple(f"-{number:02}" for number in range(1, 32)),
}
"""What a beginning of that length goes on with."""
_LOWEST, _HIGHEST = "0000-01-01", "9999-12-31"
_LAST_YEAR = "2099"
"""No later one is looked for: a list of a far future year is one more to be read, and empty."""
LAST_DAY = f"{_LAST_YEAR}-12-31"


def day_terms(kind: str, day: str) -> frozenset[str]:
    """The terms of a row with this day, as YYYY-MM-DD."""
    return frozenset(f"{kind}:{day[:length]}" for length in _BEGINNINGS)


def since_terms(kind: str, day: str) -> frozenset[str]:
    """Terms of which a row has exactly one if its day is this one or a later one, and else none:
    60 at most."""
    return frozenset(f"{kind}:{beginning}" for beginning in _from(day))


def before_terms(kind: str, day: str) -> frozenset[str]:
    """Terms of which a row has exactly one if its day is before this one, and else none."""
    return between_terms(kind, "0000-00-00", day)


def between_terms(kind: str, first: str, end: str) -> frozenset[str]:
    """Terms of which a row has exactly one if its day is `first` or a later one and before `end`,
    and else none: 120 at most."""
    return frozenset(f"{kind}:{beginning}" for beginning in _between("", first, end))


def _between(beginning: str, first: str, end: str) -> Iterator[str]:
    """The shortest beginnings that all days from `first` to before `end` have, and no others do,
    among those that go on from this one."""
    length = len(beginning)
    lowest, highest = beginning + _LOWEST[length:], beginning + _HIGHEST[length:]
    if highest < first or end <= lowest:
        return
    if beginning and first <= lowest and highest < end:
        yield beginning
        return
    for longer in _LONGER[length]:
        yield from _between(beginning + longer, first, end)


def _from(day: str) -> Iterator[str]:
    for length in range(4):
        for digit in range(int(day[length]) + 1, 10):
            if (beginning := f"{day[:length]}{digit}") <= _LAST_YEAR:
                yield beginning
    yield from (f"{day[:5]}{month:02}" for month in range(int(day[5:7]) + 1, 13))
    if day.endswith("-01"):  # all days of the month
        yield day[:7]
    else:
        yield from (f"{day[:8]}{number:02}" for number in range(int(day[8:]), 32))
