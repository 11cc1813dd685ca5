"""The registry from a shell: `carriers --help`."""

import click

from app.cli.carriers import COMMANDS
from app.cli.feed import feed
from app.cli.keys import keys
from app.cli.parked import parked
from app.cli.projections import projections
from app.cli.schema import schema
from config.settings import Settings, SettingsError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def main(context: click.Context) -> None:
    """An event-sourced registry of carriers.

    Every command reads the same settings as the server: the environment, then .env.
    Exit codes: 0 done, 1 not done, 2 wrong usage or settings. Most commands tell more apart: see
    the help page of each.
    """
    try:
        context.obj = Settings.from_env()
    except SettingsError as error:
        raise click.UsageError(str(error)) from error


for command in (*COMMANDS, feed, keys, parked, projections, schema):
    main.add_command(command)
