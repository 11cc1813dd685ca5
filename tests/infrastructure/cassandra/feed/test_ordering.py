"""Every appended event gets one position, in the order of its stream, however writers, their
acknowledgements and several sequencers interleave. Without Cassandra: see `feed_model`."""

from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.infrastructure.cassandra.append.intent_log import IntentId
from app.infrastructure.cassandra.feed.draft import MAX_BYTES, MAX_EVENTS, FeedState
from app.infrastructure.cassandra.feed.ordering import PATIENCE_SECONDS, Evidence, next_draft
from app.infrastructure.cassandra.feed.outcome import Intent, Outcome
from tests.support.feed_model import Prepared, Registry, Sequencer, row

LOGS = 3
SEQUENCERS = 2
ENOUGH_STEPS = 500

logs = st.integers(0, LOGS - 1)
streams = st.sampled_from(["a", "b", "c"])
sequencers = st.integers(0, SEQUENCERS - 1)
counts = st.sampled_from([1, 1, 1, 2, 3, 70, 130])
sizes = st.sampled_from([0, 0, 400, 12_000])


class Interleavings(RuleBasedStateMachine):
    """Whatever can happen, in any order. In the end writers stop, and one sequencer goes on."""

    @initialize()
    def begin(self) -> None:
        self.registry = Registry()
        self.logs = [self.registry.open_log() for _ in range(LOGS)]
        self.sequencers = [Sequencer(self.registry) for _ in range(SEQUENCERS)]

    def pending(self) -> list[Prepared]:
        """Intents whose append was not sent."""
        return [each for each in self.registry.all_prepared() if not each.is_sent]

    def in_doubt(self) -> list[Prepared]:
        """Intents whose append was sent and not acknowledged."""
        return [
            each
            for each in self.registry.all_prepared()
            if each.is_sent and each.intent.outcome is Outcome.IN_DOUBT
        ]

    @rule(log=logs, stream=streams, count=counts, size=sizes, behind=st.sampled_from([0, 0, 0, 1]))
    def prepare(self, log: int, stream: str, count: int, size: int, behind: int) -> None:
        """For the next version, or for one that another writer has taken meanwhile."""
        if not self.logs[log].is_closed:
            head = len(self.registry.streams[stream].events)
            first = max(1, head + 1 - behind)
            self.registry.prepare(self.logs[log], stream, first, count, size)

    @rule(log=logs, stream=streams, count=counts)
    def write(self, log: int, stream: str, count: int) -> None:
        """Prepare, append and acknowledge at once."""
        if not self.logs[log].is_closed:
            first = len(self.registry.streams[stream].events) + 1
            prepared = self.registry.prepare(self.logs[log], stream, first, count, 0)
            self.registry.append(prepared)
            self.registry.acknowledge(prepared)

    @precondition(lambda self: self.pending())
    @rule(data=st.data())
    def append(self, data: st.DataObject) -> None:
        self.registry.append(data.draw(st.sampled_from(self.pending())))

    @precondition(lambda self: self.in_doubt())
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        self.registry.acknowledge(data.draw(st.sampled_from(self.in_doubt())))

    @rule(stream=streams)
    def append_without_intent(self, stream: str) -> None:
        self.registry.append_without_intent(stream)

    @rule(log=logs)
    def close(self, log: int) -> None:
        """Its writer ends, and another one begins."""
        self.logs[log].is_closed = True
        self.logs[log] = self.registry.open_log()

    @rule(number=sequencers, limit=st.sampled_from([1, 2, 50]), data=st.data())
    def look(self, number: int, limit: int, data: st.DataObject) -> None:
        self.sequencers[number].look(
            limit,
            asks=lambda: data.draw(st.booleans(), "asks"),
            fences=lambda: data.draw(st.booleans(), "fences"),
        )

    @rule(number=sequencers, is_patient=st.booleans())
    def commit(self, number: int, is_patient: bool) -> None:
        self.sequencers[number].commit(is_patient=is_patient)

    @rule(number=sequencers)
    def clean_up(self, number: int) -> None:
        self.sequencers[number].clean_up()

    @rule(number=sequencers)
    def crash(self, number: int) -> None:
        """Another process takes its place."""
        self.sequencers[number] = Sequencer(self.registry)

    @invariant()
    def positions_are_given_once_and_in_order(self) -> None:
        self.registry.check()

    def teardown(self) -> None:
        """Writers die where they are; one sequencer asks, fences off and goes on to the end."""
        last = Sequencer(self.registry)
        for _ in range(ENOUGH_STEPS):
            last.look(250, asks=lambda: True, fences=lambda: True)
            if not last.commit(is_patient=False):
                break
        self.registry.check()
        assert sorted(self.registry.feed) == sorted(self.registry.expected())
        assert not self.registry.state.open
        for each in self.pending():
            self.registry.append(each)
        assert sorted(self.registry.feed) == sorted(self.registry.expected())


def test_every_event_gets_one_position_in_the_order_of_its_stream() -> None:
    """Any interleaving of intents, appends, acknowledgements and drafts of two sequencers, which
    may be late, fence off and crash, gives each event of a stream one position, in order and
    without a hole; and an append that was fenced off never comes afterwards."""
    run_state_machine_as_test(
        Interleavings,
        settings=settings(
            max_examples=150,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],  # a busy machine is no fault of the test
        ),
    )


LOG, OTHER = UUID(int=1), UUID(int=2)


