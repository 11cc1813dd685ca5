"""gunicorn's configuration: `gunicorn -c config/gunicorn.conf.py wsgi:app`.

Workers have threads, so that appends that arrive together share one sync (see `make bench`).
"""

import gc
import logging
import os
import resource
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from typing import Any

from app.application.ports.errors import StoreUnavailable
from app.bootstrap import begin_registry
from app.bootstrap.doctor import log_findings
from app.bootstrap.tracing import WITHOUT_PACKAGES, is_installed
from app.infrastructure import shared_quotas, shared_wakes
from app.infrastructure.observability import (
    json_logging,
    process_figures,
    shared_figures,
    telemetry,
)
from app.server import balance, served
from app.server.follower import FROZEN_SECONDS, Restarts, is_follower_missing
from config.settings import Settings, SettingsError

try:
    _settings = Settings.from_env()
except SettingsError as error:
    _former = served.begun_with()
    if _former is None:
        sys.exit(str(error))
    # A reload (SIGHUP) with invalid settings must not stop a running server.
    logging.getLogger("app").error("%s The settings stay as they were.", error)  # noqa: TRY400
    _settings = _former
# A reload after an upgrade meets the former release's settings, which are loaded already.
_has_follower: bool = getattr(_settings, "follower", False)
if _has_follower and _settings.workers_follow is None:
    _settings = replace(_settings, workers_follow=False)
served.begin_with(_settings)


def _knows_of_keys() -> bool | None:
    """Whether an API key was ever created; None if the store cannot be read.

    A subprocess asks the store, as a connection to Cassandra does not survive the fork of workers.
    """
    if _settings.event_store == "sqlite" and not any(
        path.exists() for path in (_settings.sqlite_path, _settings.views_path)
    ):
        return False  # the very first start
    command = [sys.executable, "-m", "app.cli", "keys", "list", "--json"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return asked.stdout.strip() != "[]" if asked.returncode == 0 else None


_has_keys = _settings.keyless or _knows_of_keys()
if _has_keys is False:
    sys.exit(
        f"HOST={_settings.host} can be reached by others and there is no API key: create one with"
        " `carriers keys create`, or set ALLOW_ANONYMOUS=true to let everyone in."
    )

_DESCRIPTORS = 4096
_address = f"[{_settings.host}]" if ":" in _settings.host else _settings.host

bind = f"{_address}:{_settings.port}"
workers = _settings.workers + _has_follower
worker_class = "app.server.follower.RegistryWorker"
# Clients that wait for the feed occupy a thread each; these are extra, so commands always find one.
threads = _settings.threads + _settings.listeners
# During a reload a server has twice as many workers.
_slots = 2 * workers + 2
_figures = shared_figures.of_this_server(_slots)
_open_connections = balance.of_this_server(_slots)
# Before the fork, so that all workers count together, and wake their follower.
shared_quotas.of_this_server()
shared_wakes.of_this_server()
_generation = object()
_restarts = Restarts()
# Connections and threads do not survive a fork: each worker makes its own.
preload_app = False
# A worker's up to 1,000 connections need a file descriptor each, and a worker without a free one
# dies. A shell's usual limit is 1,024.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
if 0 <= _soft < _DESCRIPTORS <= _hard:
    resource.setrlimit(resource.RLIMIT_NOFILE, (_DESCRIPTORS, _hard))
# nginx waits a little longer than a request may take, a stop a little longer still.
graceful_timeout = int(_settings.request_timeout) + 10
timeout = graceful_timeout + 5
# Longer than nginx keeps idle connections, so that nginx never sends on one that is closing.
keepalive = 75
# gunicorn 27 opens a control socket by default.
control_socket_disable = True
logger_class = "app.server.logger.GunicornLogger"
accesslog = None
# The proxies whose X-Forwarded-Proto is trusted; the application trusts their X-Forwarded-For.
forwarded_allow_ips = ",".join(_settings.forwarded_allow_ips)
# Otherwise any client's SCRIPT_NAME or PATH_INFO header would be taken for a path.
forwarder_headers = ""

json_logging.configure(_settings.app_log_level, _settings.log_dir)
for _warning in _settings.warnings:
    logging.getLogger("app").warning("%s", _warning)
if _settings.traces and not is_installed():
    logging.getLogger("app").warning("%s", WITHOUT_PACKAGES)
if _settings.wants_proxy:
    logging.getLogger("app").warning(
        "HOST=%s can be reached without a proxy, as far as FORWARDED_ALLOW_IPS tells: put nginx in"
        " front of the service, which keeps slow and idle clients away from it, and name its"
        " address there",
        _settings.host,
    )
if _has_keys is None:
    logging.getLogger("app").warning(
        "the store does not say whether there is an API key; requests without one are refused"
    )


def on_starting(server: Any) -> None:  # noqa: ANN401 - gunicorn's hook
    """Refuse to start, with one line, if the configuration cannot work."""
    if server.cfg.bind != [bind]:
        # Whether API keys are needed depends on HOST.
        sys.exit("Set HOST and PORT: an address given to gunicorn itself is not taken.")
    if server.cfg.is_ssl:
        # Requests are awaited on the raw connection, which TLS would encrypt.
        sys.exit("TLS is nginx's: gunicorn takes no certificate of its own.")
    if "GUNICORN_PID" not in os.environ:  # else it is an upgrade, and the socket is handed over
        _refuse_what_cannot_be_bound()
    if _settings.event_store == "sqlite":
        try:
            begin_registry(_settings)
        except StoreUnavailable as error:
            sys.exit(f"SQLITE_PATH={_settings.sqlite_path} is of no use: {error}")
    # Before the fork: a worker starts in a third of the time, all of them share the memory, and a
    # reload after the files were replaced never serves a release half of which is the former one.
    import_module("app.api.routes")
    import_module("app.desk")
    # The collector writes into what it looks at. Of what all workers share, each would make a copy
    # of its own to do so, at the latest when it ends: half of what a start and a stop cost.
    gc.freeze()


def _refuse_what_cannot_be_bound() -> None:
    """Exit with one line if the address cannot be bound; gunicorn would retry for five seconds."""
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
    """Print the service's address and a command to try it."""
    url = f"http://{_address}:{_settings.port}"
    print(  # noqa: T201 - for the person who started it
        f"Serving the registry of carriers on {url} (store: {_settings.event_store});"
        f" the desk for people is {url}/desk, and {url}/docs shows what programs send. Try:\n"
        f"  curl -i {url}/register-carrier -H 'Content-Type: application/json'"
        """ -d '{"name": "FedEx", "email": "contact@fedex.com"}'""",
        flush=True,
    )


_FIRST = 1
"""The age of a server's first worker. Those of a reload, and those that replace others, are
younger; so what could lose data is logged once a start."""

_LEAST = 2
"""One process that serves, one that follows."""

# A signal that reaches a new worker before its handlers are installed would be lost, and the master
# would wait for that worker until graceful_timeout. So these signals stay pending until then.
_STOPS = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}
os.register_at_fork(
    before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS),
    after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS),
)


