"""The audit's address: who changed what from what to what, as a file."""

from collections.abc import Iterator
from errno import EPIPE

from flask import Response

from app.api.http.contract import IN_THE_REGISTRY, Answer, ContractBlueprint
from app.api.http.csv_file import CUT_SHORT, budgets, csv_file, refuse_http_1_0
from app.api.http.envelope import services
from app.api.resources.audit_csv import COLUMNS, audit_csv
from app.api.resources.feed_pages import watched_connection
from app.api.schemas.audit import AuditQuerySchema
from app.application.audit.audit import AuditLine
from app.application.queries import AskAudit

_FILE = {
    200: Answer(
        "A line for each field that an event changed, in UTF-8, after one with the names of the"
        " columns. Lists and objects are JSON in their cell; an apostrophe stands wherever a"
        " spreadsheet could see a formula begin (docs/csv.md says how it is read back). "
        + CUT_SHORT,
        media_type="text/csv",
        example=f"{','.join(COLUMNS)}\r\n",
    )
}

blueprint = ContractBlueprint("audit", __name__, description="Who changed what")


@blueprint.view("/audit.csv", _FILE, (*IN_THE_REGISTRY, 404, 410), query=AuditQuerySchema)
def export_audit(query: AskAudit) -> Response:
    """List who changed what from what to what, of all carriers and the policy, as one CSV file.

    The lines come in the order of the feed, up to the head that it has at the beginning; with
    `carrier` in the order of that carrier's versions, up to the last one. Moments are those of the
    processes that recorded the events, and need not ascend.
    """
    refuse_http_1_0()
    audit = services().audit
    pages = _while_wanted(audit.pages(query, budgets()))
    return csv_file("audit.csv", audit.place, pages, audit_csv, {"Cache-Control": "no-store"})


def _while_wanted(pages: Iterator[list[AuditLine]]) -> Iterator[list[AuditLine]]:
    """The pages; where nothing is found, nothing is written that would show that the client has
    left. Raises what writing would raise then: the file is not whole.

    The first page is not asked for it: whoever has ended only their own side still gets an answer.
    """
    has_left = watched_connection()
    for number, page in enumerate(pages):
        if number and not page and has_left():
            raise BrokenPipeError(EPIPE, "the client has left")
        yield page
