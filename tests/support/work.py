"""What a piece of code works for."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Fail if the block takes more of the processor's time than `seconds`.

    Only this thread counts, and nothing of what the rest of a process with thousands of tests
    behind it does: its other threads, and a walk of the garbage collector over all it holds.
    """
    gc.disable()
    try:
        began = time.thread_time()
        yield
        worked = time.thread_time() - began
    finally:
        gc.enable()
    assert worked < seconds, f"worked for {worked:.3f} s"
