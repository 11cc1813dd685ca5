"""A peer: the same job done with the `eventsourcing` package, in the way of its own manual."""

from pathlib import Path
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from flask import Flask, Response, jsonify, request
from marshmallow import ValidationError

from bench.bare_echo import CarrierSchema


class Carrier(Aggregate):
    """A company that carries goods."""

    @event("Registered")
    def __init__(self, name: str, email: str) -> None:
        self.name = name
        self.email = email

    @event("Changed")
    def change(self, name: str, email: str) -> None:
        """Take another name and address."""
        self.name = name
        self.email = email


class Carriers(Application[UUID]):
    """Registers carriers and changes them."""

    def register(self, name: str, email: str) -> UUID:
        """The id of the new carrier."""
        carrier = Carrier(name, email)
        self.save(carrier)
        return carrier.id

    def change(self, carrier_id: UUID, name: str, email: str) -> None:
        """Load the carrier, change it, save it."""
        carrier: Carrier = self.repository.get(carrier_id)
        carrier.change(name, email)
        self.save(carrier)


def open_carriers(path: Path) -> Carriers:
    """The application over a SQLite file: WAL, and SQLite's default synchronous=FULL."""
    module = "eventsourcing.sqlite"
    return Carriers(env={"PERSISTENCE_MODULE": module, "SQLITE_DBNAME": str(path)})


def create_app(path: str) -> Flask:
    """Check what came, register it, say where it is."""
    app = Flask(__name__, static_folder=None)
    schema = CarrierSchema()
    carriers = open_carriers(Path(path))

    @app.post("/register-carrier")
    def register() -> tuple[Response, int]:
        carrier_id = carriers.register(**schema.load(request.get_json()))
        return jsonify({"carrier_id": str(carrier_id)}), 201

    @app.errorhandler(ValidationError)
    def invalid(error: ValidationError) -> tuple[Response, int]:
        return jsonify(error.messages), 422

    return app
