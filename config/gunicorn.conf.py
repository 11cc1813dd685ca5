"""How gunicorn serves: `gunicorn -c config/gunicorn.conf.py wsgi:app`.

Threads, so that appends that arrive together can share one sync; `make bench` compares the costs.
"""

import logging
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from config import metrics_folder
from config.settings import Settings, SettingsError

try:
    _settings = Settings.from_env()
except SettingsError as error:
    sys.exit(str(error))


def _knows_of_keys() -> bool | None:
    """Whether an API key was ever created; None if the store does not say.

    Asked in a process of its own: a connection to Cassandra does not survive the fork of workers.
    """
    command = [sys.executable, "-m", "app.cli", "keys", "list", "--json"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return asked.stdout.strip() != "[]" if asked.returncode == 0 else None


_has_keys = _settings.keyless or _knows_of_keys()
if _has_keys is False:
    sys.exit(
        f"HOST={_settings.host} can be reached by others and there is no API key: create one with"
        " `carriers keys create`, or set ALLOW_ANONYMOUS=true to let everyone in."
    )

# prometheus-client looks for this when it is first imported, which importing `app` does.
_master = os.getpid()
_figures = metrics_folder.make(_master)
os.environ["PROMETHEUS_MULTIPROC_DIR"] = _figures

from app.infrastructure import json_logging  # noqa: E402

_address = f"[{_settings.host}]" if ":" in _settings.host else _settings.host

bind = f"{_address}:{_settings.port}"
workers = _settings.workers
worker_class = "config.gunicorn_worker.EnvelopeWorker"
# Who listens to the feed holds a thread: of its own, so that commands always find one.
threads = _settings.threads + _settings.listeners
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
if _has_keys is None:
    logging.getLogger("app").warning(
        "the store does not say whether there is an API key; requests without one are refused"
    )


def on_starting(server: Any) -> None:  # noqa: ANN401 - gunicorn's hook
    """Find out what would stop the start, and say it in one line."""
    if server.cfg.address != [(_settings.host, _settings.port)]:
        # What needs an API key and what does not rests on the settings.
        sys.exit("Set HOST and PORT: an address given to gunicorn itself is not taken.")
    if "GUNICORN_PID" not in os.environ:  # else it is an upgrade, and the socket is handed over
        _refuse_what_cannot_be_bound()
    if _settings.event_store == "sqlite":
        from app.application.ports import StoreUnavailable  # noqa: PLC0415 - see above
        from app.infrastructure.sqlite_store import SqliteEventStore  # noqa: PLC0415
        from app.infrastructure.sqlite_views import SqliteViewStore  # noqa: PLC0415

        try:
            SqliteEventStore(_settings.sqlite_path).close()
            SqliteViewStore(_settings.views_path).close()
        except StoreUnavailable as error:
            sys.exit(f"SQLITE_PATH={_settings.sqlite_path} is of no use: {error}")


def _refuse_what_cannot_be_bound() -> None:
    """gunicorn itself would try for five seconds, a log line each."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            _settings.host, _settings.port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        sys.exit(
            f"Cannot listen on HOST={_settings.host} PORT={_settings.port}: {error.strerror}."
            " Choose another, or stop what is listening there."
        )


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
    if _settings.event_store == "cassandra":
        # The driver's one thread takes in every answer: by default it would wait up to 5 ms for
        # each of the threads that compute.
        sys.setswitchinterval(0.001)


def post_fork(server: Any, worker: Any) -> None:  # noqa: ANN401 - gunicorn's hook
    """A thread that writes the log does not survive a fork; each worker has its own."""
    json_logging.start_background_writer()


def pre_request(worker: Any, req: Any) -> None:  # noqa: ANN401 - gunicorn's hook
    """gunicorn's own logs the path, which is whatever someone typed: a key perhaps."""


def worker_exit(server: Any, worker: Any) -> None:  # noqa: ANN401 - gunicorn's hook
    """Give back the store's connections; write out what is left of the log."""
    application = getattr(worker, "wsgi", None)
    if application is not None:
        application.extensions["services"].close()
    json_logging.stop_background_writer()


def child_exit(server: Any, worker: Any) -> None:  # noqa: ANN401 - gunicorn's hook
    """A dead worker's gauges must not count on."""
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415 - see above

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
