"""One handler a command: load, let the aggregate decide, append. No rule is decided here."""

from dataclasses import dataclass

from app.application.bus import Handler
from app.application.commands import CommandContext, RegisterCarrier
from app.application.repository import CarrierRepository
from app.domain.carrier import Carrier


@dataclass(frozen=True, slots=True)
class CommandDone:
    """What a caller is told: the carrier and the version that the command left it at."""

    carrier_id: str
    version: int


class CarrierHandlers:
    """Carries out commands on carriers of one repository."""

    def __init__(self, carriers: CarrierRepository) -> None:
        self._carriers = carriers

    def register(self, command: RegisterCarrier, context: CommandContext) -> CommandDone:
        """Begin the stream of a new carrier."""
        carrier = Carrier(context.new_carrier_id)
        carrier.register(command.name, command.email)
        appended = self._carriers.save(carrier, context)
        return CommandDone(carrier.id, appended.version)

    def table(self) -> dict[type, Handler]:
        """Which handler takes which command."""
        return {RegisterCarrier: self.register}
