"""An import by its id: what it has changed, and taking that back, without its file.

The address can be sent to somebody else. What it shows comes from the feed, which has the import's
events; the forms of `imports` do the same from the file, without reading the feed.
"""

from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from itertools import islice
from typing import Final
from uuid import UUID

from flask import Response, current_app

from app.api.http.authentication import IMPORT, UNDO_SCOPES
from app.api.http.envelope import services
from app.api.http.errors import note, problem_of
from app.api.http.request_cycle import deadline
from app.api.resources import representations as shown
from app.api.resources.imports import MAX_ROWS, SHARE_OF_TIME
from app.application.imports.former import FormerImport
from app.application.imports.plan import ImportId, RowPlan
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.desk.frame import blueprint, caller, page
from app.desk.imports import ShownRow

_TOO_MANY: Final = (
    f"This import has changed more than {MAX_ROWS:,} carriers: take it back by"
    " `carriers import undo {id}` in a shell"
)
_NO_TIME: Final = "There was no time for all of it. Go on: what is done already is passed over"


@blueprint.get(IMPORT)
def show_import(import_id: UUID) -> Response:
    """What would be taken back."""
    one = _former(import_id)
    with services().directory.place():
        plans = list(islice(one.undone(dry_run=True), MAX_ROWS + 1))
    problem = _TOO_MANY.format(id=import_id) if len(plans) > MAX_ROWS else None
    return _page(one, plans[:MAX_ROWS], problem, is_confirmed=False)


@blueprint.post(IMPORT)
def take_import_back(import_id: UUID) -> Response:
    """What there was time to take back; once more goes on."""
    one, plans, problem = _former(import_id), list[RowPlan](), None
    rest: float = current_app.config["REQUEST_TIMEOUT"] * (1 - SHARE_OF_TIME)
    with services().directory.place():
        try:
            for plan in one.undone(dry_run=False):
                plans.append(plan)
                if deadline().remaining() < rest:
                    problem = _NO_TIME
                    break
        except (StoreUnavailable, OutcomeUnknown) as error:
            note(error)
            problem = f"{problem_of(error).message}. Go on: what is done already is passed over"
    return _page(one, plans, problem, is_confirmed=True)


def _former(import_id: UUID) -> FormerImport:
    return FormerImport(ImportId(import_id), services(), caller().name, deadline)


def _page(
    one: FormerImport, plans: Sequence[RowPlan], problem: str | None, *, is_confirmed: bool
) -> Response:
    return page(
        "former_import.html",
        HTTPStatus.SERVICE_UNAVAILABLE if is_confirmed and problem else HTTPStatus.OK,
        import_id=one.id.id,
        rows=[ShownRow(_label(each), shown.import_row(each)) for each in plans],
        counts=Counter(each.kind for each in plans),
        problem=problem,
        is_confirmed=is_confirmed,
        to_do=any(each.steps and not each.done for each in plans),
        may_undo=all(caller().may(scope) for scope in UNDO_SCOPES),
    )


def _label(plan: RowPlan) -> str:
    return plan.state.name if plan.state else str(plan.carrier_id)
