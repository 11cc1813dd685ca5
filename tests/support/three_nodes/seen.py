"""What was seen of the service in a stretch of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: when it began, in seconds of the monotonic clock, how long it took, and the
    status of its answer, 0 for none; and the index of the service that was asked."""

    began: float
    seconds: float
    status: int
    service: int = 0

    @property
    def ended(self) -> float:
        """When the answer was there."""
        return self.began + self.seconds


@dataclass(frozen=True, slots=True)
class Seen:
    """What clients saw, what the services said of their answers, and how busy the machine was.

    `witnessed` are the commands of a client in a process of its own, none if there was no such;
    `longest_gap`: seconds without an acknowledged command of anyone, of the service that had the
    longest;
    `feed_lag`: the longest that a registration took to appear in the feed of any service;
    `served`: seconds of the slowest answer, by the services' access lines;
    `busy`: the share of this machine's processor time that was used."""

    commands: Sequence[Asked]
    probes: Sequence[Asked]
    reads: Sequence[Asked]
    witnessed: Sequence[Asked]
    longest_gap: float
    feed_lag: float
    served: float
    busy: float

    @property
    def answered(self) -> float:
        """The share of commands that were carried out or refused for a reason of their own."""
        return _share(self.commands, lambda each: 0 < each.status < 500)

    @property
    def found(self) -> float:
        """The share of reads with a token that found what the token names."""
        return _share(self.reads, lambda each: each.status == 200)

    @property
    def not_found(self) -> int:
        """How many of them did not."""
        return sum(each.status != 200 for each in self.reads)

    @property
    def p99(self) -> float:
        """Seconds in which 99 of 100 commands were answered; 0 if there was none."""
        ordered = sorted(each.seconds for each in self.commands) or [0.0]
        return ordered[len(self.commands) * 99 // 100]

    @property
    def slowest(self) -> float:
        """Seconds of the slowest answer; 0 if there was none."""
        return max((each.seconds for each in self.commands), default=0.0)

    @property
    def latest(self) -> float:
        """Seconds of the slowest answer that the witness got; 0 without one."""
        return max((each.seconds for each in self.witnessed), default=0.0)

    @property
    def unready(self) -> int:
        """How many probes did not find their service ready."""
        return sum(each.status != 200 for each in self.probes)

    def __str__(self) -> str:
        witnessed = f" ({self.latest:.2f} s of the witness)" if self.witnessed else ""
        return (
            f"{self.answered:.1%} of {len(self.commands)} commands answered,"
            f" longest time without an acknowledgement {self.longest_gap:.2f} s,"
            f" p99 {self.p99:.2f} s, slowest {self.slowest:.2f} s{witnessed},"
            f" {self.served:.2f} s by the access lines,"
            f" feed behind by {self.feed_lag:.2f} s,"
            f" {self.found:.1%} of {len(self.reads)} reads with a token,"
            f" not ready for {self.unready} of {len(self.probes)} probes,"
            f" processors {self.busy:.0%} busy"
        )


def longest_gap(commands: Sequence[Asked], begin: float, end: float) -> float:
    """The longest time from `begin` to `end` in which no command was acknowledged."""
    done = sorted(each.ended for each in commands if each.status == 201 and each.ended > begin)
    moments = [begin, *(min(each, end) for each in done), end]
    return max(later - sooner for sooner, later in pairwise(moments))


def _share(asked: Sequence[Asked], fits: Callable[[Asked], bool]) -> float:
    return sum(map(fits, asked)) / max(1, len(asked))
