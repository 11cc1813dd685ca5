"""`carriers schema`: creates and migrates the tables of the configured Cassandra."""

from pathlib import Path

import click

from app.application.ports.errors import SchemaError
from app.bootstrap import bring_schema_up_to_date, let_in_to, replace_first_login_of
from app.cli.errors import CarrierCommand, tell_done
from app.cli.exit_codes import SCHEMA_EXIT_CODES
from app.cli.output import note
from config.settings import Settings, secret_in


@click.command(cls=CarrierCommand, epilog=SCHEMA_EXIT_CODES)
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("migrations_cql"),
    show_default=True,
    help="Where the .cql files are.",
)
@click.option(
    "--replace-first-login",
    is_flag=True,
    help="Before: make CASSANDRA_USERNAME a superuser by the login that a new Cassandra comes with,"
    " and close that.",
)
@click.option(
    "--let-in",
    metavar="NAME",
    help="After: make this role, if there is none, and let it read and write, for the service.",
)
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Holds that role's password as its only line.",
)
@click.pass_obj
def schema(
    settings: Settings,
    folder: Path,
    let_in: str | None,
    password_file: Path | None,
    *,
    replace_first_login: bool,
) -> None:
    """Bring the schema of the settings' Cassandra up to date.

    Can be run at any time, and by several processes at once; needs CASSANDRA_HOST.
    """
    if not settings.cassandra_hosts:
        raise click.UsageError("CASSANDRA_HOST is not set: name the Cassandra to apply it to.")
    service = _service_role(let_in, password_file)
    try:
        if replace_first_login:
            replace_first_login_of(settings, note)
        applied = bring_schema_up_to_date(settings, folder, note)
        if service is not None:
            let_in_to(settings, *service, note)
    except SchemaError as error:
        raise click.ClickException(str(error)) from error
    done = f"applied {', '.join(applied)}" if applied else "nothing to do"
    tell_done(f"schema of keyspace {settings.cassandra_keyspace} is up to date: {done}")


def _service_role(name: str | None, password_file: Path | None) -> tuple[str, str] | None:
    """The role's name and password; None if no role is named. Raises UsageError."""
    if (name is None) != (password_file is None):
        raise click.UsageError("--let-in and --password-file go together: give both or none.")
    if name is None or password_file is None:
        return None
    try:
        return name, secret_in(password_file)
    except (OSError, ValueError) as error:
        raise click.UsageError(
            f"--password-file {password_file} must be a readable file with one line in it."
        ) from error


COMMANDS = (schema,)
