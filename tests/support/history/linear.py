"""The search for an order in which operations that overlapped can have happened one after another.

By J. M. Wing and C. Gong (Testing and Verifying Concurrent Objects, 1993): of the operations that
nobody had to wait for, try each as the next one, and go back where that leads nowhere. As G. Lowe
(Testing for Linearizability, 2017) adds, no combination of what has happened and the state that it
left is tried twice; an operation that changes nothing is never tried later than it could be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

State = TypeVar("State")

MAX_CONFIGURATIONS = 400_000


@dataclass(frozen=True, slots=True)
class Operation(Generic[State]):
    """It happened at a moment from `begin` to `end`. If it is not `required` it may also not have
    happened at all. `step` gives the state after it, None if it cannot have happened in that one.
    """

    begin: float
    end: float
    step: Callable[[State], State | None]
    label: str
    is_required: bool = True


class Undecided(Exception):
    """There are too many ways to try all of them."""


@dataclass(frozen=True, slots=True)
class Stuck(Generic[State]):
    """No order explains all operations. The longest one that explains some leads to `state`, in
    which none of `next` can have happened."""

    state: State
    next: Sequence[str]

    def __str__(self) -> str:
        return f"after {self.state} nothing explains {'; '.join(self.next)}"


def find_stuck(initial: State, operations: Sequence[Operation[State]]) -> Stuck[State] | None:
    """None if there is an order that explains all operations. Raises Undecided."""
    return _Search(operations).run(initial)


class _Search(Generic[State]):
    """A set of operations is an int, with a bit for each of them."""

    def __init__(self, operations: Sequence[Operation[State]]) -> None:
        self._all = sorted(operations, key=lambda each: each.begin)
        self._required = sum(1 << at for at, each in enumerate(self._all) if each.is_required)

    def run(self, initial: State) -> Stuck[State] | None:
        seen = {(0, initial)}
        stack = [(0, initial)]
        best, farthest = -1, (0, initial)
        while stack:
            done, state = stack.pop()
            explained = (done & self._required).bit_count()
            if explained == self._required.bit_count():
                return None
            if explained > best:
                best, farthest = explained, (done, state)
            for found in self._following(done, state):
                if found not in seen:
                    seen.add(found)
                    stack.append(found)
            if len(seen) > MAX_CONFIGURATIONS:
                raise Undecided(f"{len(self._all)} operations, {len(seen)} configurations")
        done, state = farthest
        return Stuck(state, [self._all[at].label for at in self._candidates(done)])

    def _following(self, done: int, state: State) -> list[tuple[int, State]]:
        found = []
        for at in self._candidates(done):
            operation = self._all[at]
            after = operation.step(state)
            if after is None:
                continue
            if after == state and operation.is_required:
                return [(done | 1 << at, state)]
            found.append((done | 1 << at, after))
        return found

    def _candidates(self, done: int) -> list[int]:
        """What is left and began before anything else that is left had ended."""
        found: list[int] = []
        earliest = float("inf")
        lowest_left = (~done & (done + 1)).bit_length() - 1
        for at in range(lowest_left, len(self._all)):
            if self._all[at].begin > earliest:
                break
            if not done >> at & 1:
                found.append(at)
                earliest = min(earliest, self._all[at].end)
        return [at for at in found if self._all[at].begin <= earliest]
