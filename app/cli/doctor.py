"""`carriers doctor`: what could lose or leak data in the store of the settings."""

from collections import Counter
from collections.abc import Iterator, Sequence

import click

from app.application.doctor import Finding, Severity
from app.application.ports.errors import SchemaError
from app.bootstrap.doctor import examine
from app.cli.errors import UNAVAILABLE, CarrierCommand, CliError
from app.cli.exit_codes import DOCTOR_EXIT_CODES, SOMETHING_AT_RISK, SOMETHING_TO_KNOW
from app.cli.output import write_data
from config.settings import Settings


@click.command(cls=CarrierCommand, epilog=DOCTOR_EXIT_CODES)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_obj
def doctor(settings: Settings, *, as_json: bool) -> None:
    """Say what could lose or leak data: how the store is set up, and who can reach it.

    It only looks, and can be run at any time. Each finding has a code, which stays the same in
    later releases, and a sentence that says what to do.
    """
    try:
        findings = examine(settings)
    except SchemaError as error:  # the migrations of this release are not where they should be
        raise CliError(UNAVAILABLE, str(error)) from error
    data = {
        "store": settings.event_store,
        "findings": [
            {"code": each.code, "severity": each.severity.value, "sentence": each.sentence}
            for each in findings
        ],
    }
    write_data(data, _lines(findings), as_json=as_json)
    raise click.exceptions.Exit(_exit_code(findings))


def _lines(findings: Sequence[Finding]) -> Iterator[str]:
    for each in findings:
        yield f"{each.severity}: {each.code}"
        yield f"  {each.sentence}"
    count = Counter(each.severity for each in findings)
    if findings:
        yield f"At risk: {count[Severity.RISK]}; worth knowing: {count[Severity.NOTICE]}."
    else:
        yield "Nothing was found that could lose or leak data."


def _exit_code(findings: Sequence[Finding]) -> int:
    if any(each.severity is Severity.RISK for each in findings):
        return SOMETHING_AT_RISK
    return SOMETHING_TO_KNOW if findings else 0


COMMANDS = (doctor,)
