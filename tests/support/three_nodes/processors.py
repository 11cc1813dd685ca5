"""How busy this machine is."""

from __future__ import annotations

from pathlib import Path


class Processors:
    """Linux's count of processor time, from now on."""

    def __init__(self) -> None:
        self._used, self._all = _ticks()

    def busy(self) -> float:
        """The share of the time since then in which processors worked."""
        used, total = _ticks()
        return (used - self._used) / max(1, total - self._all)


def _ticks() -> tuple[int, int]:
    """Used, and all, of all processors; see proc(5)."""
    user, nice, system, idle, waiting, *rest = map(
        int, Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    )
    used = user + nice + system + sum(rest)
    return used, used + idle + waiting
