"""Groups of commands. The top group imports a command only when it is called, so that the help page
and a shell's completion are fast. Imports nothing of the application."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NoReturn

import click

from app.cli.exit_codes import INTERRUPTED, NOT_WRITTEN, REFUSED
from app.cli.output import not_written, note, occupy_standard_streams, silence


class CommandGroup(click.Group):
    """A group of subcommands."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:  # noqa: ANN401 - click's own
        """See `click.Command`."""
        with accounting_for_help():
            return super().make_context(*args, **extra)


class LazyGroup(CommandGroup):
    """A group that imports a command when it is called.

    `where` maps a command's name to a module with that command in its `COMMANDS`, and to the first
    line of the command's help page.
    """

    def __init__(self, *args: Any, where: Mapping[str, tuple[str, str]], **options: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **options)
        self._where = where
        for name, (_, line) in where.items():
            self.add_command(click.Command(name, short_help=line))

    def main(self, *args: Any, **extra: Any) -> Any:  # noqa: ANN401 - click's own
        """See `click.Command`. The exit code is the same if stderr cannot be written."""
        occupy_standard_streams()
        carry_out: Callable[..., Any] = super().main
        if not extra.pop("standalone_mode", True):
            return carry_out(*args, standalone_mode=False, **extra)
        try:
            sys.exit(carry_out(*args, standalone_mode=False, **extra) or 0)
        except click.ClickException as error:
            _show(error)
        except click.Abort as error:
            if error.__cause__ is not None:  # Ctrl-C while it works, not at a prompt
                note("Interrupted.")
                sys.exit(INTERRUPTED)
            note("Nothing was done. For scripts, --yes answers the question.")
            sys.exit(REFUSED)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """See `click.Group`. Imports the command."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and command is not None:
            module, _ = self._where[name]
            found: Sequence[click.Command] = import_module(module).COMMANDS
            command = next(each for each in found if each.name == name)
        return name, command, rest


def _show(error: click.ClickException) -> NoReturn:
    try:
        error.show()
    except OSError:
        silence(sys.stderr)
    sys.exit(error.exit_code)


@contextmanager
def accounting_for_help() -> Iterator[None]:
    """Handle errors of writing while a command line is parsed: click then writes help only."""
    try:
        yield
    except OSError as error:
        unwritten = not_written(error)
        if unwritten.reader_left:
            raise click.exceptions.Exit(0) from error
        note(f"Error: The output cannot be written: {unwritten}")
        raise click.exceptions.Exit(NOT_WRITTEN) from error
