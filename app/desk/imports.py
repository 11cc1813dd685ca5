"""Import: choose a file, see what each row would do, mend, apply, and take it back.

Each page's form holds the file, so it can be sent again at any time, by a double click, by a page
that is loaded again or after an interruption: rows that are done are passed over.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice
from typing import Any

from flask import Response, request

from app.api.http.authentication import IMPORT_SCOPES, IMPORTS, IMPORTS_UNDO, UNDO_SCOPES
from app.api.http.envelope import services
from app.api.http.errors import note, problem_of
from app.api.http.request_cycle import deadline
from app.api.resources import representations as shown
from app.api.resources.imports import MAX_ROWS, keep_mapping, taken
from app.application.access.keys import NotPermitted
from app.application.csv_formulas import as_meant
from app.application.imports.columns import FIELDS, checked
from app.application.imports.file import BadFile, Record
from app.application.imports.mappings import kept_mappings
from app.application.imports.mending import RefusedRows
from app.application.imports.plan import NOTHING, REFUSE, RowPlan
from app.application.imports.run import Import, Planned
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.desk.drafts import Draft, cell_name, sent, uploaded
from app.desk.frame import blueprint, caller, page
from app.desk.words import label, scheme
from app.domain.errors import InvalidInput
from app.domain.profile.identifiers import SCHEMES

MENDED_AT_ONCE = 50
"""How many refused rows a page has fields for; a file has all of them."""

_CHANGED = "Something was changed since the plan was made: look at what would be done now"
_NO_TIME = "There was no time to look for all refused rows: split the file, or try again shortly"
_FIELDS = {each: scheme(each) if each in SCHEMES else label(each) for each in FIELDS}
_CSV = {"Content-Disposition": 'attachment; filename="refused.csv"'}


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that can be mended: its field, its column by the file's name, and its text."""

    name: str
    column: str
    text: str
    is_at_fault: bool


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row of the file: what it says of whom, what it does, and its cells if it is refused."""

    label: str
    plan: dict[str, Any]
    cells: Sequence[Cell] = ()


@blueprint.get(IMPORTS)
def begin_import() -> Response:
    """Choose a file."""
    for scope in IMPORT_SCOPES:
        if not caller().may(scope):
            raise NotPermitted(scope, caller())
    return _begin()


@blueprint.post(IMPORTS)
def carry_on_import() -> Response:
    """The plan of a file, or what a button of its page asks for."""
    step = request.form.get("step", "upload")
    try:
        draft = uploaded() if step == "upload" else sent()
    except BadFile as error:
        return _begin(error.sentence)
    with services().directory.place():
        match step:
            case "apply":
                return _apply(draft)
            case "refused":
                return _refused_rows(draft)
            case "keep":
                return _keep(draft)
            case "rest":
                return _rest(draft)
        return _plan(draft)


@blueprint.post(IMPORTS_UNDO)
def undo_import() -> Response:
    """What would be taken back of an import; then, confirmed, what was."""
    try:
        draft = sent()
        one = draft.opened()
    except BadFile as error:
        return _begin(error.sentence)
    is_confirmed = request.form.get("step") == "confirm"
    with services().directory.place():
        return _carried_out(
            "undo.html", draft, one, one.undone(dry_run=not is_confirmed), writes=is_confirmed
        )


def _begin(problem: str | None = None) -> Response:
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    mappings = kept_mappings(services().mappings, deadline())
    return page("import.html", status, problem=problem, max_rows=MAX_ROWS, mappings=list(mappings))


def _plan(draft: Draft, notice: str | None = None) -> Response:
    """What each row would do; if the columns are not fit to tell, why."""
    problem, rows, next_row = None, list[Planned](), None
    try:
        one = draft.opened()
        rows, next_row = taken(one, one.planned(), writes=False)
        draft = draft.with_plan(one, rows)
    except BadFile as error:
        problem = error.sentence
    return page(
        "plan.html",
        HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK,
        draft=draft,
        notice=notice,
        problem=problem,
        fields=_FIELDS,
        next_row=next_row,
        mended_at_once=MENDED_AT_ONCE,
        may_undo=may_undo(),
        **_shown(draft, rows),
    )


def _apply(draft: Draft) -> Response:
    """Do what was shown, and nothing else."""
    try:
        one = draft.opened()
    except BadFile:
        return _plan(draft)
    if draft.shown_of != str(one.id.id):
        return _plan(draft, _CHANGED)
    applied = islice(one.applied(draft.shown), len(draft.shown))
    return _carried_out("applied.html", draft, one, applied, writes=True)


def _carried_out(
    template: str, draft: Draft, one: Import, planned: Iterator[Planned], *, writes: bool
) -> Response:
    """The rows as they were, or would be, carried out, and the form that goes on."""
    problem, rows, next_row = None, list[Planned](), None
    try:
        rows, next_row = taken(one, planned, writes=writes)
    except BadFile as error:
        return _begin(error.sentence)
    except (StoreUnavailable, OutcomeUnknown) as error:
        note(error)
        problem = problem_of(error).message
    reached = request.form.get("reached", "")
    return page(
        template,
        HTTPStatus.SERVICE_UNAVAILABLE if problem else HTTPStatus.OK,
        draft=draft,
        problem=problem,
        import_id=one.id.id,
        next_row=next_row,
        goes_on=writes and next_row is not None and str(next_row) != reached,
        is_confirmed=writes,
        may_undo=may_undo(),
        **_shown(draft, rows),
    )


def _refused_rows(draft: Draft) -> Response:
    """The file of the rows that are refused, to be mended elsewhere."""
    try:
        one = draft.opened()
        rows, next_row = taken(one, one.planned(), writes=False)
    except BadFile as error:
        return _begin(error.sentence)
    if next_row is not None:
        return _plan(draft, _NO_TIME)
    refused = RefusedRows(draft.file)
    return Response(refused.whole(rows) or refused.header, mimetype="text/csv", headers=_CSV)


def _keep(draft: Draft) -> Response:
    """Keep the columns for all who import."""
    name = request.form.get("keep_mapping", "").strip()
    try:
        keep_mapping(name, checked(draft.columns))
    except BadFile:
        return _plan(draft)
    except InvalidInput as error:
        return _plan(draft, error.sentence)
    return _plan(draft, f"Which column is which is kept as {name}")


def _rest(draft: Draft) -> Response:
    """The rows that were refused as they were applied, as an import of their own."""
    given = request.form.get("refused", "").split(",")
    numbers = frozenset(int(each) for each in given if each.isascii() and each.isdecimal())
    return _plan(draft.of_rows(numbers))


def _shown(draft: Draft, rows: Sequence[Planned]) -> dict[str, Any]:
    """The rows as the pages have them."""
    plans = [plan for _, plan in rows]
    refused = [(record, plan) for record, plan in rows if plan.kind == REFUSE]
    return {
        "rows": [_row(draft, *each) for each in rows],
        "to_mend": [_row(draft, *each, mends=True) for each in refused[:MENDED_AT_ONCE]],
        "refused": [plan.row for _, plan in refused],
        "counts": Counter(plan.kind for plan in plans),
        "done": sum(plan.done for plan in plans),
        "to_do": sum(bool(plan.steps) and plan.kind != NOTHING for plan in plans if not plan.done),
    }


def _row(draft: Draft, record: Record, plan: RowPlan, *, mends: bool = False) -> ShownRow:
    return ShownRow(
        _label(draft, record),
        shown.import_row(plan),
        _cells(draft, record, plan) if mends else (),
    )


def _label(draft: Draft, record: Record) -> str:
    """By what people know the row: the carrier's name, or else what it says first."""
    place = draft.columns.place("name")
    named = record.cells[place : place + 1] if place is not None else []
    texts = (as_meant(cell).strip() for cell in (*named, *record.cells))
    return next((text for text in texts if text), "")


def _cells(draft: Draft, record: Record, plan: RowPlan) -> list[Cell]:
    """The row's cells that are read, and those that have no column."""
    header, fields = draft.file.header, draft.columns.fields
    texts = [*record.cells, *[""] * (len(header) - len(record.cells))]
    return [
        Cell(
            cell_name(record, place),
            header[place] if place < len(header) else f"Cell {place + 1}, without a column",
            as_meant(text),
            place < len(header) and header[place] == plan.column,
        )
        for place, text in enumerate(texts)
        if place >= len(header) or fields[place]
    ]


def may_undo() -> bool:
    """Whether the caller may take an import back."""
    return all(caller().may(scope) for scope in UNDO_SCOPES)
