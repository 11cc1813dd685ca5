"""Beside the way of the data: the same call from several threads at the same moment."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def at_once(threads: int, call: Callable[[int], T], deadline_s: float = 30) -> list[T]:
    """Call `call(0)` … `call(threads - 1)`, all starting together; raise what any of them raises,
    give what they return, in order."""
    barrier = threading.Barrier(threads)

    def run(number: int) -> T:
        barrier.wait(deadline_s)
        return call(number)

    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(run, number) for number in range(threads)]
        return [future.result(deadline_s) for future in futures]
