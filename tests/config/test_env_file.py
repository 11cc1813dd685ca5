"""The `.env` file: what stops the start, what is only a warning, and what each line says."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import Settings, SettingsError
from tests.support.service import GUNICORN, service_environment

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def bare_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No setting from outside; variables that reading a .env sets are removed afterwards."""
    before = dict(os.environ)
    for name, value in service_environment(tmp_path).items():
        if value is None:
            del os.environ[name]
    monkeypatch.chdir(tmp_path)
    yield
    os.environ.clear()
    os.environ.update(before)


def refusal() -> str:
    """The message that stops the start, which must be one line."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_env()
    (line,) = str(caught.value).splitlines()
    return line


BROKEN = [
    (b"PORT=1\n\nHOST=\xff\n", "line 3: a byte is not UTF-8"),
    ("PORT=1\n".encode("utf-16"), "line 1: a byte is not UTF-8"),
    (b'\n\n\nCASSANDRA_HOST="cassandra\nPORT=1\n', "line 4: this is not NAME=value"),
    (b"CASSANDRA_HOST='cassandra\n", "line 1: this is not NAME=value, or a quotation mark"),
    (b'PORT=1\nA="x\nCASSANDRA_HOST=y\nB="\n', "line 2: the value of A goes on in the next"),
    (b"PORT=1\nCASSANDRA_HOST\n", "line 2: there is no = in it"),
    (b"CASSANDRA_HOST cassandra\n", "line 1: this is not NAME=value"),
    (b"CASSANDRA_HOST: cassandra\n", "line 1: this is not NAME=value"),
    (b"=cassandra\n", "line 1: this is not NAME=value"),
    (b"CASSANDRA_HOST=a\0b\n", "line 1: there is a NUL"),
]


@pytest.mark.parametrize(("content", "said"), BROKEN)
def test_a_line_that_cannot_be_read_stops_the_start(content: bytes, said: str) -> None:
    """No line is skipped, as the default of a lost setting could be another store."""
    Path(".env").write_bytes(content)
    assert refusal().startswith(f".env, {said}")


def test_no_value_is_repeated() -> None:
    """A message repeats no value, and no word in a name's place, as either may be a secret."""
    for content in ("CASSANDRA_PASSWORD='s3cret\n", "s3cret\n", 'A="s3cret\nB="\n'):
        Path(".env").write_text(content)
        assert "s3cret" not in refusal()


def test_what_is_no_file_stops_the_start(tmp_path: Path) -> None:
    """A folder (which docker makes for a missing mount), a pipe or a broken link stops it."""
    path = Path(".env")
    path.mkdir()
    assert refusal() == ".env is not a file: it must be a text file of NAME=value lines."
    path.rmdir()
    os.mkfifo(path)
    assert refusal().startswith(".env is not a file")
    path.unlink()
    path.symlink_to(tmp_path / "missing")
    assert refusal() == ".env leads to a file that does not exist."
    path.unlink()
    path.symlink_to(path)
    assert refusal().startswith(".env cannot be read: ")


@pytest.mark.parametrize("command", [GUNICORN, (sys.executable, "-m", "app.cli", "keys", "list")])
def test_a_file_that_may_not_be_read_stops_the_start(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    """A file without read permission stops the service and the shell's commands with one line."""
    path = Path(".env")
    path.write_text("CASSANDRA_HOST=127.0.0.1\n")
    path.chmod(0)
    if os.geteuid() == 0:  # who may read everything, unless this is taken away
        drop = ("--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all")
        command = ("setpriv", *drop, "--", *command)
    environment = {**os.environ, **service_environment(tmp_path, PORT="29999")}
    ended = subprocess.run(
        command,
        env={name: value for name, value in environment.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode != 0
    assert ended.stderr.removeprefix("Error: ") == ".env cannot be read: Permission denied.\n"


WARNED = [
    ("PORT=1\n\nPORT=2\n", [".env, line 3: PORT is set on line 1 already; the last line counts"]),
    (
        "CASANDRA_HOST=a\nWORKER=2\n",
        [
            ".env, line 1: there is no setting CASANDRA_HOST; did you mean CASSANDRA_HOST?",
            ".env, line 2: there is no setting WORKER; did you mean WORKERS?",
        ],
    ),
    ("NGINX_TIMEOUT=35s\nTLS_KEY=a\nEDITOR=vi\nFORWARDED_ALLOW_IPS=*\n", []),
]


@pytest.mark.parametrize(("content", "lines"), WARNED)
def test_what_looks_like_a_mistake_is_said(content: str, lines: list[str]) -> None:
    """A name that is set twice or resembles a setting gets a warning; other programs' names get
    none."""
    Path(".env").write_text(content)
    assert list(Settings.from_env().warnings) == lines


def test_every_line_of_the_example_is_right() -> None:
    """No name in .env.example is mistyped or there twice, commented lines included."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    values = {"TLS_CA": "", "TLS_CERT": "", "TLS_KEY": ""}
    names = [line.lstrip("#").partition("=") for line in lines if "=" in line.split(" ")[0]]
    Path(".env").write_text(
        "".join(f"{name}={values.get(name, value)}\n" for name, _, value in names)
    )
    assert Settings.from_env().warnings == ()


def test_a_value_may_be_quoted_and_a_line_may_be_exported() -> None:
    """Quotes, `export` and a byte order mark are accepted, as shells and compose accept them."""
    Path(".env").write_bytes(b"\xef\xbb\xbfexport PORT='9001' # mine\r\nHOST=\"::1\"\r\n")
    settings = Settings.from_env()
    assert (settings.port, settings.host, settings.warnings) == (9001, "::1", ())
