"""How gunicorn serves: `gunicorn -c config/gunicorn.conf.py wsgi:app`.

Threads, so that appends that arrive together can share one sync; `make bench` compares the costs.
"""

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from config.settings import Settings, SettingsError

try:
    _settings = Settings.from_env()
except SettingsError as error:
    sys.exit(str(error))

# prometheus-client looks for this when it is first imported, which importing `app` does.
_figures = tempfile.mkdtemp(prefix="carriers-metrics-")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = _figures
_master = os.getpid()

from app.infrastructure import json_logging  # noqa: E402

_address = f"[{_settings.host}]" if ":" in _settings.host else _settings.host

bind = f"{_address}:{_settings.port}"
workers = _settings.workers
worker_class = "config.gunicorn_worker.EnvelopeWorker"
threads = _settings.threads
# Connections and threads do not survive a fork: each worker makes its own.
preload_app = False
# nginx waits a little longer than a request may take, a stop a little longer still.
graceful_timeout = int(_settings.request_timeout) + 10
timeout = graceful_timeout + 5
# Longer than nginx keeps an idle connection, so that it never sends on one that is closing.
keepalive = 75
# gunicorn 27 opens a control socket by default.
control_socket_disable = True
logger_class = "config.gunicorn_logger.GunicornLogger"
accesslog = None
# A SCRIPT_NAME or PATH_INFO header would be taken for a path, from whoever sends it.
forwarder_headers = ""
if Path("/dev/shm").is_dir():  # noqa: S108 - a heartbeat file on a disk stalls with the disk
    worker_tmp_dir = "/dev/shm"  # noqa: S108

json_logging.configure(_settings.app_log_level, _settings.log_dir)


def when_ready(server: Any) -> None:  # noqa: ANN401 - gunicorn's hook
    """Say where the service is and how to try it."""
    url = f"http://{_address}:{_settings.port}"
    print(  # noqa: T201 - for the person who started it
        f"Serving the registry of carriers on {url} (store: {_settings.event_store}). Try:\n"
        f"  curl -i {url}/register-carrier -H 'Content-Type: application/json'"
        """ -d '{"name": "FedEx", "email": "contact@fedex.com"}'""",
        flush=True,
    )


# A signal that reaches a worker between its birth and its own handlers would be lost, and the
# master would wait for that worker until graceful_timeout: it is kept for the worker instead.
_STOPS = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}
os.register_at_fork(
    before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS),
    after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS),
)


def post_worker_init(worker: Any) -> None:  # noqa: ANN401 - gunicorn's hook
    """The worker handles signals from here on."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)


def post_fork(server: Any, worker: Any) -> None:  # noqa: ANN401 - gunicorn's hook
    """A thread that writes the log does not survive a fork; each worker has its own."""
    json_logging.start_background_writer()


def worker_exit(server: Any, worker: Any) -> None:  # noqa: ANN401 - gunicorn's hook
    """Give back the store's connections; write out what is left of the log."""
    application = getattr(worker, "wsgi", None)
    if application is not None:
        application.extensions["services"].store.close()
    json_logging.stop_background_writer()


def child_exit(server: Any, worker: Any) -> None:  # noqa: ANN401 - gunicorn's hook
    """A dead worker's gauges must not count on."""
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415 - see above

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:  # noqa: ANN401 - gunicorn's hook
    """Leave no figures behind."""
    if os.getpid() == _master:
        shutil.rmtree(_figures, ignore_errors=True)
