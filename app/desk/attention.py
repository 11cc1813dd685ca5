"""Where a day at the desk begins: what needs somebody, each with what settles it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Response

from app.api.http.authentication import DESK
from app.api.http.envelope import services
from app.api.http.request_cycle import deadline
from app.api.schemas.directory import DirectoryQuerySchema
from app.application.ports.views import Parked
from app.desk.duplicates import at_a_glance
from app.desk.frame import blueprint, page
from app.desk.health import ViewState, view_states
from app.domain.state import SUSPENDED

LIMIT = 10
"""How many carriers of a kind the page shows; the list has all of them."""

RECENT_DAYS = 30


@dataclass(frozen=True, slots=True)
class Carriers:
    """Carriers that need somebody for one reason, and where all of them are."""

    title: str
    action: str
    rows: list[dict[str, Any]]
    address: str


@blueprint.get("", strict_slashes=True)
def home() -> Response:
    """Everything that waits."""
    groups = [each for each in (_suspended(), _with_incidents()) if each.rows]
    parked: list[tuple[str, Parked]] = services().operations.parked(deadline())
    behind: list[ViewState] = [each for each in view_states() if each.needs_somebody]
    pairs = at_a_glance()
    return page("attention.html", groups=groups, parked=parked, behind=behind, pairs=pairs)


def _suspended() -> Carriers:
    return _carriers("Suspended", "reinstate", state=SUSPENDED)


def _with_incidents() -> Carriers:
    today = services().operations.clock().date()
    since = (today - timedelta(days=RECENT_DAYS)).isoformat()
    return _carriers(
        f"Incidents in the last {RECENT_DAYS} days",
        "suspend",
        incidents_since=since,
        state="active",
    )


def _carriers(title: str, action: str, **asked: str) -> Carriers:
    query = DirectoryQuerySchema().load({**asked, "limit": str(LIMIT)})
    found = services().directory.page(query, deadline())
    address = "&".join(f"{name}={text}" for name, text in asked.items())
    return Carriers(title, action, found.rows, f"{DESK}/carriers?{address}")
