"""`carriers schema`: the tables of the settings' Cassandra."""

from pathlib import Path

import click

from app.application.ports import SchemaError
from app.bootstrap import bring_schema_up_to_date
from config.settings import Settings


@click.command()
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("migrations_cql"),
    show_default=True,
    help="Where the .cql files are.",
)
@click.pass_obj
def schema(settings: Settings, folder: Path) -> None:
    """Bring the schema of the settings' Cassandra up to date.

    Can be run at any time and by several at once; it needs CASSANDRA_HOST.
    """
    if not settings.cassandra_hosts:
        raise click.UsageError("CASSANDRA_HOST is not set: name the Cassandra to apply it to.")
    try:
        applied = bring_schema_up_to_date(settings, folder, lambda line: click.echo(line, err=True))
    except SchemaError as error:
        raise click.ClickException(str(error)) from error
    done = f"applied {', '.join(applied)}" if applied else "nothing to do"
    click.echo(f"schema of keyspace {settings.cassandra_keyspace} is up to date: {done}")
