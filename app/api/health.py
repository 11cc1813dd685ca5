"""Signs of life for orchestrators, and figures for Prometheus."""

from flask import Response

from app.api.answer_schemas import StatusSchema
from app.api.contract import ANYWHERE, Answer, ContractBlueprint
from app.api.envelope import services, success
from app.application.deadline import Deadline
from app.application.ports import StoreUnavailable
from app.application.projections import PROJECTIONS
from app.application.services import Followed

READY_SECONDS = 0.5
_EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8"

blueprint = ContractBlueprint("health", __name__, description="Health and metrics")


@blueprint.view("/health/live", {200: Answer("It lives", (StatusSchema,))}, ANYWHERE)
def live() -> Response:
    """The process answers."""
    return success({"status": "alive"})


@blueprint.view("/health/ready", {200: Answer("It is ready", (StatusSchema,))}, (*ANYWHERE, 503))
def ready() -> Response:
    """The process answers, and so did the store, within half a second."""
    services().store.ping(Deadline.after(READY_SECONDS))
    return success({"status": "ready"})


@blueprint.view(
    "/metrics", {200: Answer("The figures", media_type="text/plain")}, (*ANYWHERE, 421, 503)
)
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
        views = {name: directory.standing(name, deadline).progress for name in PROJECTIONS}
        # After the views, which cannot be ahead of it then.
        head = services().feed.head(deadline)
    except StoreUnavailable:
        return None
    return Followed(
        head,
        {name: progress.checkpoint for name, progress in views.items()},
        {name: len(progress.parked) for name, progress in views.items()},
    )
