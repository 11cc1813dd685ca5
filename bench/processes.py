"""Around the way of the data: what the processes of a server have used and hold, from /proc."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

_PROC = Path("/proc")
_TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")
_ESTABLISHED = "01"


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads of the process so far, in user and system mode: proc(5), stat. The
    kernel counts it in ticks of 10 ms."""
    fields = (_PROC / str(pid) / "stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_SECONDS


def name(pid: int) -> str:
    """What the process calls itself."""
    return (_PROC / str(pid) / "comm").read_text().rstrip("\n")


def memory(pid: int) -> tuple[float, float]:
    """MB of the process's memory: all that it has in RAM (its resident set), and the same with what
    it shares with others divided by their number (its proportional set): proc(5), smaps_rollup."""
    lines = (_PROC / f"{pid}/smaps_rollup").read_text().splitlines()[1:]
    kilobytes = {
        name: value.split()[0] for name, _, value in (line.partition(":") for line in lines)
    }
    return int(kilobytes["Rss"]) / 1024, int(kilobytes["Pss"]) / 1024


def children(pid: int) -> list[int]:
    """The processes that the process has forked and that are still there."""
    return list(map(int, (_PROC / f"{pid}/task/{pid}/children").read_text().split()))


def connections(port: int, pids: Sequence[int]) -> Mapping[int, int]:
    """How many accepted connections to the port of this machine each of the processes holds."""
    accepted = set()
    for line in (_PROC / "net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, *_, inode = line.split()[:10]
        if state == _ESTABLISHED and int(local.rpartition(":")[2], 16) == port:
            accepted.add(f"socket:[{inode}]")
    return {pid: len(accepted & _open_files(pid)) for pid in pids}


def _open_files(pid: int) -> set[str]:
    found = set()
    for each in (_PROC / f"{pid}/fd").iterdir():
        try:
            found.add(str(each.readlink()))
        except FileNotFoundError:  # closed meanwhile
            continue
    return found
