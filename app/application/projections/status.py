"""A view's status, as `projections status`, `/health/ready` and `/metrics` show it to operators."""

from dataclasses import dataclass

from app.application.deadline import Deadline
from app.application.ports.views import View, ViewStore
from app.application.projections import PROJECTIONS, Projection


@dataclass(frozen=True, slots=True)
class ViewStatus:
    """The generations of one version of a projection, and their checkpoints in the feed.

    `live` is the generation that queries read; None while this version has none. `building` is the
    generation that is being built, `built_up_to` its checkpoint; None if there is none.
    `checkpoint`, `parked` (streams) and `discarded` (events) are those of the live generation, or
    else of the one being built.
    """

    key: str
    live: int | None
    checkpoint: int
    parked: int
    discarded: int
    building: int | None
    built_up_to: int | None

    @property
    def is_made(self) -> bool:
        """Whether a generation is live and can answer queries."""
        return self.live is not None


def status_of(projection: Projection, views: ViewStore, deadline: Deadline) -> ViewStatus:
    """The status of this release's version of the projection. Raises StoreUnavailable."""
    return status_by_key(projection.key, views, deadline)


def status_by_key(key: str, views: ViewStore, deadline: Deadline) -> ViewStatus:
    """The status of any version, by its `Projection.key`. Raises StoreUnavailable."""
    now = views.generations(key, deadline)
    built = now.building and views.progress(View(key, now.building), deadline)
    shown = views.progress(View(key, now.live), deadline) if now.live else built
    return ViewStatus(
        key,
        now.live,
        shown.checkpoint if shown else 0,
        len(shown.parked) if shown else 0,
        len(shown.discarded) if shown else 0,
        now.building,
        built.checkpoint if built else None,
    )


def views_of_other_releases(views: ViewStore, deadline: Deadline) -> list[str]:
    """The keys of the views that are kept and are not this release's. Raises StoreUnavailable."""
    ours = {projection.key for projection in PROJECTIONS.values()}
    # The first releases wrote to a view on Cassandra without naming it.
    unnamed = {name for name in PROJECTIONS if views.progress(View(name, 1), deadline).revision > 0}
    return sorted({*views.projections(deadline), *unnamed} - ours)
