"""An import over the services as bootstrap makes them: what it promises between two steps."""

import io
from array import array
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from app.api.schemas.imports import read_values
from app.application.bus import CommandBus
from app.application.command_context import CommandContext
from app.application.deadline import Deadline
from app.application.handlers import CommandDone
from app.application.history import Change
from app.application.imports.columns import guessed
from app.application.imports.file import inspected
from app.application.imports.former import FormerImport
from app.application.imports.plan import RowPlan
from app.application.imports.run import Import
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.ports.event_store import RecordedEvent
from app.application.services import Services
from app.bootstrap import build_services
from app.domain.commands.change_email import ChangeEmail
from app.domain.commands.schedule_change import ScheduleChange
from app.domain.policy.adopt import POLICY_ID
from app.domain.values import CarrierName, EmailAddress, Reason
from app.infrastructure.wrapped_store import WrappedEventStore
from config.settings import Settings
from tests.support.application import rename
from tests.support.commits import context
from tests.support.merges import merge
from tests.support.policies import adopt, policy

ADDRESS = "name,email,phone\r\nFedEx,contact@fedex.com,\r\n"


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """On a SQLite file of their own."""
    settings = Settings(app_env="testing", sqlite_path=tmp_path / "events.sqlite3")
    built = build_services(settings, follows=False)
    yield built
    built.close()


def import_of(services: Services, text: str, name: str = "") -> Import:
    """The import of a file with this text."""
    file = inspected(lambda: io.BytesIO(text.encode()))
    columns = guessed(file.header)
    return Import(file, columns, services, read_values, "someone", lambda: Deadline.after(10), name)


def applied(one: Import, digests: "array[int] | None" = None) -> list[RowPlan]:
    """What was done to each row."""
    return [plan for _, plan in one.applied(digests)]


def undone(one: Import) -> list[RowPlan]:
    """What was done to take each row back."""
    return [plan for _, plan in one.undone(dry_run=False)]


def types_of(services: Services, carrier_id: str | None) -> list[str]:
    """What happened to the carrier."""
    entries = services.carriers.history(str(carrier_id), Deadline.after(10))
    return [entry.event_type for entry in entries]


def registered(services: Services) -> str:
    """A carrier that a former import has registered."""
    (row,) = applied(import_of(services, ADDRESS, "before"))
    return str(row.carrier_id)


class AroundCommands(CommandBus[CommandDone]):
    """The bus itself; something else than its work happens around commands that are no dry run."""

    def __init__(self, bus: CommandBus[CommandDone]) -> None:
        self._bus = bus

    def dispatch(self, command: object, context: CommandContext) -> CommandDone:
        """See `CommandBus`."""
        return (self._bus.dispatch if context.dry_run else self.carry_out)(command, context)

    def carry_out(self, command: object, context: CommandContext) -> CommandDone:
        """What happens in the place of `dispatch`."""
        raise NotImplementedError


class DyingBus(AroundCommands):
    """The bus itself, until its process dies: just before the command with this number or, if
    `is_done`, just after it."""

    def __init__(self, bus: CommandBus[CommandDone], number: int, *, is_done: bool) -> None:
        super().__init__(bus)
        self._left = number
        self._is_done = is_done

    def carry_out(self, command: object, context: CommandContext) -> CommandDone:
        """See `AroundCommands`."""
        self._left -= 1
        if self._left == 0 and not self._is_done:
            raise StoreUnavailable("killed")
        done = self._bus.dispatch(command, context)
        if self._left == 0:
            raise StoreUnavailable("killed")
        return done


def test_a_row_with_a_merged_carriers_address_means_its_survivor(services: Services) -> None:
    """Whatever address that one uses; by its own id the merged one takes no row."""
    merged = registered(services)
    (other,) = applied(import_of(services, "name,email\r\nUPS,ups@ups.com\r\n"))
    services.bus.dispatch(merge(merged, str(other.carrier_id)), context())
    changed, refused = applied(
        import_of(
            services, f"carrier_id,name,email\r\n,FedEx Ltd,contact@fedex.com\r\n{merged},DHL,\r\n"
        )
    )
    assert (changed.kind, changed.carrier_id) == ("change", other.carrier_id)
    state = services.carriers.show(str(other.carrier_id), Deadline.after(10)).state
    assert (state.name, state.email) == ("FedEx Ltd", "contact@fedex.com")
    assert (refused.kind, refused.sentence) == (
        "refuse",
        f"The carrier was merged into {other.carrier_id}",
    )


