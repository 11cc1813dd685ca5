"""Requests at one consistency: what each kind of request says to the driver."""

from collections.abc import Iterable
from uuid import uuid4

import pytest
from cassandra import ConsistencyLevel
from cassandra.query import BatchStatement, BatchType, Statement

import app.infrastructure.cassandra.append.claims  # noqa: F401 - its statements are sent here
from app.application.deadline import Deadline
from app.infrastructure.cassandra.requests import Requests
from app.infrastructure.cassandra.session import CassandraSession, Row
from tests.support.interrupted import InterruptedSession
from tests.support.stores import soon


class Overheard(InterruptedSession):
    """Keeps what is sent, and how long one try may take."""

    def __init__(self, session: CassandraSession) -> None:
        super().__init__(session, lambda _, send: send())
        self.sent: list[tuple[Statement, float]] = []

    def execute(self, statement: Statement, deadline: Deadline, seconds: float) -> list[Row]:
        """See `CassandraSession`."""
        self.sent.append((statement, seconds))
        return super().execute(statement, deadline, seconds)

    def execute_all(
        self,
        statements: Iterable[Statement],
        deadline: Deadline,
        seconds: float,
        concurrency: int = 32,
    ) -> list[list[Row]]:
        """See `CassandraSession`."""
        several = list(statements)
        self.sent += [(each, seconds) for each in several]
        return super().execute_all(several, deadline, seconds, concurrency)


@pytest.fixture
def overheard(session: CassandraSession) -> Overheard:
    """The module's session, with a listener."""
    return Overheard(session)


@pytest.fixture
def requests(overheard: Overheard) -> Requests:
    """At LOCAL_SERIAL, which is nobody's default here."""
    return Requests(overheard, ConsistencyLevel.LOCAL_SERIAL)


def test_a_select_is_read_serial(requests: Requests, overheard: Overheard) -> None:
    """The consistency of the read itself: `serial_consistency_level` says nothing about reads."""
    assert requests.select(soon(), "read_claim", "email", str(uuid4())) == []
    assert overheard.sent[0][0].consistency_level == ConsistencyLevel.LOCAL_SERIAL


def test_several_selects_are_read_serial(requests: Requests, overheard: Overheard) -> None:
    """Each of them, as one alone."""
    values = [("email", str(uuid4())) for _ in range(2)]
    assert requests.select_each(soon(), "read_claim", values) == [[], []]
    serial = ConsistencyLevel.LOCAL_SERIAL
    assert [sent.consistency_level for sent, _ in overheard.sent] == [serial, serial]


def test_a_plain_select_costs_no_round_of_paxos(requests: Requests, overheard: Overheard) -> None:
    """None: the session's own consistency."""
    assert requests.select_plain(soon(), "read_claim", "email", str(uuid4())) == []
    assert overheard.sent[0][0].consistency_level is None


def test_a_write_is_decided_at_the_serial_consistency(
    requests: Requests, overheard: Overheard
) -> None:
    """Its commit goes at the session's own consistency."""
    values = ("email", str(uuid4()), "stream", uuid4())
    assert requests.write(soon(), "claim", *values)["[applied]"]
    refused = requests.write(soon(), "claim", *values)
    assert (refused["[applied]"], refused["owner"]) == (False, "stream")
    for statement, _ in overheard.sent:
        assert statement.serial_consistency_level == ConsistencyLevel.LOCAL_SERIAL
        assert statement.consistency_level is None


def test_a_batch_is_applied_as_a_whole_or_not_at_all(
    requests: Requests, overheard: Overheard
) -> None:
    """Decided at the serial consistency, like a single write."""
    value, owner, attempt = str(uuid4()), "stream", uuid4()
    writes = [("claim", ("email", value, owner, attempt))]
    assert requests.write_batch(soon(), writes)["[applied]"]
    assert not requests.write_batch(soon(), writes)["[applied]"]
    (batch, _), _ = overheard.sent
    assert isinstance(batch, BatchStatement)
    assert batch.serial_consistency_level == ConsistencyLevel.LOCAL_SERIAL


def test_a_plain_batch_has_no_log_and_no_condition(requests: Requests) -> None:
    """It is one write of one partition, which needs neither."""
    batch = requests.plain_batch(soon(), [("claim", ("email", "value", "stream", uuid4()))])
    assert batch.batch_type == BatchType.UNLOGGED
    assert batch.serial_consistency_level is None


def test_one_try_takes_as_long_as_was_said(requests: Requests, overheard: Overheard) -> None:
    """2 s, unless the caller is more patient; several at a time take each as long."""
    requests.select(soon(), "read_claim", "email", "value")
    patient = requests.within(10)
    patient.select_plain(soon(), "read_claim", "email", "value")
    bound = [patient.bind(soon(), "read_claim", "email", each) for each in "ab"]
    assert patient.execute_all(bound, soon()) == [[], []]
    assert [seconds for _, seconds in overheard.sent] == [2, 10, 10, 10]
