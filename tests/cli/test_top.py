"""`carriers top` where nothing can be drawn over, and what it says of a service that gives none."""

import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from app.cli.errors import INVALID, NOT_WRITTEN, UNAVAILABLE
from app.cli.top import source as sources
from app.cli.top.source import READING_THREAD, Source
from app.cli.top.summary import summary
from app.version import version
from tests.cli.shell import DONE, NOBODY, data, process_of, register, run
from tests.support.processes import free_port, wait_until
from tests.support.service import Service

ONCE = ("--once", "--interval", "0.1")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One for all tests of this file."""
    with Service(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine makes no test fail."""
    monkeypatch.setattr(sources, "PATIENCE_SECONDS", 20.0)


def test_what_was_asked_is_counted(service: Service) -> None:
    """To the last request, over both workers: two carriers, one of them refused the second time,
    and three reads, one of nobody."""
    source = Source(service.url)
    before = source.read()
    statuses = [register(service, name) for name in ("a", "b", "b")]
    paths = ["/carriers", "/statistics", f"/carriers/{NOBODY}"]
    statuses += [service.ask("GET", path).status for path in paths]
    assert statuses == [201, 201, 409, 200, 200, 404]
    found = summary(source.url, before, source.read())
    rates = found.rates
    assert rates is not None
    counts = {name: rate * rates.seconds for name, rate in rates.answers.items()}
    assert counts == pytest.approx({"2xx": 4, "3xx": 0, "4xx": 2, "5xx": 0})
    assert rates.commands["refused"] * rates.seconds == pytest.approx(1)
    assert rates.appends["written"] * rates.seconds == pytest.approx(2)
    assert {each.route for each in rates.slowest} >= {"/register-carrier", "/statistics"}
    assert rates.answered_in is not None
    assert 0 < rates.answered_in.p50 <= rates.answered_in.p99 < rates.answered_in.limit
    assert [each.name for each in found.workers] == ["follower", "worker-1", "worker-2"]
    assert {each.name for each in found.views} == {"carriers", "statistics"}


def test_a_block_is_lines_without_control_codes(service: Service) -> None:
    """With what can be said of an idle service."""
    result = run("top", "--url", service.url, *ONCE)
    assert (result.exit_code, result.stderr) == (DONE, "")
    assert "\x1b" not in result.stdout
    lines = result.stdout.splitlines()
    assert lines[0].endswith(f" UTC  {service.url}")
    assert f"  release     {version()}, started " in lines[2]
    labels = [line[2:].split("  ")[0] for line in lines[2:] if line]
    assert labels[:4] == ["release", "store", "rates", "requests"]
    assert labels[-5:] == ["view", "listeners", "follower", "worker-1", "worker-2"]
    assert not any(line.startswith("!") for line in lines)


def test_json_is_for_programs(service: Service) -> None:
    """A line of it."""
    found = data("top", "--url", service.url, *ONCE)
    assert (found["url"], found["store_is_up"]) == (service.url, True)
    assert found["rates"]["requests"] == 0
    assert 0.1 <= found["rates"]["seconds"] < 10