def intent(
    seq: int, first: int, outcome: Outcome, *, count: int = 1, log: UUID = LOG, stream: str = "a"
) -> Intent:
    """An intent that was first seen at 0."""
    events = [row(stream, version) for version in range(first, first + count)]
    return Intent(IntentId(log, seq), events, outcome, seen_at=0)


def evidence(*intents: Intent) -> Evidence:
    """These intents and no others, of logs that are in the registry."""
    logs = {each.id.log for each in intents}
    fresh = {log: [each.id for each in intents if each.id.log == log] for log in logs}
    return Evidence({each.id: each for each in intents}, fresh, {}, logs, logs)


def test_that_the_same_evidence_gives_the_same_draft() -> None:
    """Drafting leaves state and evidence as they are."""
    given = evidence(intent(1, 1, Outcome.APPENDED), intent(2, 2, Outcome.APPENDED))
    first, again = (next_draft(FeedState(), given, {}, 0) for _ in range(2))
    assert first.events == again.events == [row("a", 1), row("a", 2)]
    assert first.result() == again.result()


def test_that_a_log_waits_for_an_intent_in_doubt() -> None:
    """For a moment: the acknowledgement is probably on its way."""
    given = evidence(intent(1, 1, Outcome.IN_DOUBT), intent(2, 1, Outcome.APPENDED, stream="b"))
    assert next_draft(FeedState(), given, {}, PATIENCE_SECONDS / 2).changes_nothing


def test_that_a_log_goes_on_past_an_intent_that_stays_in_doubt() -> None:
    """The intent stays open, and what comes after it gets its position."""
    given = evidence(intent(1, 1, Outcome.IN_DOUBT), intent(2, 1, Outcome.APPENDED, stream="b"))
    result = next_draft(FeedState(), given, {}, PATIENCE_SECONDS).result()
    assert (result.head, result.cursors) == (1, {LOG: 2})
    assert result.open == {IntentId(LOG, 1): 0}


def test_that_an_open_intent_that_was_not_appended_is_done() -> None:
    """Without a position."""
    state = FeedState(0, 1, 0, {LOG: 1}, {IntentId(LOG, 1): 0})
    found = Evidence({IntentId(LOG, 1): intent(1, 1, Outcome.NOT_APPENDED)}, {}, {}, {LOG}, {LOG})
    result = next_draft(state, found, {}, 0).result()
    assert (result.head, result.open) == (0, {})


def test_that_an_append_of_more_than_a_commit_stays_open_at_its_last_position() -> None:
    """The next draft goes on behind it."""
    given = evidence(intent(1, 1, Outcome.APPENDED, count=MAX_EVENTS + 20))
    first = next_draft(FeedState(), given, {}, 0)
    assert first.result().open == {IntentId(LOG, 1): MAX_EVENTS}
    second = next_draft(first.result(), given, {}, 0)
    assert [event.version for event in second.events] == list(range(101, 121))
    assert (second.result().head, second.result().open) == (120, {})


def test_that_a_later_version_waits_for_an_earlier_one_in_another_log() -> None:
    """Also if the later one's log is read first."""
    given = evidence(intent(1, 2, Outcome.APPENDED), intent(1, 1, Outcome.APPENDED, log=OTHER))
    assert [each.version for each in next_draft(FeedState(), given, {}, 0).events] == [1, 2]


def after_an_owner(listed_after: set[UUID]) -> FeedState:
    """The next state after one without cursors, where version 1 belongs to an intent of OTHER."""
    later = intent(1, 2, Outcome.APPENDED)
    owners = {("a", 1): IntentId(OTHER, 9)}
    found = Evidence({later.id: later}, {LOG: [later.id]}, owners, {LOG}, listed_after)
    return next_draft(FeedState(), found, {}, PATIENCE_SECONDS).result()


def test_that_an_owner_whose_log_was_struck_off_is_done() -> None:
    """Only a log of which everything is done is struck off."""
    assert after_an_owner({LOG}).head == 1


def test_that_an_owner_in_a_log_without_a_cursor_is_waited_for() -> None:
    """The log is new: none of its intents is done."""
    assert after_an_owner({LOG, OTHER}).head == 0


def test_that_a_log_that_was_struck_off_loses_its_cursor() -> None:
    """All of its intents are done."""
    state = FeedState(0, 1, 7, {LOG: 3})
    draft = next_draft(state, Evidence({}, {}, {}, set(), set()), {}, 0)
    assert draft.result() == FeedState(0, 2, 7)


def test_that_a_log_that_was_struck_off_keeps_its_cursor_while_an_intent_is_open() -> None:
    """Without it the open intent would count as done."""
    opened = intent(1, 1, Outcome.IN_DOUBT)
    state = FeedState(0, 1, 7, {LOG: 3}, {opened.id: 0})
    found = Evidence({opened.id: opened}, {}, {}, set(), set())
    assert next_draft(state, found, {}, 0).changes_nothing


def test_that_an_append_without_room_waits_for_the_next_commit() -> None:
    """Its intent is not opened for that."""
    events = [row(stream, 1, "x" * (MAX_BYTES // 2)) for stream in ("a", "b")]
    first, second = (
        Intent(IntentId(LOG, seq), [event], Outcome.APPENDED, seen_at=0)
        for seq, event in enumerate(events, 1)
    )
    result = next_draft(FeedState(), evidence(first, second), {}, PATIENCE_SECONDS).result()
    assert (result.head, result.cursors, result.open) == (1, {LOG: 1}, {})
