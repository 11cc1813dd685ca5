"""Where a day at the desk begins: what needs somebody, each with what settles it."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Response

from app.api.http.authentication import DESK
from app.api.http.envelope import services
from app.api.http.request_cycle import deadline
from app.api.schemas.directory import DirectoryQuerySchema
from app.application.ports.codec import UnreadableEvent
from app.application.ports.keys import Scope
from app.application.ports.views import Parked
from app.application.projections.eligibility import APPROVAL, CHANGE
from app.desk.duplicates import at_a_glance
from app.desk.frame import blueprint, page
from app.desk.health import ViewState, view_states
from app.domain.command import Declaration
from app.domain.commands import (
    approve,
    confirm_change,
    file_document,
    reinstate,
    replace_document,
    suspend,
)
from app.domain.documents import KINDS
from app.domain.policy.adopt import POLICY_ID
from app.domain.proposals import pending
from app.domain.state import ACTIVE, SUSPENDED

LIMIT = 10
"""How many carriers of a kind the page shows; the list has all of them."""

RECENT_DAYS, SOON_DAYS = 30, 30


@dataclass(frozen=True, slots=True)
class Carriers:
    """Carriers that need somebody for one reason, where all of them are, and the command that
    settles it."""

    title: str
    settled_by: Declaration
    rows: list[dict[str, Any]]
    address: str

    @property
    def scope(self) -> Scope:
        """What the command needs."""
        return Scope(self.settled_by.group)


@blueprint.get("", strict_slashes=True)
def home() -> Response:
    """Everything that waits."""
    groups = [each for each in _groups() if each.rows]
    parked: list[tuple[str, Parked]] = services().operations.parked(deadline())
    behind: list[ViewState] = [each for each in view_states() if each.needs_somebody]
    pairs = at_a_glance()
    return page("attention.html", groups=groups, parked=parked, behind=behind, pairs=pairs)


def _groups() -> Iterator[Carriers]:
    """Those of the policy only where it asks for something."""
    policy = services().policies.show(POLICY_ID, deadline()).state
    today = services().operations.clock().date()
    since, until = today - timedelta(days=RECENT_DAYS), today + timedelta(days=SOON_DAYS)
    waiting = "Changes that wait for a second person"
    yield _with_proposals(_carriers(waiting, confirm_change.DECLARATION, waiting=CHANGE))
    if policy.approval_required:
        yield _carriers("Not decided on yet", approve.DECLARATION, waiting=APPROVAL)
    asked = {each["kind"] for each in policy.requirements}
    for kind in (each for each in KINDS if each in asked):
        title = f"Without {kind.replace('-', ' ')}"
        yield _carriers(title, file_document.DECLARATION, missing=kind, state=ACTIVE)
    yield _carriers(
        f"Documents that end within {SOON_DAYS} days",
        replace_document.DECLARATION,
        expiring_before=until.isoformat(),
        sort="next_expiry",
        state=ACTIVE,
    )
    yield _carriers("Suspended", reinstate.DECLARATION, state=SUSPENDED)
    title = f"Incidents in the last {RECENT_DAYS} days"
    yield _carriers(title, suspend.DECLARATION, incidents_since=since.isoformat(), state=ACTIVE)


def _with_proposals(group: Carriers) -> Carriers:
    """With what each change would be, which the list does not hold."""
    carriers = services().carriers
    for row in group.rows:
        # Of one that cannot be read the page says below that lists have stopped following it.
        with suppress(UnreadableEvent):
            proposals = carriers.show(row["carrier_id"], deadline()).state.proposals
            row["pending"] = list(pending(proposals))
    return group


def _carriers(title: str, settled_by: Declaration, **asked: str) -> Carriers:
    query = DirectoryQuerySchema().load({**asked, "limit": str(LIMIT)})
    found = services().directory.page(query, deadline())
    address = f"{DESK}/carriers?{urlencode(asked)}"
    return Carriers(title, settled_by, found.rows, address)
