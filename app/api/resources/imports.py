"""The address that takes a file of carriers: CSV in, ordinary commands out, each row once."""

import io
from collections.abc import Iterator

from flask import Response, current_app

from app.api.http.authentication import (
    IMPORT_SCOPES,
    IMPORTS,
    IMPORTS_MAPPING,
    IMPORTS_MAPPINGS,
)
from app.api.http.command_context import command_context, context_of
from app.api.http.contract import COMMAND, IN_THE_REGISTRY, Answer, ContractBlueprint
from app.api.http.current import kept
from app.api.http.envelope import services, success
from app.api.http.request_cycle import deadline
from app.api.http.uploads import CSV, uploaded_csv
from app.api.http.validation import ValidationFailed
from app.api.http.versioned import left_at, versioned
from app.api.resources import representations as shown
from app.api.schemas.commands import CommandQuery
from app.api.schemas.imports import (
    ColumnMappingsSchema,
    ImportQuery,
    ImportQuerySchema,
    ImportSchema,
    MappingForgottenSchema,
    read_values,
)
from app.application.imports.columns import Columns, given
from app.application.imports.file import BadFile, CsvFile, inspected
from app.application.imports.mappings import UnknownMapping, columns_by
from app.application.imports.mending import RefusedRows
from app.application.imports.run import Import, Planned
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.domain.column_mappings import (
    COLUMN_MAPPINGS_ID,
    ColumnMappings,
    ForgetColumnMapping,
    KeepColumnMapping,
)

MAX_ROWS = 1000
"""How long a file may be here: each request begins with its first row. The shell takes any."""

SHARE_OF_TIME = 0.5
"""How much of a request's budget is for rows; what is left is enough for the one under way."""

_FILE = {
    "media_type": CSV,
    "description": "A header, whose columns are recognised by their names, and a row for each"
    " carrier, as docs/csv.md says: the registry's own export, or what a spreadsheet saves.",
    "example": "Company;E-Mail;SCAC\nFedEx;contact@fedex.com;FDEG\n",
}
_DONE = {
    200: Answer("What each row did; with `dry_run`, what it would do", (ImportSchema,)),
}
_MAPPINGS = {
    200: Answer("The mappings", (ColumnMappingsSchema,), ("ETag",)),
    304: Answer("They are at a version that If-None-Match names", headers=("ETag",)),
}
_FORGOTTEN = {
    200: Answer(
        "Done; with `dry_run`, what would be done",
        (MappingForgottenSchema,),
        ("ETag", "Idempotent-Replay"),
    )
}
_REFUSALS = tuple(status for status in COMMAND if status != 409)  # noqa: PLR2004 - a row's own

blueprint = ContractBlueprint("imports", __name__, description="Carriers from a file")


@blueprint.upload(IMPORTS, _FILE, IMPORT_SCOPES, _DONE, _REFUSALS, ImportQuerySchema)
def import_carriers(query: ImportQuery) -> Response:
    """Register and change carriers by the rows of a CSV, each row once.

    A row that breaks a rule is refused with a sentence; the others are done, and `refused_file` has
    those that were refused, to be mended and sent as a file of their own. The body is as large
    as any, of at most 1,000 rows: split a longer file, or use `carriers import`, which takes any.
    As many rows are done as half the request's time allows. If `next_row` is not null, or the
    connection breaks, send the same again: rows that are done are passed over.
    """
    body = uploaded_csv()
    with services().directory.place():
        try:
            file = inspected(lambda: io.BytesIO(body))
            one = import_of(file, _columns(file, query), query.name)
            if query.keep_mapping:
                keep_mapping(query.keep_mapping, one.columns)
            planned = one.planned() if query.dry_run else one.applied()
            rows, next_row = taken(one, planned, writes=not query.dry_run)
            refused = RefusedRows(file).whole(rows)
        except UnknownMapping as error:
            raise ValidationFailed({"mapping": error.sentence}) from error
        except BadFile as error:
            raise ValidationFailed({"file": error.sentence}) from error
    return success(
        {
            "import_id": str(one.id.id),
            "columns": one.columns.as_json(),
            "rows": [shown.import_row(plan) for _, plan in rows],
            "refused_file": refused and refused.decode(),
            "next_row": next_row,
        }
    )


