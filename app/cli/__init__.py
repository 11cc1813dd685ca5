"""The command line interface: `carriers --help`."""

import atexit
import gc

import click

from app.cli.exit_codes import INVALID
from app.cli.groups import LazyGroup
from app.cli.output import note
from app.domain.commands import SENTENCES

_CARRIERS, _DIRECTORY, _BACKUP = "app.cli.carriers", "app.cli.directory", "app.cli.backup"

_OTHERS = {
    "audit": (
        "app.cli.audit",
        "Write who changed what from what to what as CSV, to FILE or stdout.",
    ),
    "backup": (
        _BACKUP,
        "Copy the registry into FILE while the service runs: events, claims and API keys.",
    ),
    "blocks": (
        _CARRIERS,
        "List a carrier's blocks, preferences and overrides, and which hold on a day.",
    ),
    "demo": (
        "app.cli.demo",
        "Fill an empty registry with 200 made-up carriers and two years of history.",
    ),
    "doctor": (
        "app.cli.doctor",
        "Say what could lose or leak data: how the store is set up, and who can reach it.",
    ),
    "documents": (_CARRIERS, "List a carrier's documents, and which of them hold on a day."),
    "duplicates": (
        "app.cli.duplicates",
        "List carriers that may be one company, the likeliest pairs first.",
    ),
    "eligibility": (
        _CARRIERS,
        "Tell whether a carrier can be given a piece of work, rule by rule.",
    ),
    "export": (_DIRECTORY, "Write carriers as CSV, to FILE or stdout."),
    "feed": ("app.cli.feed", "The one order of all events of all carriers."),
    "history": (
        _CARRIERS,
        "List what happened to a carrier, oldest first: who, when, and what it changed.",
    ),
    "import": (
        "app.cli.imports",
        "Register and change carriers by the rows of a CSV: plan, apply, undo.",
    ),
    "keys": ("app.cli.keys", "API keys: create, list, revoke."),
    "list": (_DIRECTORY, "List carriers, page by page."),
    "parked": (
        "app.cli.parked",
        "Streams with an event that a view cannot apply: list, retry, discard.",
    ),
    "policy": (
        "app.cli.policy",
        "What is asked of carriers that are to be given work: show it, list its history, adopt"
        " another.",
    ),
    "projections": (
        "app.cli.projections",
        "The views that answer queries: show their progress, rebuild them.",
    ),
    "restore": (
        _BACKUP,
        "Restore the registry from FILE, a copy that `carriers backup` or SQLite has made.",
    ),
    "schema": ("app.cli.schema", "Bring the schema of the settings' Cassandra up to date."),
    "search": (_DIRECTORY, "Find carriers by prefixes of words."),
    "show": (_CARRIERS, "Show a carrier: as it is now, as it was, or as it is to be."),
    "top": ("app.cli.top", "Show what a running service does: rates, lag, slowest routes."),
    "vetting": (_CARRIERS, "Show a vetting as it was recorded: the same for ever."),
}

COMMANDS = {name: (_CARRIERS, sentence) for name, sentence in SENTENCES.items()} | _OTHERS
"""Where each command is, and what its own help page begins with."""

# An interpreter that ends looks for cycles among all that was imported: a fifth of what a short
# command costs.
atexit.register(gc.freeze)


class WrongSettings(click.ClickException):
    """The settings are invalid; the message is one line."""

    exit_code = INVALID


@click.group(
    cls=LazyGroup, where=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="distributing-carriers", prog_name="carriers")
@click.pass_context
def main(context: click.Context) -> None:
    """An event-sourced registry of carriers.

    Every command reads the same settings as the server: the environment, then .env.
    The help page of each command lists its exit codes.
    """
    from config.settings import Settings, SettingsError  # noqa: PLC0415 - no help page needs them

    try:
        context.obj = Settings.from_env()
    except SettingsError as error:
        raise WrongSettings(str(error)) from error
    for warning in context.obj.warnings:
        note(f"Warning: {warning}")
