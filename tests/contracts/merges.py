"""What holds for merges on every store. Subclass it with the fixtures `store` and `place`, the name
of that store for other processes.

A process is killed before and after each of its appends: what a kill within one append leaves
behind is the store's own matter (`event_store.py`, `claims.py`).
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from app.application.deadline import Deadline
from app.application.handlers import StaleVersion
from app.application.ports.event_store import AlreadyClaimed, Claim, EventStore, RecordedEvent
from app.domain.absorption import ABSORBED
from app.domain.carrier import MERGED, SUSPENDED
from app.domain.command import Command
from app.domain.commands.suspend import SuspendCarrier
from app.domain.errors import ForbiddenByState, OtherForbids
from app.domain.values import Reason
from app.infrastructure.wrapped_store import WrappedEventStore
from tests.support.application import Application, keyed, rename, seen
from tests.support.forks import Forks
from tests.support.measurements import IS_FULL
from tests.support.merges import Patient, Two, company, email, merge, retire, sent, unmerge
from tests.support.stores import soon
from tests.support.threads import at_once

MERGING, ABSORBING = ["CarrierMerged"], ["CarrierAbsorbed"]
POINTS = [(number, is_after) for number in (1, 2) for is_after in (False, True)]
AT_EACH_POINT = pytest.mark.parametrize(("number", "is_after"), POINTS)
BEHIND_THE_FIRST = pytest.mark.parametrize(
    ("number", "is_after"), [(1, False), (1, True), (2, False), (2, True)]
)


class OvertakenStore(WrappedEventStore):
    """A store of a process that others overtake once, behind its read of this number."""

    def __init__(self, store: EventStore, number: int, meanwhile: Callable[[], object]) -> None:
        super().__init__(store)
        self.left = number
        self._meanwhile = meanwhile

    def read(
        self, stream: str, deadline: Deadline, after: int = 0, through_version: int | None = None
    ) -> list[RecordedEvent]:
        """See `ports.event_store.EventStore`."""
        recorded = super().read(stream, deadline, after, through_version)
        self.left -= 1
        if self.left == 0:
            self._meanwhile()
        return recorded


class MergeContract:
    """One of two, and two of one."""

    @pytest.fixture(scope="class")
    @classmethod
    def forks(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
        """Processes to be killed."""
        log: Path = tmp_path_factory.mktemp("forks") / "log"
        with Forks("tests.support.merges", log) as started:
            yield started

    @pytest.fixture
    def app(self, store: EventStore) -> Application:
        """The application on the store."""
        return Patient(store)

    @pytest.fixture
    def two(self, app: Application) -> Two:
        """Two carriers."""
        return Two(app)

    def test_the_survivor_takes_what_is_chosen(self, app: Application, two: Two) -> None:
        """And nothing else; the merged one says where it went, and keeps what it was."""
        before = two.states()
        done = app.do(two.merge("email", "phone"))
        assert (done.stream, done.version, done.state) == (two.merged, 3, MERGED)
        merged, survivor = two.states()
        assert survivor == before[1] | {"email": two.address, "phone": "+498912345678"}
        assert merged == before[0] | {
            "state": MERGED,
            "reason": "One company",
            "merged_into": two.survivor,
        }
        assert two.types() == (MERGING, ABSORBING)

    def test_the_address_is_free_for_the_survivor_only(self, app: Application, two: Two) -> None:
        """Whether it takes it with the merge or afterwards, and also once it has another."""
        app.do(two.merge())
        with pytest.raises(AlreadyClaimed):
            app.do(company("Thief", two.address))
        app.do(email(two.survivor, two.address.upper()))
        app.do(email(two.survivor, f"new-{two.address}"))
        with pytest.raises(AlreadyClaimed):
            app.do(company("Thief", two.address))
        app.do(email(two.survivor, two.address))

    def test_addresses_go_on_with_the_survivor(self, app: Application, two: Two) -> None:
        """Of a chain of merges the last one may use them all."""
        last = app.do(company("DHL", f"c-{two.address}")).stream
        app.do(two.merge("email"))
        app.do(merge(two.survivor, last, "email"))
        assert two.state(last).email == two.address
        app.do(email(last, two.other_address))
        for taken in (two.address, two.other_address, f"c-{two.address}"):
            with pytest.raises(AlreadyClaimed):
                app.do(company("Thief", taken))

    def test_the_addresses_are_free_once_the_survivor_is_retired(
        self, app: Application, store: EventStore, two: Two
    ) -> None:
        """All of them, whatever one it had last."""
        last = app.do(company("DHL", f"c-{two.address}")).stream
        app.do(two.merge("email"))
        app.do(merge(two.survivor, last))
        app.do(retire(last))
        for free in (two.address, two.other_address, f"c-{two.address}"):
            new = app.do(company("New", free)).stream
            assert store.owner(Claim("email", free), soon()) == new

    @AT_EACH_POINT
    @pytest.mark.parametrize("resumed_by", ["the same request", "another command", "nobody"])
    def test_a_merge_that_was_killed_is_finished(
        self,
        app: Application,
        two: Two,
        forks: Forks,
        place: str,
        number: int,
        is_after: bool,
        resumed_by: str,
    ) -> None:
        """By the same request, by whoever sends the merged carrier anything, be it a dry run, or by
        who looks for such merges. Each step is taken once, and the survivor's own changes in
        between stay."""
        key = str(uuid4())
        forks.start(
            "killed", place, number, is_after, key, "merge", two.merged, two.survivor, "email"
        ).wait()
        app.do(rename(two.survivor, "FedEx Ltd"))
        if resumed_by == "nobody":
            half_done = (number, is_after) in {(1, True), (2, False)}
            assert app.merging.finish(two.merged, sent("look")) == half_done
            assert not app.merging.finish(two.merged, sent("look"))
        elif resumed_by == "another command" and (number, is_after) != (1, False):
            with pytest.raises(ForbiddenByState) as refused:
                app.do(rename(two.merged, "DHL"), replace(sent("look"), dry_run=True))
            assert refused.value.into == two.survivor
        else:
            done = app.do(two.merge("email"), keyed(key))
            assert (done.version, done.state) == (3, MERGED)
        assert app.do(two.merge("email"), keyed(key)).replayed or (number, is_after) == (1, False)
        merged, survivor = two.types()
        assert merged == MERGING
        assert sorted(survivor) == ["CarrierAbsorbed", "CarrierRenamed"]
        state = two.state(two.survivor)
        assert (state.name, state.email) == ("FedEx Ltd", two.address)

    @BEHIND_THE_FIRST
    @pytest.mark.parametrize("meanwhile", ["retired", "merged"] if IS_FULL else ["merged"])
    def test_a_merge_that_is_refused_comes_to_nothing(
        self,
        app: Application,
        two: Two,
        forks: Forks,
        place: str,
        number: int,
        is_after: bool,
        meanwhile: str,
    ) -> None:
        """The survivor was retired or merged between the steps; whoever goes on is killed at each
        point of it as well. The first request learns so, as often as it asks."""
        before, key = two.states()[0], str(uuid4())
        forks.start("killed", place, 1, True, key, "merge", two.merged, two.survivor).wait()
        assert two.state(two.merged).state == MERGED
        if meanwhile == "retired":
            app.do(retire(two.survivor))
        else:
            third = app.do(company("DHL", f"c-{two.address}")).stream
            app.do(merge(two.survivor, third))
        forks.start(
            "killed", place, number, is_after, key, "merge", two.merged, two.survivor
        ).wait()
        for _ in range(2):
            with pytest.raises(OtherForbids):
                app.do(two.merge(), keyed(key))
        merged, survivor = two.types()
        assert merged == [*MERGING, "CarrierUnmerged"]
        assert survivor[1:] == ["CarrierMergeRefused"]
        assert two.states()[0] == before
        app.do(email(two.merged, f"new-{two.address}"))  # it is its own again

    @AT_EACH_POINT
    def test_an_unmerge_that_was_killed_is_finished(
        self,
        app: Application,
        store: EventStore,
        two: Two,
        forks: Forks,
        place: str,
        number: int,
        is_after: bool,
    ) -> None:
        """By the same request: both are what they were, and each has its own address."""
        before, key = two.states(), str(uuid4())
        app.do(two.merge("name", "email", "phone"))
        forks.start("killed", place, number, is_after, key, "unmerge", two.merged).wait()
        done = app.do(unmerge(two.merged), keyed(key))
        assert (done.version, done.state) == (4, "active")
        assert app.do(unmerge(two.merged), keyed(key)).replayed
        assert two.states() == before
        assert two.types() == (
            [*MERGING, "CarrierUnmerged"],
            [*ABSORBING, "CarrierSeparated"],
        )
        owners = [
            store.owner(Claim("email", each), soon()) for each in (two.address, two.other_address)
        ]
        assert owners == [two.merged, two.survivor]

    @pytest.mark.parametrize("is_after", [False, True])
    def test_an_address_is_given_back_once(
        self, app: Application, two: Two, forks: Forks, place: str, is_after: bool
    ) -> None:
        """A process that takes the address of a survivor that was retired is killed around the step
        that frees it."""
        app.do(two.merge())
        app.do(retire(two.survivor))
        new = company("New", two.address)
        forks.start(
            "killed", place, 2, is_after, str(uuid4()), "company", "New", two.address
        ).wait()
        app.do(new, sent("new"))
        assert two.types()[0] == [*MERGING, "CarrierAddressReleased"]

    def test_all_who_finish_a_merge_take_each_step_once(
        self, app: Application, store: EventStore, two: Two, forks: Forks, place: str
    ) -> None:
        """At the same moment, some by the request itself and some by a command of their own."""
        key = str(uuid4())
        forks.start("killed", place, 1, True, key, "merge", two.merged, two.survivor, "name").wait()

        def go_on(number: int) -> None:
            own = Patient(store)
            if number % 2:
                own.do(two.merge("name"), keyed(key))
            else:
                with pytest.raises(ForbiddenByState):
                    own.do(rename(two.merged, "DHL"))

        at_once(4, go_on)
        assert two.types() == (MERGING, ABSORBING)

    def test_two_that_are_merged_into_each_other_at_once(self, store: EventStore, two: Two) -> None:
        """One of them is the survivor, or neither: never is each the other's."""
        commands = [merge(two.merged, two.survivor), merge(two.survivor, two.merged)]

        outcomes = at_once(2, lambda number: _outcome(Patient(store), commands[number]))
        states = {two.state(each).state for each in (two.merged, two.survivor)}
        assert outcomes.count(None) == (MERGED in states)
        assert states in ({"active"}, {"active", MERGED})

    def test_a_chain_of_merges_at_once(self, app: Application, store: EventStore, two: Two) -> None:
        """Whichever comes first: the one in the middle absorbs before it goes, or refuses."""
        last = app.do(company("DHL", f"c-{two.address}")).stream
        commands = [two.merge(), merge(two.survivor, last)]
        first, second = at_once(2, lambda number: _outcome(Patient(store), commands[number]))
        assert second is None
        assert two.state(two.survivor).merge
        assert (two.state(two.merged).merge is None) == (first is not None)
        app.do(email(last, two.other_address))
        if first is None:
            app.do(email(last, two.address))
        else:
            with pytest.raises(AlreadyClaimed):
                app.do(email(last, two.address))

    def test_two_who_take_a_merge_back_at_once(self, store: EventStore, two: Two) -> None:
        """It is taken back once, and both are told so."""
        before = two.states()
        two.app.do(two.merge("email"))
        done = at_once(2, lambda _: Patient(store).do(unmerge(two.merged)))
        assert {each.state for each in done} == {"active"}
        assert two.states() == before
        assert two.types()[1] == [*ABSORBING, "CarrierSeparated"]

    @pytest.mark.parametrize("was_merged", [True, False])
    @pytest.mark.parametrize("has_condition", [True, False])
    def test_an_unmerge_ends_no_merge_but_the_one_that_it_took_back(
        self, app: Application, store: EventStore, was_merged: bool, has_condition: bool
    ) -> None:
        """Wherever another one overtakes it, and merges the carrier anew: what a survivor absorbed
        is taken back as a whole, or not at all; and not at all on a version that has passed."""
        for reads in range(1, 9):
            two = Two(app)
            third = app.do(company("DHL", f"c-{two.address}")).stream
            if was_merged:
                app.do(two.merge("name"))

            def meanwhile() -> None:
                with suppress(OtherForbids):
                    app.do(unmerge(two.merged))  # noqa: B023
                app.do(merge(two.merged, third, "name"))  # noqa: B023

            version = app.carriers.load(two.merged, soon()).version
            overtaken = OvertakenStore(store, reads, meanwhile)
            is_refused = False
            try:
                own = seen(version) if has_condition else sent("unmerge")
                Patient(overtaken).do(unmerge(two.merged), own)
            except StaleVersion:
                is_refused = True
            merged_into = two.state(two.merged).merged_into
            for survivor in (two.survivor, third):
                standing = {each.standing for each in two.state(survivor).absorptions.values()}
                assert (ABSORBED in standing) == (survivor == merged_into)
            assert not is_refused or merged_into == third
            if overtaken.left > 0:  # it is done with less
                break
        assert reads > 2

    @pytest.mark.parametrize("ended_by", ["who looks for it", "another unmerge"])
    def test_an_unmerge_that_another_one_ended_is_done_for_its_sender(
        self, app: Application, two: Two, forks: Forks, place: str, ended_by: str
    ) -> None:
        """It gets the first answer, whatever state the carrier is in again; the other one is told
        of that state."""
        app.do(SuspendCarrier(two.merged, Reason("Fraud")))
        app.do(two.merge("name"))
        key = str(uuid4())
        forks.start("killed", place, 1, True, key, "unmerge", two.merged).wait()
        if ended_by == "who looks for it":
            assert app.merging.finish(two.merged, sent("look"))
        else:
            with pytest.raises(ForbiddenByState):
                app.do(unmerge(two.merged), sent("other"))
        for own in (keyed(key), replace(keyed(key), expected=frozenset({4}))):
            done = app.do(unmerge(two.merged), own)
            assert (done.version, done.state, done.replayed) == (5, SUSPENDED, True)
        assert two.types()[0] == ["CarrierSuspended", *MERGING, "CarrierUnmerged"]
        (*_, (_, origin)) = app.carriers.with_origins(two.merged, soon())
        assert origin.actor == keyed(key).actor

    def test_an_unmerge_of_what_was_never_merged_is_answered_again(self, app: Application) -> None:
        """With its key, as the first time."""
        carrier = app.do(company("FedEx", f"{uuid4()}@example.com")).stream
        first, again = (app.do(unmerge(carrier), keyed(carrier)) for _ in range(2))
        assert (first.version, first.replayed) == (1, False)
        assert again == replace(first, replayed=True)

    def test_a_dry_run_writes_nothing(self, app: Application, two: Two) -> None:
        """Neither of a merge nor of an unmerge, on either stream."""
        before = two.states()
        plan = app.do(two.merge("name"), replace(sent("plan"), dry_run=True))
        assert [type(event).__name__ for event in plan.planned] == MERGING
        assert two.states() == before
        app.do(two.merge("name"))
        merged = two.states()
        plan = app.do(unmerge(two.merged), replace(sent("plan"), dry_run=True))
        assert [type(event).__name__ for event in plan.planned] == ["CarrierUnmerged"]
        assert two.states() == merged

    def test_a_dry_run_gives_no_address_back(self, app: Application, two: Two) -> None:
        """It only says that the command would be done."""
        app.do(two.merge())
        app.do(retire(two.survivor))
        before = two.types()
        plan = app.do(company("New", two.address), replace(sent("plan"), dry_run=True))
        assert [type(event).__name__ for event in plan.planned] == ["CarrierRegistered"]
        assert two.types() == before
        app.do(company("New", two.address))


def _outcome(app: Application, command: Command) -> Exception | None:
    """What the command is refused with; None if it was done."""
    try:
        app.do(command)
    except (ForbiddenByState, OtherForbids) as error:
        return error
    return None
