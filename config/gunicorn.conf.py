"""How gunicorn serves: `gunicorn -c config/gunicorn.conf.py wsgi:app`.

Worker class, threads and the rest were chosen by `make bench`; docs/decisions.md has the figures.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from app.infrastructure import json_logging
from config.settings import Settings, SettingsError

try:
    _settings = Settings.from_env()
except SettingsError as error:
    sys.exit(str(error))

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
if Path("/dev/shm").is_dir():  # noqa: S108 - a heartbeat file on a disk stalls with the disk
    worker_tmp_dir = "/dev/shm"  # noqa: S108

# prometheus-client looks for this when it is first imported, which is in the workers.
_figures = tempfile.mkdtemp(prefix="carriers-metrics-")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = _figures
_master = os.getpid()

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
