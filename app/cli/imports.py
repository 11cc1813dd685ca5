"""`carriers import`: the rows of a CSV, planned, applied and taken back, in this process.

command line → the file's columns → planner → the same bus, over the store of the settings
"""

from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from uuid import UUID

import click

from app.api.schemas.imports import read_values
from app.application.consistency import ViewNotMade
from app.application.deadline import Deadline
from app.application.imports.file import BadFile, CsvFile, Record
from app.application.imports.former import FormerImport
from app.application.imports.mappings import columns_by, kept_mappings
from app.application.imports.plan import REFUSE, ImportId, RowPlan
from app.application.imports.run import Import
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.services import Services
from app.cli.directory import catch_up
from app.cli.errors import (
    INVALID,
    NOT_FOUND,
    REFUSED,
    UNAVAILABLE,
    UNKNOWN,
    CarrierCommand,
    CliError,
)
from app.cli.exit_codes import IMPORT_EXIT_CODES
from app.cli.groups import CommandGroup
from app.cli.import_files import columns_of, read, show, taken
from app.cli.import_report import Report
from app.cli.opened import actor_name, context_of, opened
from app.cli.output import note, write_data
from app.domain.column_mappings import ColumnMapping, ForgetColumnMapping, KeepColumnMapping
from config.settings import Settings

_RUN = "run"
_HELP = ("-h", "--help")

Planned = Iterator[tuple[Record, RowPlan]]


class ImportGroup(CommandGroup):
    """`carriers import FILE` is `carriers import run FILE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See `click.Command`."""
        names = {*self.commands, *_HELP}
        return super().parse_args(ctx, [_RUN, *args] if args and args[0] not in names else args)


@click.group(name="import", cls=ImportGroup)
def import_() -> None:
    """Register and change carriers by the rows of a CSV: plan, apply, undo.

    `carriers import FILE` is `carriers import run FILE`. docs/csv.md says what a file may hold.
    """


_THERE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FILE = click.argument("file", type=_THERE)
_TAKE_BACK = "Take it back?"
_COLUMNS = click.option(
    "--columns",
    "columns_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Which column is which field, as --keep-columns has written it; else it is guessed.",
)
_MAPPING = click.option(
    "--mapping",
    metavar="NAME",
    help="Which column is which field, as --keep-mapping has kept it in the registry.",
)
_NAME = click.option(
    "--as",
    "name",
    default="",
    metavar="NAME",
    help="Make it another import than one of the same file before: each is done once.",
)
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Say what would be done, and no more.")
_YES = click.option("--yes", is_flag=True, help="Do not ask.")
_AS_JSON = click.option(
    "--json", "as_json", is_flag=True, help="Print a line of JSON for each row, for programs."
)


@import_.command(name=_RUN, cls=CarrierCommand, epilog=IMPORT_EXIT_CODES)
@_FILE
@_DRY_RUN
@_YES
@_COLUMNS
@click.option(
    "--keep-columns",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write which column was taken for which field, for --columns.",
)
@_MAPPING
@click.option(
    "--keep-mapping",
    metavar="NAME",
    help="Keep the same in the registry, under this name, for --mapping of all who import.",
)
@click.option(
    "--refused",
    "refused_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the rows that are refused, with the reason, to be mended and imported.",
)
@_NAME
@_AS_JSON
@click.pass_obj
def run(
    settings: Settings,
    file: Path,
    *,
    dry_run: bool,
    yes: bool,
    columns_file: Path | None,
    keep_columns: Path | None,
    mapping: str | None,
    keep_mapping: str | None,
    refused_file: Path | None,
    name: str,
    as_json: bool,
) -> None:
    """Show what each row of FILE would do, ask, and do it.

    It can be killed at any point: started again, it goes on, and each row is done once. A row is
    refused if its carrier was changed after it was shown. With --yes each row is planned just
    before it is applied, and nothing is shown before.
    """
    if refused_file is not None and refused_file.resolve() == file.resolve():
        raise click.UsageError("Write the refused rows to another file than the one they are in.")
    if dry_run and keep_mapping is not None:
        raise click.UsageError("--dry-run keeps nothing in the registry: leave out --keep-mapping.")
    source = read(file)
    with _import_of(settings, source, columns_file, mapping, name) as one:
        show(one.columns, keep_columns)
        if keep_mapping is not None:
            _keep(settings, one.services, keep_mapping, one.columns.as_json())
        note(f"Import {one.id.id}")
        digests = array("Q")

        def rows(dry: bool) -> Planned:
            if dry:
                return _noting(one.planned(), digests)
            return one.applied(None if yes else digests)

        _once_shown(source, rows, "Apply?", dry_run, yes, as_json, refused_file)


def _file_or_id(ctx: click.Context, param: click.Parameter, given: str) -> Path | ImportId:
    """The path of a file that is there, or else the id of an import."""
    if not Path(given).exists():
        with suppress(ValueError):
            return ImportId(UUID(given))
    return Path(str(_THERE.convert(given, param, ctx)))


