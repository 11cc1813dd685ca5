"""Beside the way of the data: merges, also in processes that are killed on the way. A store is
named as in `tests/support/stores.py`, so that `tests/support/forks.py` can run `killed` on it."""

import os
import signal
from collections.abc import Callable, Mapping
from uuid import uuid4

from app.application.command_context import CommandContext
from app.application.handlers import CommandDone
from app.application.ports.event_store import (
    EventStore,
)
from app.domain.carrier import CarrierState
from app.domain.command import Command
from app.domain.commands.change_email import ChangeEmail
from app.domain.commands.merge import MergeCarrier
from app.domain.commands.register import RegisterCarrier
from app.domain.commands.retire import RetireCarrier
from app.domain.commands.unmerge import UnmergeCarrier
from app.domain.values import CarrierName, EmailAddress, Reason
from tests.support.application import Application, keyed
from tests.support.around_appends import AroundAppends
from tests.support.commits import context
from tests.support.stores import open_store, soon

WHY = Reason("One company")


class KilledStore(AroundAppends):
    """A store whose process is killed (kill -9) before or after its append of this number, from 1
    on."""

    def __init__(self, store: EventStore, number: int, *, is_after: bool) -> None:
        super().__init__(store)
        self._left = number
        self._is_after = is_after

    def before(self) -> None:
        """It is about to be done."""
        self._left -= 1
        if not self._left and not self._is_after:
            os.kill(os.getpid(), signal.SIGKILL)

    def after(self) -> None:
        """It is done."""
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)


def killed(place: str, number: int, is_after: bool, key: str, name: str, *of: str) -> None:
    """Send the command to the store at this place, and be killed on the way."""
    store = KilledStore(open_store(place), number, is_after=is_after)
    Application(store).do(COMMANDS[name](*of), keyed(key))


def merge(carrier: str, into: str, *take: str) -> MergeCarrier:
    """The command."""
    return MergeCarrier(carrier, into, WHY, take)


def unmerge(carrier: str) -> UnmergeCarrier:
    """The command."""
    return UnmergeCarrier(carrier, Reason("Two companies"))


def retire(carrier: str) -> RetireCarrier:
    """The command."""
    return RetireCarrier(carrier, Reason("Bankrupt"))


def email(carrier: str, address: str) -> ChangeEmail:
    """The command."""
    return ChangeEmail(carrier, EmailAddress(address))


def company(name: str, address: str, **profile: object) -> RegisterCarrier:
    """The command that registers it."""
    return RegisterCarrier(CarrierName(name), EmailAddress(address), profile)


class Patient(Application):
    """Its callers wait for long, as tests that run beside many others have to."""

    def do(self, command: Command, sent: CommandContext | None = None) -> CommandDone:
        """See `Application`."""
        return super().do(command, sent or context(30))


COMMANDS: Mapping[str, Callable[..., Command]] = {
    "merge": merge,
    "unmerge": unmerge,
    "company": company,
}


class Two:
    """Two carriers that are one company, with addresses that no other test uses."""

    def __init__(self, app: Application) -> None:
        self.app = app
        word = uuid4().hex
        self.address, self.other_address = f"a-{word}@example.com", f"b-{word}@example.com"
        self.merged = app.do(company("FedEx", self.address, phone="+498912345678")).stream
        self.survivor = app.do(company("FedEx Express", self.other_address)).stream

    def state(self, carrier: str) -> CarrierState:
        """As it is now."""
        return self.app.carriers.show(carrier, soon()).state

    def states(self) -> tuple[dict[str, object], dict[str, object]]:
        """What is shown of the merged one and of its survivor."""
        return self.state(self.merged).as_json(), self.state(self.survivor).as_json()

    def types(self) -> tuple[list[str], list[str]]:
        """What has happened to the two since they were registered."""
        skipped = ("CarrierRegistered", "CarrierProfileUpdated")
        return (
            [each for each in self.app.types(self.merged) if each not in skipped],
            [each for each in self.app.types(self.survivor) if each not in skipped],
        )

    def merge(self, *take: str) -> Command:
        """The command that makes them one."""
        return merge(self.merged, self.survivor, *take)


def sent(key: str) -> CommandContext:
    """The context of a request with an idempotency key of its own."""
    return keyed(f"{key} {uuid4()}")
