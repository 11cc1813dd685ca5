"""Where a `Summary` goes: a page of the terminal, blocks of lines, or lines of JSON."""

import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Protocol

from app.cli.output import note, write
from app.cli.top.lines import lines, wrapped
from app.cli.top.screen import Screen, page
from app.cli.top.summary import Summary
from app.cli.top.units import seconds


class Display(Protocol):
    """Where what is found is shown, reading by reading. Each method raises NotWritten."""

    def begin(self, found: Summary) -> None:
        """Show the first reading, which has no rates."""

    def show(self, found: Summary) -> None:
        """Show a further one."""

    def fail(self, sentence: str) -> None:
        """Say that there is no reading; the next one is tried all the same."""

    def wait(self, pause: float) -> None:
        """Wait for so many seconds."""


class Page:
    """A page of the terminal, drawn over in place."""

    def __init__(self, screen: Screen, interval: float) -> None:
        self._screen = screen
        self._interval = interval
        self._last: datetime | None = None

    def begin(self, found: Summary) -> None:
        """See `Display`."""
        self.show(found)

    def show(self, found: Summary) -> None:
        """See `Display`."""
        self._last = found.moment
        self._screen.show(lambda width: lines(found, width))

    def fail(self, sentence: str) -> None:
        """See `Display`."""
        said = [
            f"{datetime.now(UTC):%H:%M:%S} UTC: {sentence}.",
            f"It is tried again every {seconds(self._interval)}; q ends it.",
        ]
        if self._last is not None:
            said.append(f"The last answer came at {self._last:%H:%M:%S} UTC.")
        self._screen.show(lambda width: [line for each in said for line in wrapped(each, width)])

    def wait(self, pause: float) -> None:
        """See `Display`."""
        self._screen.wait(pause)


class Blocks:
    """For people, where nothing can be drawn over: lines for each interval, without control codes.
    What fails is said on stderr."""

    def begin(self, found: Summary) -> None:
        """See `Display`. A block without rates would say little."""

    def show(self, found: Summary) -> None:
        """See `Display`."""
        write("\n".join([*lines(found), ""]))

    def fail(self, sentence: str) -> None:
        """See `Display`."""
        note(f"{datetime.now(UTC):%H:%M:%S} UTC: {sentence}")

    def wait(self, pause: float) -> None:
        """See `Display`."""
        time.sleep(pause)


class JsonLines(Blocks):
    """For programs: an object for each interval."""

    def show(self, found: Summary) -> None:
        """See `Display`."""
        write(json.dumps(asdict(found), default=datetime.isoformat))


@contextmanager
def page_of_terminal(interval: float) -> Iterator[Display]:
    """A page of the terminal, which is left as it was found."""
    with page() as screen:
        yield Page(screen, interval)


def plain(*, as_json: bool) -> AbstractContextManager[Display]:
    """What needs no terminal."""
    return nullcontext(JsonLines() if as_json else Blocks())