@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("number", range(1, 6))
def test_killed_around_every_command_it_does_each_row_once(
    services: Services, number: int, *, is_done: bool
) -> None:
    """A new carrier, one that three commands change, one that stays as it is: the next run goes on
    with the command that is missing, and a run after that does nothing."""
    changed = registered(services)
    (same,) = applied(import_of(services, "name,email\r\nDHL,dhl@dhl.com\r\n"))
    text = (
        "carrier_id,name,email,phone\r\n,GLS,gls@gls.com,\r\n"
        f"{changed},UPS,ups@ups.com,+498912345678\r\n,DHL,dhl@dhl.com,\r\n"
    )
    dying = replace(services, bus=DyingBus(services.bus, number, is_done=is_done))
    with pytest.raises(StoreUnavailable):
        applied(import_of(dying, text))
    for _ in range(2):
        rows = applied(import_of(services, text))
        assert [row.kind for row in rows] == ["create", "change", "nothing"]
        assert types_of(services, rows[0].carrier_id) == ["CarrierRegistered"]
        assert types_of(services, changed) == [
            "CarrierRegistered",
            "CarrierEmailChanged",
            "CarrierRenamed",
            "CarrierProfileUpdated",
        ]
        assert types_of(services, same.carrier_id) == ["CarrierRegistered"]


def are_as_before(services: Services, new: str | None, changed: str) -> None:
    """The carrier that was registered is retired, the one that was changed is what it was."""
    assert types_of(services, new) == ["CarrierRegistered", "CarrierRetired"]
    state = services.carriers.show(changed, Deadline.after(10)).state
    assert (state.name, state.email, state.profile.phone) == ("FedEx", "contact@fedex.com", None)


@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("number", range(1, 5))
def test_killed_around_every_command_it_takes_each_row_back_once(
    services: Services, number: int, *, is_done: bool
) -> None:
    """The carrier that it registered is retired, the one that it changed is as it was."""
    changed = registered(services)
    text = (
        "carrier_id,name,email,phone\r\n,GLS,gls@gls.com,\r\n"
        f"{changed},UPS,ups@ups.com,+498912345678\r\n"
    )
    new, _ = applied(import_of(services, text))
    dying = replace(services, bus=DyingBus(services.bus, number, is_done=is_done))
    with pytest.raises(StoreUnavailable):
        undone(import_of(dying, text))
    for _ in range(2):
        rows = undone(import_of(services, text))
        assert [row.kind for row in rows] == ["retire", "change"]
        are_as_before(services, new.carrier_id, changed)
        assert len(types_of(services, changed)) == 7


def test_a_carrier_that_was_changed_after_the_plan_is_not_overwritten(services: Services) -> None:
    """What was shown is what is done, or the row is refused."""
    carrier_id = registered(services)
    one = import_of(services, ADDRESS.replace("FedEx", "UPS"))
    digests = array("Q", (plan.digest for _, plan in one.planned()))
    services.bus.dispatch(rename(carrier_id, "Federal Express"), context(20))
    (row,) = applied(one, digests)
    assert (row.kind, row.sentence) == (
        "refuse",
        "The carrier has been changed since the plan was made; make the plan again",
    )
    assert types_of(services, carrier_id) == ["CarrierRegistered", "CarrierRenamed"]


class MeanwhileBus(AroundCommands):
    """The bus itself; something else happens just before the command with this number."""

    def __init__(
        self, bus: CommandBus[CommandDone], number: int, happens: Callable[[], object]
    ) -> None:
        super().__init__(bus)
        self._left = number
        self._happens = happens

    def carry_out(self, command: object, context: CommandContext) -> CommandDone:
        """See `AroundCommands`."""
        self._left -= 1
        if self._left == 0:
            self._happens()
        return self._bus.dispatch(command, context)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_who_comes_between_two_commands_of_a_row_is_not_overwritten(
    services: Services, number: int
) -> None:
    """The row is refused, and says what of it was done."""
    carrier_id = registered(services)
    text = f"carrier_id,name,email,phone\r\n{carrier_id},UPS,ups@ups.com,+498912345678\r\n"
    theirs = partial(services.bus.dispatch, rename(carrier_id, "Federal Express"), context(20))
    bus = MeanwhileBus(services.bus, number, theirs)
    (row,) = applied(import_of(replace(services, bus=bus), text))
    assert row.kind == "refuse"
    assert ("was done: change-email" in row.sentence) == (number > 1)
    assert services.carriers.show(carrier_id, Deadline.after(10)).state.name == "Federal Express"


