"""A terminal that is drawn over in place; left as it was found, whatever happens.

Ctrl-Z and a terminal that changes its size are noticed between two readings; Ctrl-C, `q` and
SIGTERM at once, as KeyboardInterrupt.
"""

import os
import shutil
import signal
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from app.cli.output import write, write_bytes

Draw = Callable[[int], Sequence[str]]
"""From a width in columns to lines of at most that width."""

# xterm's control sequences, which every terminal of today knows.
_ENTER = b"\x1b[?1049h\x1b[?25l"  # another page than the shell's, without a cursor
_LEAVE = b"\x1b[?25h\x1b[?1049l"
_LOCAL, _KEYS = 3, 6
"""Where `termios.tcgetattr` has the local modes and the keys."""
_HOME, _END_OF_LINE, _BELOW = "\x1b[H", "\x1b[K", "\x1b[J"

_ENDING = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
_NOTICED = {signal.SIGWINCH, signal.SIGCONT, signal.SIGTSTP}


def is_terminal() -> bool:
    """Whether stdout is a terminal that can be drawn over."""
    return (
        sys.stdout is not None
        and sys.stdout.isatty()
        and os.environ.get("TERM", "dumb") not in ("", "dumb")
    )


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let Ctrl-C, `q` and SIGTERM end what is done here, and that be no error."""
    before = {each: signal.signal(each, _end) for each in _ENDING}
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(_: int, __: FrameType | None) -> NoReturn:
    for number in _ENDING:  # a second one must not interrupt what puts the terminal in order
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextmanager
def page() -> Iterator["Screen"]:
    """A page of the terminal's own, without a cursor. What it shows last is printed when it is
    left, so that it can still be read."""
    screen = Screen()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _NOTICED)
    try:
        screen.enter()
        yield screen
    finally:
        screen.leave()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        write("\n".join(screen.drawn))


class Screen:
    """What is on the page: `drawn` are its lines."""

    def __init__(self) -> None:
        self.drawn: list[str] = []
        self._draw: Draw = lambda _: ()
        self._terminal = sys.stdout.fileno()
        self._modes = termios.tcgetattr(self._terminal)

    def enter(self) -> None:
        """Take the terminal. Keys are not echoed on the page, and `q` is the key for SIGQUIT."""
        modes = termios.tcgetattr(self._terminal)
        modes[_LOCAL] &= ~(termios.ECHO | termios.ICANON)
        modes[_KEYS][termios.VQUIT] = b"q"
        termios.tcsetattr(self._terminal, termios.TCSADRAIN, modes)
        write_bytes(_ENTER)

    def leave(self) -> None:
        """Give the terminal back. What was typed meanwhile is not the shell's to carry out."""
        write_bytes(_LEAVE)
        with suppress(termios.error):  # it may be gone
            termios.tcsetattr(self._terminal, termios.TCSAFLUSH, self._modes)

    def show(self, draw: Draw) -> None:
        """Draw this from now on. Raises NotWritten."""
        self._draw = draw
        self._redraw()

    def wait(self, pause: float) -> None:
        """Wait for so many seconds; draw anew when the terminal asks for it."""
        until = time.monotonic() + pause
        while (left := until - time.monotonic()) > 0:
            noticed = signal.sigtimedwait(_NOTICED, left)
            if noticed is not None:
                if noticed.si_signo == signal.SIGTSTP:
                    self._stand_aside()
                self._redraw()

    def _redraw(self) -> None:
        size = _size()
        lines = self.drawn = list(self._draw(size.columns))
        if len(lines) > size.lines:
            hidden = len(lines) - size.lines + 1
            lines = lines[: size.lines - 1]
            lines += [f"({hidden} more lines: make it higher)"]
        # A line is cleared before it is written: behind a full one the cursor is still on its last
        # character. The last line is cleared with all that is below it.
        *above, last = (line[: size.columns] for line in lines or [""])
        text = "".join(f"{_END_OF_LINE}{line}\r\n" for line in above) + f"{_BELOW}{last}"
        write_bytes(f"{_HOME}{text}".encode())

    def _stand_aside(self) -> None:
        """Give the terminal back to the shell until it lets this process go on."""
        self.leave()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTSTP})
        signal.raise_signal(signal.SIGTSTP)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTSTP})
        self.enter()


def _size() -> os.terminal_size:
    # Not shutil's answer first: it prefers COLUMNS, which a shell may have exported long ago.
    try:
        size = os.get_terminal_size(sys.stdout.fileno())
    except OSError:
        size = os.terminal_size((0, 0))
    return size if all(size) else shutil.get_terminal_size()
