"""`carriers demo`: fills an empty registry with made-up carriers, to look around in.

made-up deeds → the API's schemas → commands → a bus whose clock says when each was done
"""

from collections.abc import Mapping
from uuid import UUID, uuid5

import click

from app.api.schemas.commands import body_schema
from app.api.schemas.policy import PolicyBodySchema
from app.application.command_context import CommandContext
from app.application.deadline import Deadline
from app.application.made_up import Deed, deeds
from app.bootstrap import clock, dated_commands
from app.cli.errors import REFUSED, CarrierCommand, CliError, tell_done
from app.cli.exit_codes import DEMO_EXIT_CODES
from app.domain.command import Command
from app.domain.declarations import DECLARATIONS
from app.domain.policy.adopt import AdoptPolicy
from config.settings import Settings

PATIENCE_SECONDS = 15.0

_BY_NAME = {each.name: each for each in DECLARATIONS}
_COMMITS = UUID("4c0d4f3a-6f0e-5d0b-9d56-3d9a4b0a6c11")


@click.command(cls=CarrierCommand, epilog=DEMO_EXIT_CODES)
@click.pass_obj
def demo(settings: Settings) -> None:
    """Fill an empty registry with 200 made-up carriers and two years of history.

    They have documents, some of which end soon, and there is a policy, so that something waits for
    people. A registry that has an event already is left as it is.
    """
    done = deeds(clock())
    ids: dict[int, str] = {}
    with dated_commands(settings) as (dispatch, head):
        if head(Deadline.after(PATIENCE_SECONDS)):
            raise CliError(
                REFUSED,
                "This registry is not empty, and made-up carriers would stay in it for ever: name"
                " an empty one, such as SQLITE_PATH=demo.sqlite3",
            )
        for place, deed in enumerate(done):
            commit_id = uuid5(_COMMITS, str(place))
            context = CommandContext(
                commit_id, commit_id.hex, deed.actor, Deadline.after(PATIENCE_SECONDS)
            )
            stream = dispatch(deed.moment, _command(deed, ids), context).stream
            if deed.number is not None:
                ids[deed.number] = stream
    tell_done(f"{len(ids)} made-up carriers and {len(done)} commands are in the registry")


def _command(deed: Deed, ids: Mapping[int, str]) -> Command:
    """What the deed asks for, by the API's schema; `ids` are of the carriers that there are."""
    if deed.number is None:
        return AdoptPolicy(PolicyBodySchema().load(deed.body))
    declaration = _BY_NAME[deed.command]
    values = body_schema(declaration)().load(deed.body)
    return declaration.made(ids.get(deed.number, ""), values)


COMMANDS = (demo,)
