"""A client of services on three nodes in a process of its own.

The clients of `load` share an interpreter, and a machine with three nodes: some of their times are
waits for a turn. The witness has one thread a service, which sends one command at a time, and takes
its turn before others where it may (root). So its times are those of the service and the wire; and
unlike an access line's they begin before the service has noticed the request.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from uuid import uuid4

from tests.support.processes import Server
from tests.support.project import ROOT
from tests.support.three_nodes.seen import Asked

PAUSE_SECONDS = 0.5
_NICE = -10


def witness(file: Path, ports: Sequence[int]) -> Server:
    """The process, once started; it writes a line of JSON for each answer: what `Asked` holds."""
    return Server(
        [sys.executable, "-m", "tests.support.three_nodes.witness", str(file), *map(str, ports)],
        log=file.with_suffix(".log"),
        ready=file.exists,
        env={"PYTHONPATH": str(ROOT)},
    )


def witnessed(file: Path) -> list[Asked]:
    """What it has seen so far."""
    lines = file.read_text().split("\n")[:-1]
    return [Asked(*json.loads(line)) for line in lines]


def _watch(file: Path, number: int, port: int) -> None:
    with file.open("a") as lines:
        while True:
            began = time.monotonic()
            status = _register(port)
            line = json.dumps((began, time.monotonic() - began, status, number))
            lines.write(f"{line}\n")
            lines.flush()
            time.sleep(PAUSE_SECONDS)


def _register(port: int) -> int:
    """The status of the answer; 0 for none."""
    name = str(uuid4())
    body = json.dumps({"name": "Witness", "email": f"{name}@example.com"})
    headers = {"Content-Type": "application/json", "Idempotency-Key": name}
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST", "/register-carrier", body, headers)
        with connection.getresponse() as answer:
            answer.read()
            return answer.status
    except (OSError, HTTPException):
        return 0
    finally:
        connection.close()


def main(file: str, *ports: str) -> None:
    """Watch until it is ended by a signal."""
    with suppress(PermissionError):
        os.nice(_NICE)
    for number, port in enumerate(ports):
        threading.Thread(target=_watch, args=(Path(file), number, int(port))).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
