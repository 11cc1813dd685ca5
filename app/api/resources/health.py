"""Signs of life for orchestrators, and figures for Prometheus."""

from flask import Response

from app.api.http.contract import ANYWHERE, Answer, ContractBlueprint
from app.api.http.envelope import services, success
from app.api.resources import representations as shown
from app.api.schemas.answers import ReadySchema, StatusSchema
from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.application.ports.telemetry import Followed
from app.application.projections import PROJECTIONS
from app.application.readiness import ask_whether_ready

READY_SECONDS = 0.5
_EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8"

blueprint = ContractBlueprint("health", __name__, description="Health and metrics")


@blueprint.view("/health/live", {200: Answer("It lives", (StatusSchema,))}, ANYWHERE)
def live() -> Response:
    """The process answers."""
    return success({"status": "alive"})


@blueprint.view("/health/ready", {200: Answer("It is ready", (ReadySchema,))}, ANYWHERE)
def ready() -> Response:
    """The process answers, and within half a second the store did what commands need of it (on
    Cassandra: a majority answered). Else 503, and a sentence says whether this instance should
    leave its load balancer, or no other one does better. `views` says of each view whether there is
    one made by this release, and how far it is: until then queries get 503, while commands do
    without."""
    soon = Deadline.after(READY_SECONDS)
    ask_whether_ready(services().store, soon)
    followed = _followed(soon)
    views = (
        {}
        if followed is None
        else {
            name: shown.view_status(status, followed.head)
            for name, status in followed.views.items()
        }
    )
    return success({"status": "ready", "views": views})


@blueprint.view("/metrics", {200: Answer("The figures", media_type="text/plain")}, (*ANYWHERE, 421))
def metrics() -> Response:
    """The figures of all workers, in Prometheus' text format."""
    soon = Deadline.after(READY_SECONDS)
    try:
        services().store.ping(soon)
        up = True
    except StoreUnavailable:
        up = False
    body = services().telemetry.exposition(up, _followed(soon) if up else None)
    return Response(body, content_type=_EXPOSITION_TYPE)


def _followed(deadline: Deadline) -> Followed | None:
    directory = services().directory
    try:
        views = {name: directory.status(name, deadline) for name in PROJECTIONS}
        # After the views, which cannot be ahead of it then.
        head = services().feed.head(deadline)
    except StoreUnavailable:
        return None
    return Followed(head, views)
