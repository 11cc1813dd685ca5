"""`carriers` itself: its help page, which comes at once, its version, and hints."""

import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from app.cli import COMMANDS
from app.cli.errors import INVALID
from tests.cli.shell import DONE, process_of, run


def test_every_command_is_on_the_help_page() -> None:
    """With the line that its own page begins with, and each that a module has."""
    found: dict[str, click.Command] = {}
    for module in {module for module, _ in COMMANDS.values()}:
        found |= {each.name: each for each in import_module(module).COMMANDS}
    assert found.keys() == COMMANDS.keys()
    for name, (_, line) in COMMANDS.items():
        assert found[name].get_short_help_str(200).rstrip(".") == line.rstrip(".")


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["nonsense"]])
def test_help_does_not_wait_for_the_application(words: list[str]) -> None:
    """Neither Flask nor Marshmallow nor a store is imported for it."""
    _, environment = process_of(*words)
    code = (
        "import sys; sys.argv[0] = 'carriers'; from app.cli import main\n"
        "try: main()\n"
        "finally: print(*sorted({'flask', 'marshmallow', 'app.bootstrap'} & set(sys.modules)))"
    )
    script = [sys.executable, "-c", code, *words]
    ended = subprocess.run(
        script, env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.stdout.splitlines()[-1] == ""


def test_the_version() -> None:
    """That of the package."""
    result = run("--version")
    assert result.stdout == f"carriers, version {version('distributing-carriers')}\n"


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["regster"], "Did you mean one of: 'register'"),
        (["lst"], "'list'"),
        (["keys", "lsit"], "Did you mean 'list'?"),
        (["projections", "rebild"], "Did you mean 'rebuild'?"),
        (["list", "--stat", "active"], "--state"),
    ],
)
def test_a_mistyped_command_is_hinted_at(words: list[str], hint: str) -> None:
    """By the nearest ones; also below a group, and for options."""
    result = run(*words)
    assert (result.exit_code, result.stdout) == (INVALID, "")
    assert hint in result.stderr


def test_help_comes_with_a_broken_dotenv() -> None:
    """Who has to mend it may need help. A command is told in one line."""
    Path(".env").write_text("HOST='\n")
    assert run("--help").exit_code == DONE
    result = run("keys", "list")
    assert result.exit_code == INVALID
    assert result.stderr.startswith("Error: .env, line 1: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.usefixtures("empty_registry")
def test_what_looks_wrong_in_a_dotenv_is_said() -> None:
    """On stderr, so that what programs read stays as it is."""
    Path(".env").write_text("CASANDRA_HOST=a\n")
    result = run("keys", "list", "--json")
    assert (result.exit_code, result.stdout) == (DONE, "[]\n")
    assert result.stderr.startswith("Warning: .env, line 1: there is no setting CASANDRA_HOST")