@import_.command(cls=CarrierCommand, epilog=IMPORT_EXIT_CODES)
@click.argument("what", metavar="FILE|ID", callback=_file_or_id)
@_DRY_RUN
@_YES
@_COLUMNS
@_MAPPING
@_NAME
@_AS_JSON
@click.pass_obj
def undo(
    settings: Settings,
    what: Path | ImportId,
    *,
    dry_run: bool,
    yes: bool,
    columns_file: Path | None,
    mapping: str | None,
    name: str,
    as_json: bool,
) -> None:
    """Take back an import: retire what it registered, change back what it changed.

    ID is what the import has said, and the request_id of its lines in `carriers audit`. Or give the
    same FILE, --columns or --mapping, and --as as the import had: they say which import it was. A
    carrier that others have changed since stays as it is, and is listed. It can be killed at any
    point: started again, it goes on.
    """
    if isinstance(what, ImportId):
        if columns_file is not None or mapping is not None or name:
            raise click.UsageError(
                "The id says which import it was: leave out --columns, --mapping and --as."
            )
        with opened(settings) as (services, _):
            budget = partial(Deadline.after, settings.request_timeout)
            former = FormerImport(what, services, actor_name(), budget)

            def rows(dry: bool) -> Planned:
                return _by_rows(former.undone(dry_run=dry))

            _once_shown(None, rows, _TAKE_BACK, dry_run, yes, as_json)
        return
    source = read(what)
    with _import_of(settings, source, columns_file, mapping, name) as one:
        _once_shown(source, lambda dry: one.undone(dry_run=dry), _TAKE_BACK, dry_run, yes, as_json)


@import_.command(cls=CarrierCommand)
@click.option("--forget", metavar="NAME", help="Keep the mapping of this name no longer.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_obj
def mappings(settings: Settings, forget: str | None, *, as_json: bool) -> None:
    """List the column mappings that are kept in the registry, for --mapping."""
    with opened(settings, makes=forget is not None) as (services, deadline):
        kept = kept_mappings(services.mappings, deadline)
        if forget is not None:
            context = context_of(services, deadline, None, [])
            services.bus.dispatch(ForgetColumnMapping(forget), context)
            kept = {name: columns for name, columns in kept.items() if name != forget}
    lines = [f"{name}: {', '.join(taken(columns))}" for name, columns in kept.items()]
    write_data(dict(kept), lines or ["No column mapping is kept"], as_json=as_json)


def _keep(settings: Settings, services: Services, name: str, columns: ColumnMapping) -> None:
    """Keep the mapping under the name. Raises InvalidInput."""
    budget = Deadline.after(settings.request_timeout)
    context = context_of(services, budget, None, [])
    services.bus.dispatch(KeepColumnMapping(name, columns), context)


def _once_shown(
    source: CsvFile | None,
    rows: Callable[[bool], Planned],
    question: str,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    refused_file: Path | None = None,
) -> None:
    """Show what would be done, ask, and do it. `rows` gives the rows, for a dry run or as they are
    done."""
    if dry_run or not yes:
        report = Report(source, as_json=as_json, writes=False)
        report.follow(rows(True), refused_file)
        note(report.end("Plan"))
        if dry_run or not report.changes_something:
            _exit_by(report)
            return
        click.confirm(question, abort=True, err=True)
    report = Report(source, as_json=as_json, writes=True)
    _carry_out(report, rows(False), refused_file, shows=yes)
    note(report.end("Done"))
    _exit_by(report)


def _by_rows(plans: Iterator[RowPlan]) -> Planned:
    """Plans of an import without its file; raises a CliError if there are none."""
    is_found = False
    for plan in plans:
        is_found = True
        yield Record(plan.row, ()), plan
    if not is_found:
        raise CliError(NOT_FOUND, "No import with this id has changed anything")


@contextmanager
def _import_of(
    settings: Settings,
    source: CsvFile,
    columns_file: Path | None,
    mapping: str | None,
    name: str,
) -> Iterator[Import]:
    """The import over the settings' store; columns that no mapping says are looked at before that
    is opened. Identifiers are looked up in a view that holds what was appended before, as far as it
    can. Raises a CliError."""
    if mapping is not None and columns_file is not None:
        raise click.UsageError("Give --columns or --mapping, not both.")
    chosen = columns_of(source, columns_file) if mapping is None else None
    with opened(settings, makes=mapping is None) as (services, deadline):
        try:
            columns = chosen or columns_by(mapping, source.header, services.mappings, deadline)
            if columns.identify:
                catch_up(settings)
            yield Import(
                source,
                columns,
                services,
                read_values,
                actor_name(),
                lambda: Deadline.after(settings.request_timeout),
                name,
            )
        except BadFile as error:
            raise CliError(INVALID, error.sentence) from error
        except OSError as error:
            raise CliError(INVALID, f"The file cannot be read: {error.strerror}") from error
        except ViewNotMade as error:
            raise CliError(UNAVAILABLE, error.sentence) from error


def _noting(planned: Planned, digests: "array[int]") -> Planned:
    """The plans, with each one's digest noted."""
    for record, plan in planned:
        digests.append(plan.digest)
        yield record, plan


def _carry_out(report: Report, rows: Planned, refused: Path | None, *, shows: bool) -> None:
    """Raises a CliError that says how it goes on."""
    # Before the work, as a kill leaves no time for it.
    note("This can be interrupted at any time: started again, it goes on.")
    again = "Start it again: it goes on, and each row is done once"
    try:
        report.follow(rows, refused, shows=shows)
    except StoreUnavailable as error:
        raise CliError(UNAVAILABLE, f"The store failed: {error}", again) from error
    except OutcomeUnknown as error:
        raise CliError(
            UNKNOWN, f"It is not known whether a row was done: {error}", again
        ) from error


def _exit_by(report: Report) -> None:
    if count := report.counts[REFUSE]:
        rows = "1 row was" if count == 1 else f"{count:,} rows were"
        raise CliError(REFUSED, f"{rows} refused: see above")


COMMANDS = (import_,)
