"""The record of a vetting, where it cannot be read at once."""

from pathlib import Path

import pytest

from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.vetting import vetting_of
from app.domain.commands.vet import VetCarrier
from tests.support.application import FEDEX, Application, BusyStore
from tests.support.commits import context


def test_an_answer_that_cannot_be_read_is_not_said_to_be_none(tmp_path: Path) -> None:
    """The vetting was made: who is told that nothing was done would take it for none."""
    store = BusyStore(tmp_path / "events.sqlite3")
    application = Application(store)
    carrier_id = application.bus.dispatch(FEDEX, context()).stream
    done = application.bus.dispatch(VetCarrier(carrier_id, "DE", "express"), context())

    def is_away() -> None:
        raise StoreUnavailable("it is away")

    deadline = context().deadline
    store.after_reading = [is_away]
    with pytest.raises(OutcomeUnknown, match="was vetted"):
        vetting_of(application.carriers, done, deadline)
    assert vetting_of(application.carriers, done, deadline).entry.version == done.version
