"""How a command on carriers ends: the one table from errors to exit codes and sentences.

The last stop on the way back from the bus; what `api/errors.py` is for HTTP.
"""

import logging
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from app.api.representations import history_entry
from app.application.handlers import KeyReused, StaleVersion
from app.application.ports import (
    AlreadyClaimed,
    OutcomeUnknown,
    StoreError,
    StoreUnavailable,
    VersionConflict,
)
from app.application.repository import CarrierNotFound, UnreadableEvent
from app.cli.output import aligned, history_rows, printable
from app.domain.errors import DomainError, ForbiddenByState

FAILED = 1
INVALID = 2  # click's own code for wrong usage
NOT_FOUND = 3
REFUSED = 4
STALE = 5
UNAVAILABLE = 6
UNKNOWN = 7
INTERRUPTED = 128 + signal.SIGINT  # as shells have it

# \b keeps click from joining the lines.
EXIT_CODES = f"""\b
Exit codes:
  0    done; with --dry-run: it could be done
  {FAILED}    a stored event cannot be read, or a defect
  {INVALID}    wrong usage, settings, or an invalid value
  {NOT_FOUND}    there is no such carrier
  {REFUSED}    refused: by the carrier's state, because the e-mail address is
       another's, because others keep changing it, or because the
       idempotency key stands for another command
  {STALE}    the carrier is not at the version of --if-version
  {UNAVAILABLE}    the store cannot be reached; nothing was done
  {UNKNOWN}    it could not be found out whether it was done; the same command
       with the same --idempotency-key settles it
  {INTERRUPTED}  interrupted: look before you repeat it"""

# Of the commands that are for operators, where no more than that can happen.
OPERATORS_EXIT_CODES = f"""\b
Exit codes:
  0    done
  {FAILED}    a defect
  {INVALID}    wrong usage or settings
  {UNAVAILABLE}    the store cannot be reached
  {INTERRUPTED}  interrupted: run it again"""

_FAILURES = (
    CarrierNotFound,
    DomainError,
    KeyReused,
    StaleVersion,
    StoreError,
    UnreadableEvent,
)


class Ending(Exception):
    """An end with an exit code, a sentence for each thing that is wrong, and perhaps a table."""

    def __init__(self, exit_code: int, *sentences: str, table: Sequence[str] = ()) -> None:
        super().__init__(*sentences)
        self.exit_code = exit_code
        self.lines = [*(f"Error: {printable(each)}" for each in sentences), *table]


class CarrierCommand(click.Command):
    """A command whose help page names the exit codes, and that ends with them."""

    def __init__(self, name: str | None, **options: Any) -> None:  # noqa: ANN401 - click's own
        options.setdefault("epilog", EXIT_CODES)
        super().__init__(name, **options)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - whatever the callback returns
        """Run it; turn the application's errors into endings."""
        with _dying_of_ctrl_c(), _log_kept_off_stderr() as last_line:
            try:
                return super().invoke(ctx)
            except Ending as ending:
                raise _shown(ending) from ending
            except _FAILURES as error:
                raise _shown(ending_of(error, last_line.text)) from error


@contextmanager
def _dying_of_ctrl_c() -> Iterator[None]:
    """Of the signal itself, as programs in C do: a script that runs the command ends as well. And
    at once: an orderly exit would wait for the driver's threads, and a KeyboardInterrupt that is
    raised within a destructor of the driver's is lost. Stores survive worse."""
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _shown(ending: Ending) -> click.exceptions.Exit:
    for line in ending.lines:
        click.echo(line, err=True)
    return click.exceptions.Exit(ending.exit_code)


def ending_of(error: Exception, log_line: str = "") -> Ending:  # noqa: PLR0911
    """`log_line` is the last that the application logged: it may know why the store is away."""
    match error:
        case CarrierNotFound():
            return Ending(NOT_FOUND, "There is no carrier with this id")
        case ForbiddenByState():
            possible = ", ".join(error.possible) or "nothing; that is final"
            return Ending(
                REFUSED,
                f"The carrier is {error.state}, which does not allow this; possible is {possible}",
            )
        case AlreadyClaimed():
            scope = error.claim.scope
            return Ending(REFUSED, f"{scope}: The {scope} belongs to another carrier")
        case VersionConflict():
            return Ending(REFUSED, "The carrier is being changed by others; try again")
        case KeyReused():
            return Ending(
                REFUSED, "This idempotency key was used for another command; take a new one"
            )
        case StaleVersion():
            since = [history_entry(entry) for entry in error.since]
            return Ending(
                STALE,
                f"The carrier is at version {error.version}, not at the one of --if-version",
                table=aligned(history_rows(since)) if since else (),
            )
        case StoreUnavailable():
            why = f" ({log_line})" if log_line else ""
            return Ending(UNAVAILABLE, f"Nothing was done, the store failed: {error}{why}")
        case OutcomeUnknown():
            return Ending(UNKNOWN, f"It could not be found out whether this was done: {error}")
    return Ending(FAILED, str(error))


class _LastLine(logging.Handler):
    """Keeps the application's last warning."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("app."):
            self.text = record.getMessage()


@contextmanager
def _log_kept_off_stderr() -> Iterator[_LastLine]:
    """Without a handler Python prints every warning, the Cassandra driver's too."""
    handler = _LastLine()
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield handler
    finally:
        root.removeHandler(handler)