@blueprint.view(IMPORTS_MAPPINGS, _MAPPINGS, (*IN_THE_REGISTRY, 412))
def show_column_mappings() -> Response:
    """Show the column mappings that are kept for imports, by their names."""
    view = services().mappings.show(COLUMN_MAPPINGS_ID, deadline())
    data = {"version": view.version, **view.state.as_json()}
    return versioned(data, ColumnMappings.noun, COLUMN_MAPPINGS_ID, view.version)


@blueprint.removal(
    IMPORTS_MAPPING, IMPORT_SCOPES, _FORGOTTEN, (*IN_THE_REGISTRY, 404, 409, 412, 422)
)
def forget_column_mapping(query: CommandQuery, mapping_name: str) -> Response:
    """Forget a column mapping that is kept for imports; imports that were read by it stay."""
    context = command_context(dry_run=query.dry_run, said={"name": mapping_name})
    done = services().bus.dispatch(ForgetColumnMapping(mapping_name), context)
    return success({"version": done.version}) if query.dry_run else left_at(done)


def _columns(file: CsvFile, query: ImportQuery) -> Columns:
    """The file's columns as the query says. Raises ValidationFailed and BadFile."""
    if query.columns is None:
        return mapped(file, query.mapping)
    try:
        return given(file.header, query.columns)
    except BadFile as error:
        raise ValidationFailed({"columns": error.sentence}) from error


def mapped(file: CsvFile, mapping: str | None) -> Columns:
    """The file's columns by the mapping that is kept under this name; guessed, without one. Raises
    BadFile."""
    return columns_by(mapping, file.header, services().mappings, deadline())


def keep_mapping(name: str, columns: Columns) -> None:
    """Keep the mapping under this name, by the current request's caller. Raises InvalidInput."""
    services().bus.dispatch(
        KeepColumnMapping(name, columns.as_json()),
        context_of(None, None, None, dry_run=False),
    )


def import_of(file: CsvFile, columns: Columns, name: str) -> Import:
    """The import of a file by the current request's caller. Raises BadFile for a long one."""
    if file.rows > MAX_ROWS + 1:
        raise BadFile(f"The file has more than {MAX_ROWS:,} rows: split it, or import it by shell")
    caller: str = kept().caller.name
    return Import(file, columns, services(), read_values, caller, deadline, name)


def taken(
    one: Import, planned: Iterator[Planned], *, writes: bool
) -> tuple[list[Planned], int | None]:
    """The rows of a pass over the import's file that there was time for, and the number of the
    first that there was none for. Raises BadFile; OutcomeUnknown if the store fails at the first
    row of a pass that writes."""
    rows: list[Planned] = []
    last = 1
    for record, plan in _until_it_fails(planned, rows, writes=writes):
        rows.append((record, plan))
        last = plan.row
        if is_time_over():
            break
    following = next(iter(one.file.records(after=last)), None)
    return rows, None if following is None else following.number


def is_time_over() -> bool:
    """Whether the request has used the share of its time in which rows are looked at."""
    rest: float = current_app.config["REQUEST_TIMEOUT"] * (1 - SHARE_OF_TIME)
    return deadline().remaining() < rest


def _until_it_fails(
    planned: Iterator[Planned], done: list[Planned], *, writes: bool
) -> Iterator[Planned]:
    """Of a row in which the store fails nobody knows how far it came, unless it was only planned;
    those before are told."""
    try:
        yield from planned
    except (StoreUnavailable, OutcomeUnknown) as error:
        if not writes:
            raise
        if not done:
            raise OutcomeUnknown("the store failed at the first row") from error
