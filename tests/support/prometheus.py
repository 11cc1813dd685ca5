"""Beside the way of the data: a real Prometheus, configured as by docker compose."""

from __future__ import annotations

import json
import shutil
import urllib.parse
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from tests.support.processes import Server, Unavailable, free_port
from tests.support.project import ROOT

_FOLDER = "/etc/prometheus/"


class Prometheus:
    """Prometheus on loopback, which scrapes one service each second. `start` raises Unavailable
    where there is no such program."""

    def __init__(self, folder: Path, target: str) -> None:
        self._folder = folder
        self._target = target
        self._port = free_port()

    def start(self) -> Server:
        """The running program, as a context manager that stops it."""
        program = shutil.which("prometheus")
        if program is None:
            raise Unavailable("no prometheus: install it (Debian: apt-get install prometheus)")
        self._configure()
        return Server(
            [
                program,
                f"--config.file={self._folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={self._folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self._port}",
            ],
            log=self._folder / "log",
            ready=self._is_ready,
            cwd=self._folder,
        )

    def get(self, path: str, **parameters: str) -> Any:  # noqa: ANN401 - any JSON value
        """The data that the HTTP API answers with."""
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(self._url(f"/api/v1/{path}?{query}"), timeout=5) as answer:
            return json.load(answer)["data"]

    def _configure(self) -> None:
        """Lay the files out as compose mounts them; only the target and the pace are others."""
        compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
        for volume in compose["services"]["prometheus"]["volumes"]:
            source, target, *_ = volume.split(":")
            if target.startswith(_FOLDER):
                shutil.copy(ROOT / source, self._folder / target.removeprefix(_FOLDER))
        file = self._folder / "prometheus.yml"
        settings = yaml.safe_load(file.read_text())
        settings["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s"}
        settings["scrape_configs"][0]["static_configs"] = [{"targets": [self._target]}]
        file.write_text(yaml.safe_dump(settings))

    def _is_ready(self) -> bool:
        with suppress(OSError), urllib.request.urlopen(self._url("/-/ready"), timeout=1):
            return True
        return False

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._port}{path}"
