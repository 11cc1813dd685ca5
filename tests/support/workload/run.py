"""A run: clients, onlookers and followers at work on one or several instances of the service, while
troubles come; then a look at the end. What it gives is the history."""

from __future__ import annotations

import os
import random
import secrets
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle
from pathlib import Path

from tests.support.history.recorder import Recorder
from tests.support.history.records import History
from tests.support.service import Service
from tests.support.workload.choices import Carriers
from tests.support.workload.clients import Clients
from tests.support.workload.conversation import Conversation
from tests.support.workload.faults import Trouble, suffer
from tests.support.workload.quiet import look_at_the_end

CLIENTS = 6
ONLOOKERS = 2
FOLLOWERS = 2


def first_seed() -> int:
    """SEED, to make the choices of a run again; else another one each time."""
    return int(os.environ.get("SEED") or secrets.randbelow(10**6))


def seeds(count: int) -> Iterator[int]:
    """So many, or SEEDS, from the first on."""
    first = first_seed()
    yield from range(first, first + int(os.environ.get("SEEDS") or count))


def recorded_run(
    services: Sequence[Service],
    file: Path,
    seed: int,
    seconds: float,
    troubles: Sequence[Trouble] = (),
    longest_trouble_seconds: float = 1.5,
    beside: Sequence[Sequence[Trouble]] = (),
) -> History:
    """The history of `seconds` of work, which is in the file as well. One trouble comes at a time,
    and with it one of each sequence of those `beside`."""
    stop, carriers = threading.Event(), Carriers()
    with Recorder(file) as recorder:

        def converse(process: str) -> Conversation:
            return Conversation(process, partial(next, cycle(services)), recorder)

        clients = Clients(converse, carriers, seed, stop)
        work = [
            *(partial(clients.command, number) for number in range(CLIENTS)),
            *(partial(clients.look, number) for number in range(ONLOOKERS)),
            *(partial(clients.follow, number) for number in range(FOLLOWERS)),
        ]
        for number, each in enumerate(filter(None, (troubles, *beside))):
            chance = random.Random(f"{seed} troubles{number or ''}")
            work.append(partial(suffer, each, chance, recorder, stop, longest_trouble_seconds))
        with ThreadPoolExecutor(len(work)) as pool:
            ends = threading.Timer(seconds, stop.set)
            ends.start()
            try:
                for future in [pool.submit(each) for each in work]:
                    future.result()
            finally:
                stop.set()
                ends.cancel()
        known = list(carriers.versions)
        look_at_the_end(converse("first at the end"), converse("second at the end"), known)
        return recorder.history()
