"""Health: how far the views are behind the feed, and the streams that they have stopped
following."""

from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from flask import Response, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from app.api.http.authentication import DESK
from app.api.http.envelope import services
from app.api.http.request_cycle import deadline
from app.application.doctor import EVENTS_BEHIND
from app.application.operations import BAD_REASON, is_reason
from app.application.projections import PROJECTIONS
from app.application.projections.status import ViewStatus
from app.desk.frame import blueprint, go_to, page


@dataclass(frozen=True, slots=True)
class ViewState:
    """A projection's view, and how many events of the feed it does not hold yet."""

    name: str
    status: ViewStatus
    lag: int

    @property
    def needs_somebody(self) -> bool:
        """Whether it does not come right by itself, or takes long to. One that is being made of an
        empty feed holds all there is."""
        return self.lag > (EVENTS_BEHIND if self.status.is_made else 0)


@blueprint.get("/health")
def show_health() -> Response:
    """The feed, the views and the parked streams."""
    feed = services().feed.standing(deadline())
    return page(
        "health.html",
        feed=feed,
        views=view_states(),
        parked=services().operations.parked(deadline()),
        asked=request.args.get("asked"),
    )


@blueprint.get("/findings")
def show_findings() -> Response:
    """What could lose or leak data, as `carriers doctor` says it: looked up now."""
    with services().directory.place():
        return page("findings.html", findings=services().operations.examine())


@blueprint.post("/parked/<projection>/<uuid:stream>")
def settle(projection: str, stream: UUID) -> AnyResponse:
    """Ask for another try at a parked stream, or discard the event at which it is parked."""
    discards = request.form.get("step") == "discard"
    reason = request.form.get("reason", "").strip() if discards else None
    if reason is not None and not is_reason(reason):
        raise BadRequest(f"The reason {BAD_REASON}")
    is_parked = projection in PROJECTIONS and services().operations.settle(
        projection, str(stream), reason, deadline()
    )
    if not is_parked:
        text = "This stream is not parked any more, so there is nothing to do"
        return page("message.html", HTTPStatus.NOT_FOUND, title="Nothing to do", text=text)
    return go_to(f"{DESK}/health?asked={'discard' if discards else 'retry'}")


def view_states() -> list[ViewState]:
    """The views of this release."""
    statuses = {name: services().directory.status(name, deadline()) for name in PROJECTIONS}
    head = services().feed.head(deadline())  # afterwards: no view is ahead of it then
    return [
        ViewState(name, status, max(0, head - status.checkpoint))
        for name, status in statuses.items()
    ]
