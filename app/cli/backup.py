"""`carriers backup` and `carriers restore`, for a registry on SQLite.

command line → the file at SQLITE_PATH, in this process
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.cli.errors import (
    INTERRUPTED,
    INVALID,
    NOT_SAID,
    REFUSED,
    UNAVAILABLE,
    CarrierCommand,
    CliError,
    tell_done,
)
from app.infrastructure.sqlite.backup import BackupRefused, NoRegistry, back_up
from app.infrastructure.sqlite.backup import restore as put_back
from config.settings import Settings

_EXIT_CODES = f"""\b
Exit codes:
  0    done
  {INVALID}    wrong usage or settings, or the store is Cassandra
  {REFUSED}    refused: the sentence says why; nothing was changed
  {UNAVAILABLE}    there is no registry, or a file cannot be read or written
  {NOT_SAID}    it was done, but that cannot be written: it is on stderr
  {INTERRUPTED}  interrupted: run it again"""

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(cls=CarrierCommand, epilog=_EXIT_CODES)
@click.argument("file", type=_FILE)
@click.pass_obj
def backup(settings: Settings, file: Path) -> None:
    """Copy the registry into FILE while the service runs: events, claims and API keys.

    On SQLite only; docs/operations.md says how to do it on Cassandra.
    """
    _refuse_cassandra(settings)
    with _errors_as_exit_codes():
        head = back_up(settings.sqlite_path, file)
    tell_done(f"{file} holds the registry up to position {head} of its feed.")


@click.command(cls=CarrierCommand, epilog=_EXIT_CODES)
@click.argument("file", type=_FILE)
@click.option("--replace", is_flag=True, help="Set the registry aside that is there already.")
@click.confirmation_option(
    prompt="Everything since the copy is missing afterwards, and subscribers begin anew. Restore?"
)
@click.pass_obj
def restore(settings: Settings, file: Path, *, replace: bool) -> None:
    """Restore the registry from FILE, a copy that `carriers backup` or SQLite has made.

    Stop the service first. Run this as the service's user: only that user can read the new file.
    The feed gets another id, so that subscribers, and clients with a Consistency-Token, notice;
    who is signed in to the desk has to sign in again; the service rebuilds the views when it
    starts. The former registry is renamed and kept.
    """
    _refuse_cassandra(settings)
    with _errors_as_exit_codes():
        done = put_back(file, settings.sqlite_path, settings.views_path, replace=replace)
    said = [
        f"{settings.sqlite_path} is restored up to position {done.head}; its feed is {done.feed}."
    ]
    if done.set_aside is not None:
        said.append(f"What was there is {done.set_aside}.")
    if done.active_keys:
        said.append(
            f"API keys that are active as of the copy: {done.active_keys}. Look at `carriers keys"
            " list`, and revoke again what was revoked since."
        )
    tell_done("\n".join(said))


def _refuse_cassandra(settings: Settings) -> None:
    if settings.event_store != "sqlite":
        raise CliError(
            INVALID,
            "This is for SQLite: on Cassandra take and load snapshots, as docs/operations.md says",
        )


@contextmanager
def _errors_as_exit_codes() -> Iterator[None]:
    try:
        yield
    except NoRegistry as error:
        raise CliError(UNAVAILABLE, str(error)) from error
    except BackupRefused as error:
        raise CliError(REFUSED, str(error)) from error
    except (sqlite3.Error, OSError, StoreUnavailable, OutcomeUnknown) as error:
        raise CliError(UNAVAILABLE, f"It was not done: {error}") from error


COMMANDS = (backup, restore)
