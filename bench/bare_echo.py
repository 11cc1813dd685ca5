"""A peer: the least that Flask and Marshmallow can do with such a request. It keeps nothing."""

from typing import Any

from flask import Flask, Response, jsonify, request
from marshmallow import Schema, ValidationError, fields, validate


class CarrierSchema(Schema):
    """The shape of a carrier, in Marshmallow's own terms."""

    name = fields.Str(required=True, validate=validate.Length(1, 255))
    email = fields.Email(required=True)


def create_app() -> Flask:
    """Check what came and send it back."""
    app = Flask(__name__, static_folder=None)
    schema = CarrierSchema()

    @app.post("/register-carrier")
    def echo() -> tuple[Response, int]:
        carrier: dict[str, Any] = schema.load(request.get_json())
        return jsonify(carrier), 201

    @app.errorhandler(ValidationError)
    def invalid(error: ValidationError) -> tuple[Response, int]:
        return jsonify(error.messages), 422

    return app
