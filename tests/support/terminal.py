"""Beside the way of the data: a terminal of its own for a process, and what can be seen on it."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
from collections.abc import Mapping, Sequence
from typing import Self

import pyte


class Terminal:
    """Runs a command in a pseudo-terminal, as its session's leader, so that Ctrl-C reaches it. An
    emulator draws what it writes. Usable as a context manager, which kills what still runs."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], columns: int = 100, lines: int = 40
    ) -> None:
        self.raw = b""
        """Everything that was written."""
        self._screen = pyte.HistoryScreen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._mutex = threading.Lock()
        self._ours, theirs = pty.openpty()
        self._set_size(columns, lines)
        self._process = subprocess.Popen(
            ["setsid", "--ctty", *command],
            env={**env, "TERM": env.get("TERM", "xterm")},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join(5)
        os.close(self._ours)

    @property
    def pid(self) -> int:
        """The command's process id."""
        return self._process.pid

    def text(self) -> str:
        """What can be seen, line by line."""
        with self._mutex:
            return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    def shows(self, *texts: str) -> bool:
        """Whether all of these can be seen now."""
        seen = self.text()
        return all(text in seen for text in texts)

    def scrolled(self) -> int:
        """How many lines have left the screen at its upper edge."""
        with self._mutex:
            return len(self._screen.history.top)

    def has_cursor(self) -> bool:
        """Whether the cursor can be seen."""
        with self._mutex:
            return not self._screen.cursor.hidden

    def type(self, keys: str) -> None:
        """Press these keys; \\x03 is Ctrl-C."""
        os.write(self._ours, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        """Change the terminal's size, which the process is told."""
        with self._mutex:
            self._screen.resize(lines, columns)
        self._set_size(columns, lines)

    def wait(self, deadline_s: float) -> int:
        """How the command ended, once all it wrote is drawn."""
        code = self._process.wait(deadline_s)
        self._reader.join(5)
        return code

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _read(self) -> None:
        while True:
            try:
                written = os.read(self._ours, 65_536)
            except OSError:  # nobody has the other end open any longer
                return
            with self._mutex:
                self.raw += written
                self._stream.feed(written)
