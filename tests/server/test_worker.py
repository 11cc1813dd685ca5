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
    runs in that very thread, so it must never wait for the lock."""
    cfg = Config()
    worker = EnvelopeWorker(1, os.getpid(), [], None, 30, cfg, Logger(cfg))
    worker.tpool = ThreadPoolExecutor(1)
    with ThreadPoolExecutor(1) as beside, worker.tpool._shutdown_lock:
        stop = beside.submit(worker.handle_quit, signal.SIGQUIT, None)
        with pytest.raises(SystemExit):
            stop.result(5)
    worker.tpool.shutdown()
    worker.tmp.close()
