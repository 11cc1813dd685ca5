"""Signs of life for orchestrators, and figures for Prometheus."""

from flask import Response

from app.api.answer_schemas import StatusSchema
from app.api.contract import ANYWHERE, Answer, ContractBlueprint
from app.api.envelope import services, success
from app.application.deadline import Deadline
from app.application.ports import StoreUnavailable

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

    def store_is_up() -> bool:
        try:
            services().store.ping(Deadline.after(READY_SECONDS))
        except StoreUnavailable:
            return False
        return True

    body = services().telemetry.exposition(store_is_up)
    return Response(body, content_type=_EXPOSITION_TYPE)
