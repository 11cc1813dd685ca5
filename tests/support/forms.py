"""Beside the way of the data: forms in a page, filled in as a browser without JavaScript does."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Form:
    """A form of a page, with what it would send as it stands."""

    method: str
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    def filled(self, **given: str) -> dict[str, str]:
        """What it sends with these fields changed; names have _ for -."""
        names = {name.replace("-", "_"): name for name in self.fields}
        return {**self.fields, **{names.get(name, name): text for name, text in given.items()}}


class _Forms(HTMLParser):
    """Collects the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._select = self._area = ""
        self._is_open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "form":
            self.found.append(Form(given.get("method", "get"), given.get("action", "")))
            self._is_open = True
        elif not self._is_open:
            return
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            if "selected" in given or self._select not in self.found[-1].fields:
                self.found[-1].fields[self._select] = value
        elif tag == "textarea":
            self._area = name
            self.found[-1].fields[name] = ""
        elif tag == "button" and name:
            self.found[-1].buttons.append((name, value))
        elif tag == "input" and name:
            is_choice = given.get("type") in {"checkbox", "radio"}
            if not is_choice or "checked" in given:
                self.found[-1].fields[name] = value

    def handle_data(self, data: str) -> None:
        if self._area:
            self.found[-1].fields[self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_open = False
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            form = self.found[-1]
            # A browser leaves out the line break behind the tag.
            form.fields[self._area] = form.fields[self._area].removeprefix("\n")
            self._area = ""


def forms_in(page: str) -> list[Form]:
    """All forms of the page, in order."""
    reader = _Forms()
    reader.feed(page)
    return reader.found


def form_to(page: str, action: str, method: str = "post") -> Form:
    """The one form of the page that is sent to this address."""
    found = [each for each in forms_in(page) if (each.action, each.method) == (action, method)]
    assert len(found) == 1, f"{len(found)} forms to {action}: {page}"
    return found[0]
