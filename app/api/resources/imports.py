"""The address that takes a file of carriers: CSV in, ordinary commands out, each row once."""

import io
from collections.abc import Iterator

from flask import Response, current_app

from app.api.http.authentication import IMPORT_SCOPES, IMPORTS
from app.api.http.contract import COMMAND, Answer, ContractBlueprint
from app.api.http.current import kept
from app.api.http.envelope import services, success
from app.api.http.request_cycle import deadline
from app.api.http.uploads import CSV, uploaded_csv
from app.api.http.validation import ValidationFailed
from app.api.resources import representations as shown
from app.api.schemas.imports import ImportQuery, ImportQuerySchema, ImportSchema, read_values
from app.application.imports.columns import guessed
from app.application.imports.file import BadFile, CsvFile, inspected
from app.application.imports.plan import RowPlan
from app.application.imports.run import Import
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable

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
_REFUSALS = tuple(status for status in COMMAND if status != 409)  # noqa: PLR2004 - a row's own

blueprint = ContractBlueprint("imports", __name__, description="Carriers from a file")


@blueprint.upload(IMPORTS, _FILE, IMPORT_SCOPES, _DONE, _REFUSALS, ImportQuerySchema)
def import_carriers(query: ImportQuery) -> Response:
    """Register and change carriers by the rows of a CSV, each row once.

    A row that breaks a rule is refused with a sentence; the others are done. The body is as large
    as any, of at most 1,000 rows: split a longer file, or use `carriers import`, which takes any.
    As many rows are done as half the request's time allows. If `next_row` is not null, or the
    connection breaks, send the same again: rows that are done are passed over.
    """
    body = uploaded_csv()
    with services().directory.place():
        try:
            one = _import_of(inspected(lambda: io.BytesIO(body)), query.name)
            rows, next_row = _taken(one, dry_run=query.dry_run)
        except BadFile as error:
            raise ValidationFailed({"file": error.sentence}) from error
    return success(
        {
            "import_id": str(one.id.id),
            "columns": one.columns.as_json(),
            "rows": [shown.import_row(plan) for plan in rows],
            "next_row": next_row,
        }
    )


def _import_of(file: CsvFile, name: str) -> Import:
    if file.rows > MAX_ROWS + 1:
        raise BadFile(f"The file has more than {MAX_ROWS:,} rows: split it, or import it by shell")
    caller: str = kept().caller.name
    return Import(file, guessed(file.header), services(), read_values, caller, deadline, name)


def _taken(one: Import, *, dry_run: bool) -> tuple[list[RowPlan], int | None]:
    """The rows that there was time for, and the first that there was none for. Raises
    OutcomeUnknown if the store fails at the first."""
    rest: float = current_app.config["REQUEST_TIMEOUT"] * (1 - SHARE_OF_TIME)
    rows: list[RowPlan] = []
    last = 1
    for plan in _until_it_fails(one, rows, dry_run=dry_run):
        rows.append(plan)
        last = plan.row
        if deadline().remaining() < rest:
            break
    following = next(iter(one.file.records(after=last)), None)
    return rows, None if following is None else following.number


def _until_it_fails(one: Import, done: list[RowPlan], *, dry_run: bool) -> Iterator[RowPlan]:
    """Of a row in which the store fails nobody knows how far it came, unless it was only planned;
    those before are told."""
    planned = one.planned() if dry_run else one.applied()
    try:
        for _, plan in planned:
            yield plan
    except (StoreUnavailable, OutcomeUnknown) as error:
        if dry_run:
            raise
        if not done:
            raise OutcomeUnknown("the store failed at the first row") from error
