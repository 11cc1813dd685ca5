"""Signs of life for orchestrators, and figures for Prometheus."""

from flask import Response
from flask_smorest import Blueprint

from app.api.envelope import services, success
from app.api.schemas import FailureSchema, StatusSchema, success_of
from app.application.deadline import Deadline
from app.application.ports import StoreUnavailable

READY_SECONDS = 0.5
_EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8"

blueprint = Blueprint("health", __name__, description="Health and metrics")


@blueprint.get("/health/live")
@blueprint.response(200, success_of(StatusSchema))
def live() -> Response:
    """The process answers."""
    return success({"status": "alive"})


@blueprint.get("/health/ready")
@blueprint.response(200, success_of(StatusSchema))
@blueprint.alt_response(503, schema=FailureSchema)
def ready() -> Response:
    """The process answers, and so did the store, within half a second."""
    services().store.ping(Deadline.after(READY_SECONDS))
    return success({"status": "ready"})


@blueprint.get("/metrics")
@blueprint.response(200, content_type="text/plain")
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