def test_the_settings_say_where_the_service_is(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If it listens on every address it is asked on loopback."""
    monkeypatch.setenv("HOST", "0.0.0.0")
    monkeypatch.setenv("PORT", str(service.port))
    assert data("top", *ONCE)["url"] == service.url


def test_blocks_until_ctrl_c(service: Service) -> None:
    """In a pipe: one for each interval. To be ended so is no error."""
    command, environment = process_of("top", "--url", service.url, "--interval", "0.1", "--json")
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        first, second = (json.loads(running.stdout.readline()) for _ in range(2))
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=20)
    assert (running.returncode, said) == (DONE, "")
    assert first["moment"] < second["moment"]


@pytest.mark.parametrize(
    ("where", "code", "said"),
    [
        (">/dev/full", NOT_WRITTEN, "The output cannot be written: No space left on device"),
        ("| true", DONE, ""),
    ],
)
def test_output_that_nobody_gets(service: Service, where: str, code: int, said: str) -> None:
    """It ends, also without --once; a reader that has seen enough is no error."""
    command, environment = process_of("top", "--url", service.url, "--interval", "0.1")
    shell = ["/bin/bash", "-o", "pipefail", "-c", f'"$@" {where}', "bash", *command]
    done = subprocess.run(
        shell, env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == code
    assert said in done.stderr


def refusal(url: str) -> str:
    """The one sentence that is said of the URL, with the exit code of what is not there."""
    result = run("top", "--url", url, *ONCE)
    assert (result.exit_code, result.stdout) == (UNAVAILABLE, "")
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def test_nobody_is_there() -> None:
    """Also without --once: the address may be wrong."""
    url = f"http://127.0.0.1:{free_port()}"
    assert f"{url} cannot be reached: Connection refused" in refusal(url)
    result = run("top", "--url", url)
    assert (result.exit_code, result.stdout) == (UNAVAILABLE, "")


def test_the_service_does_not_go_by_that_name(service: Service) -> None:
    """As it needs no key: 421, and what to do about it."""
    said = refusal(f"http://127.1:{service.port}")
    assert "/metrics is answered 421; the service does not go by this host name" in said
    assert "ALLOWED_HOSTS" in said


@contextmanager
def answering(answer: bytes, then: bytes | None = None, late: float = 0) -> Iterator[str]:
    """The URL of something that answers each request with these bytes, `late` seconds after it, and
    ends; or says `then` again and again for twenty seconds."""
    done = threading.Event()

    def serve() -> None:
        while True:
            connection, _ = listener.accept()
            with connection, suppress(ConnectionError):
                if done.is_set():
                    return
                connection.recv(65_536)
                done.wait(late)
                connection.sendall(answer)
                until = time.monotonic() + 20
                while then is not None and not done.wait(0.05) and time.monotonic() < until:
                    connection.sendall(then)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        host, port = listener.getsockname()
        try:
            yield f"http://{host}:{port}"
        finally:
            done.set()
            socket.create_connection((host, port)).close()
            thread.join()


OK = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (OK + b"<!DOCTYPE html>\n<title>Welcome to nginx!</title>\n", "not with figures in Prom"),
        (OK + b"node_load1 0.5\n", "with figures of something else"),
        (OK + b"\xff\xfe", "not with text"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nevent_store_up 1\n", "an end missing"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "404; nginx does not pass it on, so ask gunicorn"),
        (b"HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n", "is answered 302"),
        (b"HTTP/1.1 503 Slow Down\r\n\r\n", "is answered 503"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "is not answered in HTTP"),
        (b"", "cannot be reached: Remote end closed connection without response"),
        (OK + b"# HELP\n" * 200_000, "with more than 1,048,576 bytes"),
    ],
)
def test_an_answer_that_is_no_reading(answer: bytes, said: str) -> None:
    """It is told what came in its place."""
    with answering(answer) as url:
        assert said in refusal(url)


def test_answers_that_take_longer_than_the_interval() -> None:
    """The next one is asked for at once, and the rates are of the time that there was."""
    answer = OK + b"event_store_up 1\n"
    with answering(answer, late=0.3) as url:
        command, environment = process_of("top", "--url", url, "--interval", "0.1", "--json")
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as running:
            assert running.stdout is not None
            found = [json.loads(running.stdout.readline()) for _ in range(2)]
            running.terminate()
            _, said = running.communicate(timeout=20)
        assert (running.returncode, said) == (DONE, "")
        assert min(each["rates"]["seconds"] for each in found) >= 0.3


@pytest.mark.parametrize(
    ("answer", "then"),
    [(b"", b""), (b"HTTP/1.1 200 OK\r\n", b""), (OK[:-2], b"a"), (OK, b"# HELP\n")],
    ids=["silent", "half a head", "a slow head", "a slow body"],
)
def test_an_answer_that_does_not_end(
    answer: bytes, then: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However it is drawn out, it is not waited for any longer than the limit; and nothing goes on
    reading, while it is still being drawn out."""
    monkeypatch.setattr(sources, "PATIENCE_SECONDS", 0.3)
    with answering(answer, then) as url:
        assert "/metrics is not answered within 0.3 s" in refusal(url)
        wait_until(lambda: not reading_threads(), 10, "the reading is given up")


def reading_threads() -> list[str]:
    """Threads that still read an answer."""
    return [each.name for each in threading.enumerate() if each.name == READING_THREAD]


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8000",
        "ftp://127.0.0.1",
        "http://",
        "http://127.0.0.1:99999",
        "http://me:secret@127.0.0.1",
        "http://127.0.0.1/?a=b",
        "http://127.0.0.1/ä",
        "http://[::1",
    ],
)
def test_what_is_no_url(url: str) -> None:
    """Wrong usage, before anybody is asked."""
    result = run("top", "--url", url, *ONCE)
    assert (result.exit_code, result.stdout) == (INVALID, "")
    assert "Invalid value for --url" in result.stderr


@pytest.mark.parametrize("interval", ["0", "-1", "nan", "inf", "1e9", "soon"])
def test_an_interval_is_a_tenth_of_a_second_to_an_hour(interval: str) -> None:
    """Or it is wrong usage."""
    result = run("top", "--interval", interval, *ONCE[:1])
    assert result.exit_code == INVALID
