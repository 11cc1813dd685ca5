"""How the desk's pages say what the registry holds: moments, events, fields, countries."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import pycountry
from flask import Flask
from markupsafe import Markup

_EVENTS: Final[Mapping[str, str]] = {"CarrierEmailChanged": "E-mail changed"}
_BETWEEN_WORDS = re.compile("(?<=[a-z])(?=[A-Z])")
_FIELDS: Final[Mapping[str, str]] = {
    "email": "E-mail",
    "tracking_url": "Tracking link",
    "happened_on": "Day",
    "valid_from": "Valid from",
    "valid_to": "Valid to",
    "metadata": "Own data",
}
_NAMES: Final[Mapping[str, str]] = {
    "ltl": "LTL",
    "ftl": "FTL",
    "change-email": "Change e-mail",
}
_SCHEMES: Final[Mapping[str, str]] = {"own": "Own", "usdot": "USDOT"}


def install(app: Flask) -> None:
    """Give the templates these words."""
    words = (moment, date, event, label, listed, place, scheme, title)
    app.jinja_env.filters.update({each.__name__: each for each in words})
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def moment(given: str | datetime) -> Markup:
    """The moment in UTC, which a script shows in the reader's own zone."""
    return _time(given, "moment", "{:%Y-%m-%d %H:%M} UTC")


def date(given: str | datetime) -> Markup:
    """The day of a moment, likewise."""
    return _time(given, "date", "{:%Y-%m-%d}")


def _time(given: str | datetime, kind: str, pattern: str) -> Markup:
    when = datetime.fromisoformat(given) if isinstance(given, str) else given
    utc = when.astimezone(UTC)
    machine = utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Markup(
        '<time datetime="{}" data-shown="{}" title="{:%Y-%m-%d %H:%M:%S} UTC">{}</time>'
    ).format(machine, kind, utc, pattern.format(utc))


def event(kind: str) -> str:
    """The type of an event, for people: `CarrierProfileUpdated` is "Profile updated"."""
    return _EVENTS.get(kind) or _BETWEEN_WORDS.sub(" ", kind.removeprefix("Carrier")).capitalize()


def label(field: str) -> str:
    """The name of a field, for people."""
    return _FIELDS.get(field) or field.replace("_", " ").capitalize()


def title(name: str) -> str:
    """The name of a command, a state, a service or a kind, for people."""
    return _NAMES.get(name) or name.replace("-", " ").replace("_", " ").capitalize()


def scheme(name: str) -> str:
    """The name of a scheme of identifiers, for people."""
    return _SCHEMES.get(name, name.upper())


def listed(value: Any) -> list[str]:  # noqa: ANN401 - any JSON value
    """The lines that show a field's value; none for an empty one."""
    if value in (None, "", [], {}):
        return []
    if isinstance(value, Mapping):
        return [f"{key}: {_text(inner)}" for key, inner in value.items()]
    if isinstance(value, list):
        return [_entry(each) for each in value]
    return [_text(value)]


@cache
def place(code: str) -> str:
    """The name of a country; a code that is none as it is."""
    found = pycountry.countries.get(alpha_2=code)
    return str(getattr(found, "common_name", found.name)) if found else code.capitalize()


def _entry(each: Any) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(each, Mapping) and "scheme" in each:
        days = [each.get("valid_from"), each.get("valid_to")]
        valid = f" ({days[0] or '…'} to {days[1] or '…'})" if any(days) else ""
        return f"{scheme(each['scheme'])} {each['value']}{valid}"
    if isinstance(each, Mapping) and "service" in each:
        return f"{title(each['service'])}: {', '.join(each['countries'])}"
    if isinstance(each, Mapping) and "role" in each:
        ways = [each[way] for way in ("phone", "email") if each.get(way)]
        return f"{title(each['role'])}: {', '.join([each['name'], *ways])}"
    if isinstance(each, Mapping) and "explanation" in each:
        return str(each["explanation"])
    return _text(each)


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
