"""The carriers' addresses: schema in, command to the bus, envelope out."""

from typing import Any
from uuid import UUID

from flask import Response
from flask_smorest import Blueprint

from app.api.envelope import services, success
from app.api.request_cycle import command_context, deadline
from app.api.schemas import (
    CarrierSchema,
    FailureSchema,
    RegisterCarrierSchema,
    RegisteredSchema,
    success_of,
)
from app.api.strict_json import StrictJsonParser
from app.application.commands import RegisterCarrier


class StrictBlueprint(Blueprint):
    """A blueprint whose bodies are parsed strictly."""

    ARGUMENTS_PARSER = StrictJsonParser()


blueprint = StrictBlueprint("carriers", __name__, description="Companies that carry goods")


@blueprint.post("/register-carrier")
@blueprint.arguments(RegisterCarrierSchema)
@blueprint.response(201, success_of(RegisteredSchema))
@blueprint.alt_response(422, schema=FailureSchema)
def register_carrier(body: dict[str, Any]) -> Response:
    """Register a carrier."""
    done = services().bus.dispatch(RegisterCarrier(**body), command_context())
    return success(
        {"message": "Carrier registered successfully", "carrier_id": done.carrier_id},
        201,
        {"Location": f"/carriers/{done.carrier_id}", "ETag": f'"{done.version}"'},
    )


@blueprint.get("/carriers/<uuid:carrier_id>")
@blueprint.response(200, success_of(CarrierSchema))
@blueprint.alt_response(404, schema=FailureSchema)
def show_carrier(carrier_id: UUID) -> Response:
    """Show a carrier as its events tell it now."""
    view = services().carriers.show(str(carrier_id), deadline())
    return success(
        {
            "carrier_id": view.carrier_id,
            "name": view.state.name,
            "email": view.state.email,
            "version": view.version,
            "registered_at": view.registered_at.isoformat(timespec="milliseconds"),
        },
        headers={"ETag": f'"{view.version}"'},
    )
