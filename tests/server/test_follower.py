"""Which of a server's processes follows, and when one begins that takes another's place."""

import os

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger

from app.server.follower import RegistryWorker, Restarts, is_follower_missing


class Server:
    """The processes of a server as its master keeps them."""

    def __init__(self, processes: int) -> None:
        self.processes = processes
        self.workers: list[RegistryWorker] = []
        self.generation = object()

    def fork(self) -> RegistryWorker:
        """Add a process, which is told what to do."""
        cfg = Config()
        worker = RegistryWorker(1, os.getpid(), [], None, 30, cfg, Logger(cfg))
        worker.tmp.close()
        worker.generation = self.generation
        worker.follows = is_follower_missing(worker, self.workers, self.processes)
        self.workers.append(worker)
        return worker

    def roles(self) -> list[bool]:
        """Of each process whether it follows."""
        return [each.follows for each in self.workers]


@pytest.fixture
def server() -> Server:
    """Two workers and a follower."""
    server = Server(3)
    for _ in range(3):
        server.fork()
    return server


def test_requests_are_served_first(server: Server) -> None:
    """The follower is the last to be forked."""
    assert server.roles() == [False, False, True]


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_process_takes_the_place_of_the_one_that_ended(server: Server, index: int) -> None:
    """A worker that of a worker, a follower that of the follower."""
    ended = server.workers.pop(index)
    assert server.fork().follows is ended.follows


def test_there_is_a_follower_again_whatever_ends(server: Server) -> None:
    """All at once, or the follower with a worker."""
    for remaining in (0, 1):
        server.workers = server.workers[:remaining]
        while len(server.workers) < server.processes:
            server.fork()
        assert sorted(server.roles()) == [False, False, True]


def test_a_reload_brings_a_follower_of_its_own(server: Server) -> None:
    """While those of the former configuration are still there, which a reload ends."""
    server.generation = object()
    assert [server.fork().follows for _ in range(3)] == [False, False, True]


def test_more_processes_are_workers(server: Server) -> None:
    """SIGTTIN adds one that serves."""
    server.processes += 1
    assert not server.fork().follows


def test_a_follower_that_ends_again_and_again_begins_later_each_time() -> None:
    """The first successor begins at once, later ones after up to half a minute; after some quiet
    minutes it is as before."""
    now = 1000.0
    restarts = Restarts(lambda: now)
    pauses = [restarts.pause() for _ in range(12)]
    assert pauses[:2] == [0, 0]
    assert 0 < pauses[2] <= 1
    assert pauses[2:] == sorted(pauses[2:])
    assert pauses[-1] == Restarts.LONGEST_SECONDS
    now += Restarts.FORGOTTEN_SECONDS + 1
    assert restarts.pause() == 0