def post_worker_init(worker: Any) -> None:  # noqa: ANN401 - gunicorn's hook
    """Unblock the signals, as the worker's handlers are installed now."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
    if _settings.event_store == "cassandra":
        # The driver's one thread handles every response; with the default it would wait up to 5 ms
        # for each thread that computes.
        sys.setswitchinterval(0.001)
    if worker.age == _FIRST:
        log_findings(_settings)


def nworkers_changed(server: Any, new: int, old: int | None) -> None:  # noqa: ANN401
    """Keep one worker and the follower when SIGTTOU takes processes away, the oldest first."""
    if not _has_follower:
        return
    for worker in server.WORKERS.values():
        if worker.follows:
            worker.age = server.worker_age  # as old as the youngest: a worker goes first
    if 0 < new < _LEAST:
        server.num_workers = _LEAST


def pre_fork(server: Any, worker: Any) -> None:  # noqa: ANN401 - gunicorn's hook
    """Give the worker a slot for its metrics, perhaps that of a dead worker, and what to do."""
    others = server.WORKERS.values()
    # Workers of a configuration without slots have none.
    worker.slot = _figures.free_slot([getattr(other, "slot", None) for other in others])
    worker.generation = _generation
    if _has_follower and is_follower_missing(worker, others, server.num_workers):
        worker.follows, worker.pause = True, _restarts.pause()
        worker.tmp.seconds_sooner = max(0.0, timeout - FROZEN_SECONDS)


def post_fork(server: Any, worker: Any) -> None:  # noqa: ANN401 - gunicorn's hook
    """Start the worker's log-writing thread, as threads do not survive a fork, and its metrics."""
    json_logging.start_background_writer()
    if worker.follows:
        process_figures.become_follower()
    elif worker.slot is not None:
        process_figures.become_worker(worker.slot + 1)
        worker.balance = balance.AcceptBalance(_open_connections, worker.slot)
    telemetry.share(_figures, worker.slot)


def child_exit(server: Any, worker: Any) -> None:  # noqa: ANN401 - gunicorn's hook
    """Nobody leaves a connection to a dead worker. Runs in the master."""
    slot = getattr(worker, "slot", None)
    if slot is not None:
        _open_connections.publish(slot, None)


def pre_request(worker: Any, req: Any) -> None:  # noqa: ANN401 - gunicorn's hook
    """Log nothing; gunicorn's own hook logs the path, which may hold a secret such as a key."""


def worker_exit(server: Any, worker: Any) -> None:  # noqa: ANN401 - gunicorn's hook
    """Close the services, and write the pending log lines."""
    application = getattr(worker, "wsgi", None)
    if application is not None:
        application.extensions["services"].close()
    json_logging.stop_background_writer()