def test_a_row_that_a_rival_has_done_since_it_was_planned_is_done_once(services: Services) -> None:
    """Also on another version than the one that it was planned on."""
    carrier_id = registered(services)
    text = f"carrier_id,phone\r\n{carrier_id},+498912345678\r\n"

    def others_and_a_rival() -> None:
        services.bus.dispatch(rename(carrier_id, "Federal Express"), context(20))
        applied(import_of(services, text))

    bus = MeanwhileBus(services.bus, 1, others_and_a_rival)
    (row,) = applied(import_of(replace(services, bus=bus), text))
    assert (row.kind, row.done, row.version) == ("change", True, 3)
    assert types_of(services, carrier_id)[1:] == ["CarrierRenamed", "CarrierProfileUpdated"]


class CountingStore(WrappedEventStore):
    """The store itself; counts what is read of streams."""

    reads = 0

    def read(
        self, stream: str, deadline: Deadline, after: int = 0, through_version: int | None = None
    ) -> list[RecordedEvent]:
        """See `ports.event_store.EventStore`."""
        self.reads += stream != POLICY_ID
        return super().read(stream, deadline, after, through_version)


def test_a_row_that_one_command_changes_is_read_once(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What its plan rests on is what its command is decided on."""
    carrier_id = registered(services)
    counting = CountingStore(services.store)
    monkeypatch.setattr(services.carriers, "_store", counting)
    applied(import_of(services, f"carrier_id,name\r\n{carrier_id},UPS\r\n"))
    assert counting.reads == 1


class SilentBus(AroundCommands):
    """The bus itself; of each command's first answer nobody learns."""

    def __init__(self, bus: CommandBus[CommandDone]) -> None:
        super().__init__(bus)
        self._told = set[object]()

    def carry_out(self, command: object, context: CommandContext) -> CommandDone:
        """See `AroundCommands`."""
        done = self._bus.dispatch(command, context)
        if context.commit_id not in self._told:
            self._told.add(context.commit_id)
            raise OutcomeUnknown("no answer")
        return done


def test_a_command_of_which_nothing_is_known_is_sent_again(services: Services) -> None:
    """It was done once all the same."""
    text = "name,email\r\nFedEx,contact@fedex.com\r\nUPS,ups@ups.com\r\n"
    silent = replace(services, bus=SilentBus(services.bus))
    rows = applied(import_of(silent, text))
    assert [types_of(services, row.carrier_id) for row in rows] == [["CarrierRegistered"]] * 2


def by_id(one: Import, services: Services, *, dry_run: bool = False) -> list[RowPlan]:
    """What was done, or would be, to take the import back without its file."""
    former = FormerImport(one.id, services, "someone", lambda: Deadline.after(10), furthest=10)
    return list(former.undone(dry_run=dry_run))


@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("number", range(1, 5))
def test_killed_around_every_command_it_is_taken_back_by_its_id(
    services: Services, number: int, *, is_done: bool
) -> None:
    """As by its file, the last row first; rows that have changed nothing are none of it."""
    changed = registered(services)
    text = (
        "carrier_id,name,email,phone\r\n,wrong,wrong,\r\n,GLS,gls@gls.com,\r\n"
        f"{changed},UPS,ups@ups.com,+498912345678\r\n"
    )
    one = import_of(services, text)
    _, new, _ = applied(one)
    dying = replace(services, bus=DyingBus(services.bus, number, is_done=is_done))
    with pytest.raises(StoreUnavailable):
        by_id(one, dying)
    for _ in range(2):
        rows = by_id(one, services)
        assert [(row.row, row.kind, row.done) for row in rows] == [
            (4, "change", True),
            (3, "retire", True),
        ]
        are_as_before(services, new.carrier_id, changed)
    assert [row.kind for row in undone(one)] == ["nothing", "retire", "change"]


def test_by_its_id_each_row_finds_its_address_free(services: Services) -> None:
    """It was given up by one row, and taken by a later one."""
    carrier_id = registered(services)
    text = f"carrier_id,name,email\r\n{carrier_id},,new@fedex.com\r\n,UPS,contact@fedex.com\r\n"
    one = import_of(services, text)
    applied(one)
    for dry_run in (True, False):
        rows = by_id(one, services, dry_run=dry_run)
        assert [(row.kind, row.done) for row in rows] == [
            ("retire", not dry_run),
            ("change", not dry_run),
        ]
    state = services.carriers.show(carrier_id, Deadline.after(10)).state
    assert state.email == "contact@fedex.com"


def test_whose_address_is_taken_by_now_is_not_planned_to_get_it_back(services: Services) -> None:
    """It belongs to a carrier that is none of the import's; the plan says so, not only the row when
    it is taken back."""
    carrier_id = registered(services)
    one = import_of(services, f"carrier_id,email\r\n{carrier_id},new@fedex.com\r\n")
    applied(one)
    applied(import_of(services, "name,email\r\nUPS,contact@fedex.com\r\n"))
    planned = [plan for _, plan in one.undone(dry_run=True)]
    for rows in (planned, undone(one), by_id(one, services, dry_run=True), by_id(one, services)):
        assert [(row.kind, row.sentence, row.steps) for row in rows] == [
            ("refuse", "The email belongs to another carrier", ())
        ]
    assert types_of(services, carrier_id) == ["CarrierRegistered", "CarrierEmailChanged"]


def test_an_address_that_is_only_written_otherwise_is_not_free(services: Services) -> None:
    """Its carrier gives up nothing, so whoever had it before does not get it back."""
    first = registered(services)
    (second,) = applied(import_of(services, "name,email\r\nUPS,ups@ups.com\r\n"))
    text = f"carrier_id,email\r\n{first},new@fedex.com\r\n{second.carrier_id},Contact@fedex.com\r\n"
    one = import_of(services, text)
    rows = one.applied()
    next(rows)
    change = ChangeEmail(str(second.carrier_id), EmailAddress("contact@fedex.com"))
    services.bus.dispatch(change, context(20))
    assert [row.kind for _, row in rows] == ["change"]
    for dry_run in (True, False):
        kinds = [row.kind for row in by_id(one, services, dry_run=dry_run)]
        assert kinds == ["change", "refuse"]


def test_an_address_is_given_back_once(services: Services) -> None:
    """Two had it before, one after the other: the plan says as well which of them gets it."""
    first = registered(services)
    second, third = (
        str(row.carrier_id)
        for row in applied(import_of(services, "name,email\r\nA,a@a.com\r\nB,b@b.com\r\n"))
    )
    text = (
        f"carrier_id,email\r\n{first},new@fedex.com\r\n{second},new@a.com\r\n"
        f"{third},contact@fedex.com\r\n"
    )
    one = import_of(services, text)
    rows = one.applied()
    next(rows)
    change = ChangeEmail(second, EmailAddress("contact@fedex.com"))
    services.bus.dispatch(change, context(20))
    assert [row.kind for _, row in rows] == ["change", "change"]
    for dry_run in (True, False):
        kinds = [row.kind for row in by_id(one, services, dry_run=dry_run)]
        assert kinds == ["change", "change", "refuse"]


def test_what_waits_for_a_second_person_gives_nothing_up(services: Services) -> None:
    """The change is proposed, so the address stays where it is."""
    first = registered(services)
    one = import_of(
        services, f"carrier_id,name,email\r\n{first},,new@fedex.com\r\n,UPS,contact@fedex.com\r\n"
    )
    _, new = applied(one)
    services.bus.dispatch(adopt(policy(second_person_for=["email"])), context(20))
    rows = by_id(one, services)
    assert [(row.kind, row.done) for row in rows] == [("retire", True), ("change", True)]
    assert types_of(services, first)[-1] == "CarrierChangeProposed"
    assert types_of(services, new.carrier_id)[-1] == "CarrierRetired"


def test_who_names_the_import_as_a_request_is_somebody_else(services: Services) -> None:
    """Anybody can send its id as an X-Request-ID: what they change is not taken back, and stands
    in the way of what is."""
    theirs = registered(services)
    one = import_of(services, "name,email\r\nGLS,gls@gls.com\r\n")
    (new,) = applied(one)
    for carrier_id in (theirs, str(new.carrier_id)):
        named = replace(context(20), correlation_id=one.id.id.hex)
        services.bus.dispatch(rename(carrier_id, "Another"), named)
    assert [(row.kind, row.carrier_id) for row in by_id(one, services)] == [
        ("refuse", new.carrier_id)
    ]
    assert services.carriers.show(theirs, Deadline.after(10)).state.name == "Another"


def test_what_others_have_changed_since_is_not_taken_back(services: Services) -> None:
    """Neither a new carrier nor a changed one; it is listed."""
    changed = registered(services)
    text = "name,email\r\nUPS,contact@fedex.com\r\nGLS,gls@gls.com\r\n"
    rows = applied(import_of(services, text))
    for row in rows:
        services.bus.dispatch(rename(str(row.carrier_id), "Another"), context(20))
    said = [(row.kind, row.carrier_id, row.sentence) for row in undone(import_of(services, text))]
    since = "Others have changed the carrier since the import left it at version {}: look at its"
    since += " history and take it back by hand"
    assert said == [
        ("refuse", changed, since.format(2)),
        ("refuse", rows[1].carrier_id, since.format(1)),
    ]
    assert services.carriers.show(changed, Deadline.after(10)).state.name == "Another"


def test_rows_that_were_not_applied_are_not_taken_back(services: Services) -> None:
    """Neither one that broke a rule nor the second one for a carrier."""
    text = "name,email\r\nGLS,gls@gls.com\r\nGLS,GLS@gls.com\r\nGLS,wrong\r\n"
    applied(import_of(services, text))
    assert [row.kind for row in undone(import_of(services, text))] == [
        "retire",
        "nothing",
        "nothing",
    ]


def test_a_free_address_is_planned_and_done_alike(services: Services) -> None:
    """A row takes the address that an earlier row has given up."""
    carrier_id = registered(services)
    text = f"carrier_id,name,email\r\n{carrier_id},,new@fedex.com\r\n,UPS,contact@fedex.com\r\n"
    rows = applied(import_of(services, text))
    assert [row.kind for row in rows] == ["change", "create"]
    assert [row.kind for row in applied(import_of(services, text))] == ["change", "create"]


def test_two_of_the_same_import_at_once_do_each_row_once(services: Services) -> None:
    """Between them, whichever comes first to a row; both say what was done to it."""
    before = [f"FedEx,c{number}@fedex.com,\r\n" for number in range(20)]
    ids = [
        row.carrier_id
        for row in applied(import_of(services, "name,email,phone\r\n" + "".join(before)))
    ]
    lines = [f"{each},UPS,d{each}@ups.com,+498912345678\r\n" for each in ids]
    lines += [f",GLS,g{number}@gls.com,\r\n" for number in range(20)]
    text = "carrier_id,name,email,phone\r\n" + "".join(lines)
    with ThreadPoolExecutor(2) as pool:
        ran = list(pool.map(lambda _: applied(import_of(services, text)), range(2)))
    for rows in ran:
        assert {row.kind for row in rows[:20]} == {"change"}
        assert {row.kind for row in rows[20:]} == {"create"}
        assert {len(types_of(services, row.carrier_id)) for row in rows[:20]} == {4}
        assert {len(types_of(services, row.carrier_id)) for row in rows[20:]} == {1}


class LateStore(WrappedEventStore):
    """The store itself; nobody had begun a stream yet when it was asked which had been."""

    def versions(self, streams: Sequence[str], deadline: Deadline) -> dict[str, int]:
        """See `ports.event_store.EventStore`."""
        return {}


@pytest.mark.parametrize("address", ["kept", "freed", "taken by another"])
def test_a_row_that_was_done_after_the_rows_near_it_were_looked_up_is_done_once(
    services: Services, address: str
) -> None:
    """As by a rival, or by a process that was killed: also if its carrier has another address by
    now, and the former one is another carrier's."""
    mine = registered(services)
    if address != "kept":
        services.bus.dispatch(ChangeEmail(mine, EmailAddress("new@fedex.com")), context(1))
    if address == "taken by another":
        applied(import_of(services, "name,email\r\nUPS,contact@fedex.com\r\n"))
    late = replace(services, store=LateStore(services.store))
    (row,) = applied(import_of(late, ADDRESS, "before"))
    assert (row.kind, row.carrier_id, row.done) == ("create", mine, True)
    assert (
        len(services.feed.read(0, 10, Deadline.after(10)))
        == {
            "kept": 1,
            "freed": 2,
            "taken by another": 3,
        }[address]
    )


def test_a_row_is_planned_by_what_is_scheduled_for_today(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has come into effect by itself is nothing to change, and no undoing takes it back."""
    carrier = registered(services)
    scheduled = ScheduleChange(carrier, "2090-06-15", Reason("Sold"), name=CarrierName("Zeta"))
    services.bus.dispatch(scheduled, context(10))
    monkeypatch.setattr(services.carriers, "_clock", lambda: datetime(2090, 6, 16, tzinfo=UTC))
    (same,) = applied(import_of(services, f"carrier_id,name\r\n{carrier},Zeta\r\n"))
    assert same.kind == "nothing"
    text = f"carrier_id,name\r\n{carrier},UPS\r\n"
    (changed,) = applied(import_of(services, text))
    assert changed.changes == (Change("name", "Zeta", "UPS"),)
    assert types_of(services, carrier)[-2:] == [
        "CarrierScheduledChangeTookEffect",
        "CarrierRenamed",
    ]
    undone(import_of(services, text))
    assert services.carriers.show(carrier, Deadline.after(10)).state.name == "Zeta"
