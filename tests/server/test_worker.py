"""The worker as the signals of its master meet it."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger

from app.server.worker import EnvelopeWorker


def test_a_stop_waits_for_no_lock_of_the_thread_that_it_interrupts() -> None:
    """The accepting thread holds the pool's lock while it hands over a request. A signal handler
    runs in that very thread, so it must never wait for the lock; nor may it end the thread there,
    which has perhaps begun to start another. The thread ends when it comes to its next turn."""
    cfg = Config()
    worker = EnvelopeWorker(1, os.getpid(), [], None, 30, cfg, Logger(cfg))
    worker.tpool = ThreadPoolExecutor(1)
    worker.method_queue.init()
    with ThreadPoolExecutor(1) as beside, worker.tpool._shutdown_lock:
        beside.submit(worker.handle_quit, signal.SIGQUIT, None).result(5)
    assert not worker.alive
    with pytest.raises(SystemExit):
        worker.wait_for_and_dispatch_events(0)
    worker.method_queue.close()
    worker.tpool.shutdown()
    worker.tmp.close()
