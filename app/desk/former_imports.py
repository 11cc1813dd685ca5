"""An import by its id: what it has changed, and taking that back, without its file.

The address can be sent to somebody else. What it shows comes from the feed, which has the import's
events; the forms of `imports` do the same from the file, without reading the feed.
"""

from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final
from uuid import UUID

from flask import Response

from app.api.http.authentication import IMPORT
from app.api.http.envelope import services
from app.api.http.errors import note, problem_of
from app.api.http.request_cycle import deadline
from app.api.resources import representations as shown
from app.api.resources.imports import MAX_ROWS, is_time_over
from app.application.imports.former import FormerImport
from app.application.imports.plan import ImportId, RowPlan
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.desk.frame import blueprint, caller, page
from app.desk.imports import ShownRow, may_undo

FURTHEST: Final = 100_000
"""Rows of a longer file are left to the shell: to look for them would take the page's time."""

_BY_SHELL: Final = "take it back by `carriers import undo {id}` in a shell"
_TOO_MANY: Final = f"This import has changed more than {MAX_ROWS:,} carriers: {_BY_SHELL}"
_NOT_ALL: Final = (
    "There was no time to look at more than {count}: take back what is shown, then look again"
)
_GO_ON: Final = "Go on: what is done already is passed over"


@blueprint.get(IMPORT)
def show_import(import_id: UUID) -> Response:
    """What would be taken back, as far as there is time to look."""
    one, plans, problem = _former(import_id), list[RowPlan](), None
    with services().directory.place():
        for plan in one.undone(dry_run=True):
            if len(plans) == MAX_ROWS:
                problem = _TOO_MANY.format(id=import_id)
                break
            plans.append(plan)
            if is_time_over():
                problem = _NOT_ALL.format(count=len(plans))
                break
    is_possible = len(plans) < MAX_ROWS or problem is None
    return _page(one, plans, problem, is_confirmed=False, may_go_on=is_possible)


@blueprint.post(IMPORT)
def take_import_back(import_id: UUID) -> Response:
    """What there was time to take back, one row at least; once more goes on."""
    one, plans, problem, status = _former(import_id), list[RowPlan](), None, HTTPStatus.OK
    with services().directory.place():
        try:
            for plan in one.undone(dry_run=False):
                plans.append(plan)
                if plan.steps and is_time_over():
                    problem = f"There was no time for all of it. {_GO_ON}"
                    break
        except (StoreUnavailable, OutcomeUnknown) as error:
            note(error)
            problem = f"{problem_of(error).message}. {_GO_ON}"
            status = HTTPStatus.SERVICE_UNAVAILABLE
    return _page(one, plans, problem, status, is_confirmed=True, may_go_on=problem is not None)


def _former(import_id: UUID) -> FormerImport:
    return FormerImport(ImportId(import_id), services(), caller().name, deadline, FURTHEST)


def _page(
    one: FormerImport,
    plans: Sequence[RowPlan],
    problem: str | None,
    status: HTTPStatus = HTTPStatus.OK,
    *,
    is_confirmed: bool,
    may_go_on: bool,
) -> Response:
    """`may_go_on` says whether the page's button has something to do."""
    to_do = any(each.steps and not each.done for each in plans)
    return page(
        "former_import.html",
        status,
        import_id=one.id.id,
        rows=[ShownRow(_label(each), shown.import_row(each)) for each in plans],
        counts=Counter(each.kind for each in plans),
        problem=problem,
        is_confirmed=is_confirmed,
        may_undo=may_undo() and may_go_on and (is_confirmed or to_do),
    )


def _label(plan: RowPlan) -> str:
    return plan.state.name if plan.state else str(plan.carrier_id)
