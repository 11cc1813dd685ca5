"""What somebody types in the first hour: the README's commands in their order, the example of a
`.env`, a Cassandra on another port."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.answers import another
from tests.support.project import ROOT
from tests.support.service import Service, service_environment

README = (ROOT / "README.md").read_text()
STARTS = re.compile(r"^(HOST=\S+ )?make run")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One to work in, in which `.venv/bin/carriers` is the one that is tested."""
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/carriers").symlink_to(Path(sys.executable).parent / "carriers")
    return tmp_path


def commands_of(heading: str, page: str = README) -> list[str]:
    """The commands under a heading of the README, or of another page."""
    section = page.split(f"\n## {heading}\n")[1].split("\n## ", maxsplit=1)[0]
    return [line[4:] for line in section.splitlines() if line.startswith("    ")]


def typed(folder: Path, lines: list[str], port: int) -> str:
    """What a shell says to these lines. Each has to succeed."""
    script = "\n".join(["set -e", *lines]).replace(":8000", f":{port}")
    # What runs without an end is stopped, as a person would.
    stop = "timeout --foreground --preserve-status -s TERM 4"
    script = re.sub(r"(?m)^(\S+/carriers (feed follow|top))", rf"{stop} \1", script)
    where = {"PORT": str(port)} if port else {}
    environment = {**os.environ, **service_environment(folder, **where), "PYTHONFAULTHANDLER": "1"}
    said, log = folder / "said", folder / "log"  # files, so that a shell that hangs is heard too
    with (
        said.open("w") as stdout,
        log.open("w") as stderr,
        subprocess.Popen(
            ["bash", "-xc", script],
            env={name: value for name, value in environment.items() if value is not None},
            cwd=folder,
            stdout=stdout,
            stderr=stderr,
            process_group=0,
        ) as shell,
    ):
        try:
            shell.wait(300)  # some fifty commands, on a machine that is busy
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGABRT)  # each command of ours says where it was
    assert shell.returncode == 0, log.read_text()
    return said.read_text()


def test_every_command_of_the_readme_works(folder: Path) -> None:
    """In the order in which they stand there, on one store."""
    first = [line for line in commands_of("Two commands") if not line.startswith("make ")]
    shell = [line for line in commands_of("From a shell") if "_COMPLETE" not in line]
    keys = [line for line in commands_of("Settings") if not STARTS.match(line)]
    create, *curl = keys
    # With this both services are begun anew, as a person does it: see `preloaded.fits`.
    with Service(folder, PYTHONFAULTHANDLER="1") as service:
        said = typed(folder, [*first, *shell], service.port)
    assert "201 CREATED" in said.upper()
    assert "UPS Freight" in said
    assert "Both use the domain ups.com; The names, without legal forms, are the same" in said
    key = typed(folder, [create, 'echo "$KEY"'], 0).strip()
    with Service(folder, host="0.0.0.0", PYTHONFAULTHANDLER="1") as service:
        answer = typed(folder, [f"KEY={key}", *curl], service.port)
    assert "UPS Freight" in answer
    assert '"state": "active"' in answer.splitlines()[-1]
    assert (folder / "carriers.csv").read_text().count("\n") == 4


def test_the_commands_of_the_policys_page_work(folder: Path) -> None:
    """In a registry that has adopted none yet."""
    page = (ROOT / "docs/policy.md").read_text()
    begin = ".venv/bin/carriers register --name FedEx --email contact@fedex.com"
    said = typed(folder, [begin, *commands_of("How it is changed", page)], 0)
    assert "cargo-insurance" in said
    assert said.count('"version": 0') == 1


