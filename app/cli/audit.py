"""`carriers audit`: who changed what from what to what, as CSV.

command line → the API's query schema → Audit, in this process, over the feed and streams
"""

import click

from app.api.resources.audit_csv import audit_csv
from app.api.schemas.audit import AuditQuerySchema
from app.application.deadline import Deadline
from app.application.ports.feed import FeedRenewed
from app.application.queries import AskAudit
from app.cli import options
from app.cli.csv_file import write_csv
from app.cli.errors import UNAVAILABLE, CarrierCommand, CliError
from app.cli.opened import opened
from config.settings import Settings


@click.command(cls=CarrierCommand)
@click.argument("file", required=False, type=click.Path(dir_okay=False))
@click.option("--from", metavar="TIME", help="Recorded then or later: ISO 8601 with an offset.")
@click.option("--to", metavar="TIME", help="Recorded before that moment.")
@click.option("--actor", metavar="NAME", help="By this key, or cli:LOGIN.")
@click.option("--carrier", metavar="ID", help="Of this carrier; or `policy` or `column-mappings`.")
@click.pass_obj
def audit(settings: Settings, /, file: str | None, **given: str | None) -> None:
    """Write who changed what from what to what as CSV, to FILE or stdout.

    A line for each changed field: docs/csv.md says which columns there are. FILE is replaced once
    all is written, and can be read by its owner only.
    """
    query: AskAudit = options.loaded(AuditQuerySchema(), options.body_of(given))
    with opened(settings) as (services, _):
        pages = services.audit.pages(query, lambda: Deadline.after(settings.request_timeout))
        try:
            write_csv(audit_csv(pages), file)
        except FeedRenewed as error:
            sentence = "The registry was restored from a backup meanwhile: start again"
            raise CliError(UNAVAILABLE, sentence) from error


COMMANDS = (audit,)
