"""The option for a key's expiry: a duration from now, a date or a moment."""

import re
from datetime import UTC, datetime, timedelta

import click

from app.bootstrap import clock

_DURATION = re.compile(r"([1-9][0-9]{0,5})(h|d|w)")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)")


class Expiry(click.ParamType[datetime]):
    """Parses `90d`, `2027-01-31` (the start of that day in UTC) or `2027-01-31T12:00:00Z`."""

    name = "when"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """See `click.ParamType`."""
        text, now = str(value), clock()
        try:
            moment = _parsed(text, now)
        except (ValueError, OverflowError):
            moment = None
        if moment is None:
            self.fail(
                "It must be a duration such as 90d (h, d or w), a date such as 2027-01-31 or a"
                " moment such as 2027-01-31T12:00:00Z.",
                param,
                ctx,
            )
        if moment <= now:
            self.fail("It must be a moment that is still to come.", param, ctx)
        return moment


def _parsed(text: str, now: datetime) -> datetime | None:
    if duration := _DURATION.fullmatch(text):
        return now + int(duration[1]) * _UNITS[duration[2]]
    if _DATE.fullmatch(text):
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    if _MOMENT.fullmatch(text):
        return datetime.fromisoformat(text).astimezone(UTC)
    return None
