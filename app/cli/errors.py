"""The one table from errors to exit codes and sentences: what `api/http/errors.py` is for HTTP."""

import logging
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from app.application.handlers import KeyReused, StaleVersion
from app.application.ports.codec import UnreadableEvent
from app.application.ports.errors import OutcomeUnknown, StoreError, StoreUnavailable
from app.application.ports.event_store import AlreadyClaimed, VersionConflict
from app.application.shown import AggregateNotFound
from app.cli.exit_codes import (
    EXIT_CODES,
    FAILED,
    INTERRUPTED,
    INVALID,
    NOT_FOUND,
    NOT_SAID,
    NOT_WRITTEN,
    OPERATORS_EXIT_CODES,
    REFUSED,
    STALE,
    UNAVAILABLE,
    UNKNOWN,
)
from app.cli.groups import accounting_for_help
from app.cli.output import NotWritten, aligned, history_rows, note, printable, write
from app.domain.errors import (
    DomainError,
    ForbiddenByState,
    InvalidInput,
    NothingThere,
    OtherForbids,
    SecondPersonNeeded,
)
from app.domain.streams import aggregate_of

__all__ = [
    "EXIT_CODES",
    "FAILED",
    "INTERRUPTED",
    "INVALID",
    "NOT_FOUND",
    "NOT_SAID",
    "NOT_WRITTEN",
    "OPERATORS_EXIT_CODES",
    "REFUSED",
    "STALE",
    "UNAVAILABLE",
    "UNKNOWN",
    "CarrierCommand",
    "CliError",
    "cli_error_of",
    "not_said",
    "tell_done",
]

_FAILURES = (
    AggregateNotFound,
    DomainError,
    KeyReused,
    StaleVersion,
    StoreError,
    UnreadableEvent,
)


class CliError(Exception):
    """Ends the command with an exit code; stderr gets a line for each sentence, then the table."""

    def __init__(self, exit_code: int, *sentences: str, table: Sequence[str] = ()) -> None:
        super().__init__(*sentences)
        self.exit_code = exit_code
        self.lines = [*(f"Error: {printable(each)}" for each in sentences), *table]


class CarrierCommand(click.Command):
    """A command that turns errors into exit codes, and lists the codes on its help page."""

    def __init__(self, name: str | None, **options: Any) -> None:  # noqa: ANN401 - click's own
        options.setdefault("epilog", EXIT_CODES)
        super().__init__(name, **options)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:  # noqa: ANN401 - click's own
        """See `click.Command`. Handles errors of writing the help page."""
        with accounting_for_help():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - whatever the callback returns
        """Run the command; turn the application's errors into exit codes."""
        with _default_sigint(), _no_log_on_stderr() as last_line:
            try:
                return super().invoke(ctx)
            except CliError as error:
                raise _shown(error) from error
            except NotWritten as error:
                raise _unwritten(error) from error
            except _FAILURES as error:
                raise _shown(cli_error_of(error, last_line.text)) from error


def tell_done(text: str) -> None:
    """Write the answer of a command that has changed something. If it cannot be written, raises a
    CliError with the text, so that the caller still learns that the command was done."""
    try:
        write(text)
    except NotWritten as error:
        raise not_said(error, text.splitlines()) from error


def not_said(error: NotWritten, lines: Sequence[str]) -> CliError:
    """The error of a command that was done but could not write `lines`, its answer."""
    sentence = f"It was done, but the answer cannot be written to stdout: {error}"
    return CliError(NOT_SAID, sentence, table=lines)


def _unwritten(error: NotWritten) -> click.exceptions.Exit:
    """The end of a command that only reads and cannot write. A reader that closes the pipe, such as
    `head`, is no error."""
    if error.reader_left:
        return click.exceptions.Exit(0)
    return _shown(CliError(NOT_WRITTEN, f"The output cannot be written: {error}"))


@contextmanager
def _default_sigint() -> Iterator[None]:
    """Let SIGINT (Ctrl-C) kill the process, as it does C programs, so that a script which runs the
    command ends too. An orderly exit would wait for the driver's threads, and a KeyboardInterrupt
    inside one of the driver's destructors would be lost. Stores survive a kill at any point."""
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _shown(error: CliError) -> click.exceptions.Exit:
    for line in error.lines:
        note(line)
    return click.exceptions.Exit(error.exit_code)


def cli_error_of(error: Exception, log_line: str = "") -> CliError:  # noqa: PLR0911, C901
    """The exit code and sentences of an error. `log_line`, the application's last warning, may say
    why the store is unavailable."""
    match error:
        case AggregateNotFound() | NothingThere():
            return CliError(NOT_FOUND, error.sentence)
        case ForbiddenByState():
            possible = ", ".join(error.possible)
            return CliError(REFUSED, f"{error.sentence}; possible is {possible}")
        case SecondPersonNeeded() | OtherForbids():
            return CliError(REFUSED, error.sentence)
        case InvalidInput():
            return CliError(INVALID, f"{error.field}: {error.sentence}")
        case AlreadyClaimed():
            scope = error.claim.scope
            return CliError(REFUSED, f"{scope}: The {scope} belongs to another carrier")
        case VersionConflict():
            noun = aggregate_of(error.stream).noun
            return CliError(REFUSED, f"The {noun} is being changed by others; try again")
        case KeyReused():
            return CliError(
                REFUSED, "This idempotency key was used for another command; take a new one"
            )
        case StaleVersion():
            # Imported here, as this imports the whole API, which most commands do not need.
            from app.api.resources.representations import history_entry  # noqa: PLC0415

            since = [history_entry(entry) for entry in error.since]
            return CliError(
                STALE,
                f"The {error.noun} is at version {error.version}, not at the one of --if-version",
                table=aligned(history_rows(since)) if since else (),
            )
        case StoreUnavailable():
            why = f" ({log_line})" if log_line else ""
            return CliError(UNAVAILABLE, f"Nothing was done, the store failed: {error}{why}")
        case OutcomeUnknown():
            return CliError(UNKNOWN, f"It could not be found out whether this was done: {error}")
    return CliError(FAILED, str(error))


class _LastLine(logging.Handler):
    """Keeps the application's last warning."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("app."):
            self.text = record.getMessage()


@contextmanager
def _no_log_on_stderr() -> Iterator[_LastLine]:
    """Keep the log off stderr, and keep its last warning. Without a handler Python would print
    every warning, also the Cassandra driver's."""
    handler = _LastLine()
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield handler
    finally:
        root.removeHandler(handler)
