"""What holds for scheduled changes on every store. Subclass it with a fixture `store`."""

from collections.abc import Callable
from datetime import timedelta
from itertools import count
from uuid import uuid4

import pytest

from app.application.ports.event_store import AlreadyClaimed, Claim, EventStore
from app.domain.commands.annotate import AnnotateCarrier
from app.domain.commands.cancel_scheduled_change import CancelScheduledChange
from app.domain.commands.change_email import ChangeEmail
from app.domain.commands.register import RegisterCarrier
from app.domain.commands.schedule_change import ScheduleChange
from app.domain.values import CarrierName, EmailAddress, Reason
from tests.support.application import Application, keyed
from tests.support.commits import MOMENT
from tests.support.stores import soon
from tests.support.threads import at_once

DAY = (MOMENT + timedelta(days=10)).date().isoformat()
WHY = Reason("It moves")
_numbers = count(1)


def address() -> EmailAddress:
    """One that nobody has had before."""
    return EmailAddress(f"scheduled{next(_numbers)}@example.com")


def registered(app: Application, email: EmailAddress) -> str:
    """The id of a new carrier."""
    return app.do(RegisterCarrier(CarrierName("FedEx"), email), keyed(uuid4().hex)).stream


def schedule(carrier_id: str, email: EmailAddress) -> ScheduleChange:
    """The command, for DAY."""
    return ScheduleChange(carrier_id, DAY, WHY, email=email)


class ScheduledContract:
    """An address that is scheduled is taken; the former one is free once the effect is recorded."""

    @pytest.fixture
    def app(self, store: EventStore) -> Application:
        """The application on the store."""
        return Application(store)

    @pytest.fixture
    def owner(self, store: EventStore) -> Callable[[EmailAddress], str | None]:
        """Who has an address."""
        return lambda email: store.owner(Claim("email", email.text), soon())

    def test_nobody_else_can_take_what_is_scheduled(
        self, app: Application, owner: Callable[[EmailAddress], str | None]
    ) -> None:
        """Nor schedule it; whoever cancels it gives it back."""
        former, new = address(), address()
        ours, theirs = registered(app, former), registered(app, address())
        app.do(schedule(ours, new))
        assert (owner(former), owner(new)) == (ours, ours)
        for command in (ChangeEmail(theirs, new), schedule(theirs, new)):
            with pytest.raises(AlreadyClaimed):
                app.do(command)
        app.do(CancelScheduledChange(ours, 1, WHY))
        assert (owner(former), owner(new)) == (ours, None)
        app.do(schedule(theirs, new))
        assert owner(new) == theirs

    def test_of_two_who_schedule_it_at_once_one_has_it(self, app: Application) -> None:
        """The other one is refused, and can schedule another."""
        new, carriers = address(), [registered(app, address()) for _ in range(2)]

        def try_to(number: int) -> bool:
            try:
                app.do(schedule(carriers[number], new))
            except AlreadyClaimed:
                return False
            return True

        done = at_once(2, try_to)
        assert sorted(done) == [False, True]
        assert app.do(schedule(carriers[done.index(False)], address())).version == 2

    def test_the_former_address_is_free_with_the_first_command_after(
        self,
        app: Application,
        store: EventStore,
        owner: Callable[[EmailAddress], str | None],
    ) -> None:
        """Which is told with its key what it was told at first. Until then nobody has both but
        the carrier itself."""
        former, new = address(), address()
        ours = registered(app, former)
        app.do(schedule(ours, new))
        later = Application(store, MOMENT + timedelta(days=11))
        view = later.carriers.show(ours, soon())
        assert later.carriers.current(view.state).email == new.text
        assert (owner(former), owner(new)) == (ours, ours)
        note, sent = AnnotateCarrier(ours, "Asked"), keyed(uuid4().hex)
        done = later.do(note, sent)
        assert (done.version, later.do(note, sent).version) == (4, 4)
        assert later.types(ours)[-2:] == ["CarrierScheduledChangeTookEffect", "CarrierAnnotated"]
        assert (owner(former), owner(new)) == (None, ours)
        assert later.carriers.show(ours, soon()).state.email == new.text
