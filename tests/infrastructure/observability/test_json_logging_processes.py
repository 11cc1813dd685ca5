"""Logs of several processes: rotation, fork, exit, and a pipe that all of them write to."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.infrastructure.observability.json_logging import DAYS_KEPT, SharedLogFile
from tests.support.project import ROOT

PREPARE = """
import logging, os, sys, threading
from pathlib import Path
from app.infrastructure.observability import json_logging
directory = Path(sys.argv[1])
log = logging.getLogger("t")
"""
CONFIGURE = 'json_logging.configure("info", directory)\n'

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a script that logs into tmp_path; killed after the test if it still runs."""
    started: list[subprocess.Popen[str]] = []

    def begin(script: str, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", PREPARE + script, str(tmp_path), *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    return process.communicate(timeout=60)


def messages(text: str) -> list[str]:
    return [json.loads(line)["message"] for line in text.splitlines()]


ROTATE = """
import time
name, background = sys.argv[2], sys.argv[3] == "background"
# Built without configure(): the lock file keeps the time of the next rotation, so whoever is
# first with the file decides it, and a rotation at midnight would never come here.
json_logging.configure("info", None)
file = json_logging.SharedLogFile(directory / "app.log", when="S", kept=10_000)
logging.getLogger().handlers[:] = [json_logging.LineQueue(file)]
if background:
    json_logging.start_background_writer()
sys.stderr = open(os.devnull, "w")
number = 0
deadline = time.monotonic() + 20
while len(list(directory.glob("app.log.*"))) < 2 and time.monotonic() < deadline:
    for _ in range(50):
        log.info(f"{name}-{number}", extra={"padding": "\\n" * 20})
        number += 1
    json_logging.flush()
print(number)
"""


def test_processes_write_across_rotations(start: Start, tmp_path: Path) -> None:
    """Four processes write while any of them rotates: no line is lost, doubled or torn."""
    kinds = ["background", "background", "synchronous", "synchronous"]
    processes = [start(ROTATE, f"p{n}", kind) for n, kind in enumerate(kinds)]
    results = [finish(process) for process in processes]
    assert [error for _, error in results] == [""] * 4
    wanted = {f"p{n}-{number}" for n, (out, _) in enumerate(results) for number in range(int(out))}
    files = sorted(tmp_path.glob("app.log*"))
    assert len(files) > 2
    found = Counter(message for file in files for message in messages(file.read_text()))
    assert set(found) == wanted
    assert max(found.values()) == 1


def test_a_day_ends_at_midnight_utc_and_thirty_are_kept(tmp_path: Path) -> None:
    """The file of a day that is over gets its date; of more than thirty the oldest go."""
    old = [
        tmp_path / f"app.log.2020-{month:02}-{day:02}" for month in (1, 2) for day in range(1, 21)
    ]
    for path in [*old, tmp_path / "app.log"]:
        path.write_text("{}\n")
    now = time.time()
    midnight = int(now - now % 86_400)
    # The lock file beside the log is where the processes agree when the next rotation is due.
    (tmp_path / ".__app.lock").write_text(str(midnight))
    file = SharedLogFile(tmp_path / "app.log")
    file.append(['{"message": "today"}'])
    next_midnight = int((tmp_path / ".__app.lock").read_text())
    file.close()
    yesterday = time.strftime("app.log.%Y-%m-%d", time.gmtime(midnight - 86_400))
    assert next_midnight == midnight + 86_400
    assert (tmp_path / "app.log").read_text() == '{"message": "today"}\n'
    rotated = sorted(path.name for path in tmp_path.glob("app.log.*"))
    assert rotated == [*(path.name for path in old[-DAYS_KEPT + 1 :]), yesterday]


FORK = (
    CONFIGURE
    + """
json_logging.start_background_writer()
stop = threading.Event()
written = [0]
def chatter():
    while not stop.is_set():
        log.info(f"parent-{written[0]}")
        written[0] += 1
thread = threading.Thread(target=chatter)
thread.start()
children = []
for number in range(30):
    child = os.fork()
    if child == 0:
        log.info(f"child-{number}-synchronous")
        json_logging.start_background_writer()
        log.info(f"child-{number}-background")
        json_logging.flush()
        os._exit(0)
    children.append(child)
codes = [os.waitpid(child, 0)[1] for child in children]
stop.set()
thread.join()
print(written[0], sum(codes))
"""
)


def test_fork_in_the_middle_of_writing(start: Start, tmp_path: Path) -> None:
    """Children forked while threads log and write neither hang nor write their parent's lines."""
    out, error = finish(start(FORK))
    written, codes = (int(word) for word in out.split())
    assert codes == 0
    wanted = Counter(f"parent-{n}" for n in range(written)) + Counter(
        f"child-{n}-{kind}" for n in range(30) for kind in ("synchronous", "background")
    )
    assert Counter(messages((tmp_path / "app.log").read_text())) == wanted
    assert Counter(messages(error)) == wanted


PIPE = (
    CONFIGURE
    + """
json_logging.start_background_writer()
for number in range(3000):
    log.info(f"{sys.argv[2]}-{number}")
"""
)


def test_processes_share_a_pipe(start: Start) -> None:
    """Batches of several processes do not mix in the middle of a line on a shared stderr."""
    script = (
        "import subprocess, sys\n"
        "command = [sys.executable, '-c', sys.argv[2], sys.argv[1]]\n"
        "started = [subprocess.Popen([*command, f'p{n}']) for n in range(3)]\n"
        "print([process.wait() for process in started])\n"
    )
    out, error = finish(start(script, PREPARE + PIPE))
    assert out == "[0, 0, 0]\n"
    assert sorted(messages(error)) == sorted(f"p{p}-{n}" for p in range(3) for n in range(3000))


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ("", 0),
        ("sys.exit(3)", 3),
        ("raise RuntimeError('two\\nlines for bob@example.com')", 1),
        ("t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()", 0),
        ("t = threading.Thread(target=sys.exit); t.start(); t.join()", 0),
    ],
)
def test_exit_flushes(ending: str, code: int, start: Start, tmp_path: Path) -> None:
    """A process that ends, however, has written every line; an uncaught exception is one more."""
    process = start(
        CONFIGURE + "json_logging.start_background_writer()\n"
        "for number in range(1000):\n    log.info(str(number))\n" + ending
    )
    _, error = finish(process)
    assert process.returncode == code
    assert error == (tmp_path / "app.log").read_text()
    assert messages(error)[:1000] == [str(n) for n in range(1000)]
    uncaught = [json.loads(line) for line in error.splitlines()[1000:]]
    assert len(uncaught) == ("Error" in ending or "1 / 0" in ending)
    for line in uncaught:
        assert line["level"] == "critical"
        assert "Error: " in line["exception"]
        assert "bob" not in line["exception"]


def test_ctrl_c_is_not_an_error_of_ours(start: Start, tmp_path: Path) -> None:
    """KeyboardInterrupt ends the process as it always does, without a critical line."""
    _, error = finish(start(CONFIGURE + "raise KeyboardInterrupt"))
    assert error.endswith("KeyboardInterrupt\n")
    assert not (tmp_path / "app.log").exists() or (tmp_path / "app.log").read_text() == ""


SIGNAL = (
    CONFIGURE
    + """
import signal
json_logging.start_background_writer()
signal.signal(signal.SIGALRM, lambda *_: log.info("from the handler"))
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
for number in range(3000):
    log.info("x")
    json_logging.flush()
signal.setitimer(signal.ITIMER_REAL, 0)
"""
)


def test_a_signal_handler_may_log(start: Start, tmp_path: Path) -> None:
    """A handler that logs while its own thread is writing neither hangs nor tears a line."""
    process = start(SIGNAL)
    _, error = finish(process)
    found = Counter(messages(error))
    assert process.returncode == 0
    assert found["x"] == 3000
    assert found["from the handler"] > 0
    assert error == (tmp_path / "app.log").read_text()