@pytest.mark.full
def test_the_commands_of_the_page_on_csv_work(folder: Path) -> None:
    """With a file of a carrier and its columns in the places that they name."""
    page = (ROOT / "docs/csv.md").read_text()
    (folder / "FILE.csv").write_text("Company,E-Mail\nDHL,contact@dhl.com\n")
    (folder / "NEXT.csv").write_text("Company,E-Mail\nGLS,contact@gls.com\n")
    (folder / "FILE.json").write_text('{"Company": "name", "E-Mail": "email"}')
    (folder / "bin").mkdir()
    (folder / "bin/carriers").symlink_to(folder / ".venv/bin/carriers")
    commands = re.findall(r"(?m)^    ((?:carriers|curl) (?:.*\\\n)*.*)", page)
    assert len(commands) > 12
    found = "$(carriers import FILE.csv --dry-run 2>&1 | grep -oE '[0-9a-f-]{36}' | head -n 1)"
    script = "\n".join(commands).replace("undo ID", f"undo {found}")
    # Whoever is asked says yes.
    first = ["PATH=$PWD/bin:$PATH", 'carriers() { command carriers "$@" <<<y; }']
    with Service(folder) as service:
        said = typed(folder, [*first, *script.splitlines()], service.port)
    assert '"success": true' in said
    assert '"success": false' not in said


def test_completion_as_the_readme_turns_it_on(folder: Path) -> None:
    """For bash, in a shell of its own: commands and options come at once."""
    line = next(line for line in commands_of("From a shell") if "bash_source" in line)
    script = f"""PATH=$PWD/.venv/bin:$PATH
        {line}
        complete -p carriers
        COMP_WORDS="carriers li" COMP_CWORD=1 _CARRIERS_COMPLETE=bash_complete carriers
        COMP_WORDS="carriers keys re" COMP_CWORD=2 _CARRIERS_COMPLETE=bash_complete carriers
        COMP_WORDS="carriers list --st" COMP_CWORD=2 _CARRIERS_COMPLETE=bash_complete carriers"""
    said = typed(folder, script.splitlines(), 0)
    assert "_carriers_completion" in said
    assert said.splitlines()[-3:] == ["plain,list", "plain,revoke", "plain,--state"]


def test_the_example_of_a_dotenv_works_as_it_is(folder: Path) -> None:
    """Copied as told, the service starts on a store that is there, and takes a carrier."""
    shutil.copy(ROOT / ".env.example", folder / ".env")
    with Service(folder) as service:
        assert service.ask("POST", "/register-carrier", another()).status == 201
        # Of the disk of these tests the doctor may have something to say.
        lines = [line for line in service.log_lines() if line["logger"] != "app.doctor"]
        assert [line for line in lines if line["level"] != "info"] == []


def test_what_looks_wrong_in_a_dotenv_is_logged(folder: Path) -> None:
    """Once, when the service starts, which it does."""
    (folder / ".env").write_text("CASANDRA_HOST=127.0.0.1\n")
    with Service(folder) as service:
        warned = [line for line in service.log_lines() if line["level"] == "warning"]
    (line,) = (line for line in warned if line["logger"] != "app.doctor")
    assert line["message"].endswith("did you mean CASSANDRA_HOST?")


def cassandra(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run what `make cassandra` runs."""
    return subprocess.run(
        [sys.executable, "-m", "tests.support.cassandra_node", *arguments],
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_port_of_a_cassandra_for_development() -> None:
    """`CASSANDRA_PORT=… make cassandra` takes that one; if another has it, the advice is one that
    make's user can follow."""
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        refused = cassandra(CASSANDRA_PORT=str(port))
    assert refused.returncode == 1
    found = re.search(
        rf"port {port} is taken: .*CASSANDRA_PORT=(\d+) make cassandra", refused.stderr
    )
    assert found is not None, refused.stderr
    assert int(found[1]) != port


@pytest.mark.parametrize("port", ["abc", "0", "65536", "-1"])
def test_a_port_that_is_none(port: str) -> None:
    """It is named, with what is allowed."""
    refused = cassandra(CASSANDRA_PORT=port)
    assert refused.returncode == 2
    assert f"CASSANDRA_PORT={port} is not a port from 1 to 65535" in refused.stderr
