"""The bus: one handler a command, conflicts decided again, nothing kept between commands."""

from dataclasses import dataclass
from uuid import uuid4

import pytest

from app.application.bus import MAX_DECISIONS, CommandBus, Handler
from app.application.command_context import CommandContext
from app.application.deadline import Deadline
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.ports.event_store import NO_STREAM, Appended, EventStore, VersionConflict
from tests.support.commits import context, event
from tests.support.figures import KeptFigures
from tests.support.threads import at_once


@dataclass(frozen=True)
class Change:
    """A command of these tests."""

    number: int = 0


@dataclass(frozen=True)
class Other:
    """Another one."""


class Contended:
    """A handler whose stream somebody else has changed `times` times."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.decisions = 0

    def __call__(self, command: Change, context: CommandContext) -> str:
        """Conflict, as long as it is contended."""
        self.decisions += 1
        if self.decisions <= self.times:
            raise VersionConflict("a-stream", 1, 2)
        return "done"


def test_each_command_goes_to_its_handler() -> None:
    """By its type; the handler gets the command and its context, and its answer comes back."""
    bus = CommandBus[object](
        {Change: lambda command, given: ("change", command, given), Other: lambda *_: "other"},
        KeptFigures(),
    )
    sent = context()
    assert bus.dispatch(Change(3), sent) == ("change", Change(3), sent)
    assert bus.dispatch(Other(), sent) == "other"


def test_a_command_without_a_handler_is_a_mistake() -> None:
    """It is not dropped in silence."""
    with pytest.raises(KeyError):
        CommandBus[object]({}, KeptFigures()).dispatch(Change(), context())


def test_the_table_cannot_be_changed_from_outside() -> None:
    """The bus keeps a copy of its table."""
    table: dict[type, Handler[str]] = {Change: lambda *_: "first"}
    bus = CommandBus(table, KeptFigures())
    table[Change] = lambda *_: "second"
    assert bus.dispatch(Change(), context()) == "first"


def test_a_conflict_is_decided_again() -> None:
    """As often as it takes up to the limit, and each time is counted."""
    figures, handler = KeptFigures(), Contended(MAX_DECISIONS - 1)
    assert CommandBus({Change: handler}, figures).dispatch(Change(), context()) == "done"
    assert handler.decisions == MAX_DECISIONS
    assert figures.retries == {"version-conflict": MAX_DECISIONS - 1}


def test_a_contended_stream_is_given_up() -> None:
    """After the limit the conflict reaches the caller; what was not tried again is not counted."""
    figures, handler = KeptFigures(), Contended(1000)
    with pytest.raises(VersionConflict) as caught:
        CommandBus({Change: handler}, figures).dispatch(Change(), context())
    assert (caught.value.stream, caught.value.expected, caught.value.actual) == ("a-stream", 1, 2)
    assert handler.decisions == MAX_DECISIONS
    assert figures.retries["version-conflict"] == MAX_DECISIONS - 1


def test_nothing_is_decided_again_after_the_deadline() -> None:
    """Who waits no longer gets no second decision."""
    figures, handler = KeptFigures(), Contended(1)
    with pytest.raises(VersionConflict):
        CommandBus({Change: handler}, figures).dispatch(Change(), context(seconds=0))
    assert handler.decisions == 1
    assert not figures.retries


@pytest.mark.parametrize("error", [StoreUnavailable("x"), OutcomeUnknown("x"), ValueError("x")])
def test_only_conflicts_are_decided_again(error: Exception) -> None:
    """Any other failure reaches the caller at once: the store has done its own retries."""
    figures, calls = KeptFigures(), []

    def handler(*_: object) -> None:
        calls.append(1)
        raise error

    with pytest.raises(type(error)) as caught:
        CommandBus({Change: handler}, figures).dispatch(Change(), context())
    assert caught.value is error
    assert len(calls) == 1
    assert not figures.retries


def test_the_second_decision_sees_what_happened_meanwhile(store: EventStore) -> None:
    """On a real store: someone appends between a handler's read and its append."""
    stream, figures = "contended", KeptFigures()
    soon = Deadline.after(5)
    store.append(stream, NO_STREAM, [event()], uuid4(), soon)
    seen: list[int] = []

    def handler(_: Change, given: CommandContext) -> Appended:
        version = len(store.read(stream, given.deadline))
        seen.append(version)
        if len(seen) == 1:
            store.append(stream, version, [event()], uuid4(), given.deadline)
        return store.append(stream, version, [event()], given.commit_id, given.deadline)

    done = CommandBus({Change: handler}, figures).dispatch(Change(), context())
    assert done == Appended(3)
    assert seen == [1, 2]
    assert figures.retries == {"version-conflict": 1}


def test_eight_threads_of_commands_do_not_mix() -> None:
    """Nothing is kept between commands: each caller gets its own command's answer, conflicts
    included, and none is lost."""
    handled: list[int] = []
    contended: set[int] = set()

    def handler(command: Change, given: CommandContext) -> tuple[int, str]:
        if command.number % 10 == 0 and command.number not in contended:
            contended.add(command.number)
            raise VersionConflict("a-stream", 1, 2)
        handled.append(command.number)
        return command.number, given.correlation_id

    bus = CommandBus({Change: handler}, KeptFigures())

    def send(thread: int) -> list[tuple[int, str]]:
        given = context()
        return [bus.dispatch(Change(thread * 100 + n), given) for n in range(100)]

    answers = at_once(8, send)
    assert answers == [[(t * 100 + n, "a-request") for n in range(100)] for t in range(8)]
    assert sorted(handled) == list(range(800))
