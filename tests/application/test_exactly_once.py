"""Idempotency keys: a command that was sent twice, later or at the same moment, is done once."""

from dataclasses import replace

import pytest

from app.application.deadline import Deadline
from app.application.handlers import CommandDone, KeyReused
from app.application.ports.event_store import AlreadyClaimed
from app.domain.commands.change_email import ChangeEmail
from app.domain.commands.retire import RetireCarrier
from app.domain.commands.suspend import SuspendCarrier
from app.domain.values import CarrierName, Category, EmailAddress, Reason
from tests.support.application import FEDEX, FEDEX_TWO, Application, BusyStore, keyed, rename
from tests.support.threads import at_once

REASON = Reason("No cover")


def test_a_key_is_one_registration(app: Application) -> None:
    """A registration sent again, also after later commands, gets the first answer and adds no
    event."""
    first = app.do(FEDEX, keyed("k"))
    assert (first.version, first.state, first.replayed) == (1, "active", False)
    again = replace(first, replayed=True)
    assert app.do(FEDEX, keyed("k")) == again
    app.do(rename(first.stream, "DHL"))
    app.do(RetireCarrier(first.stream, REASON))
    app.do(FEDEX)
    assert app.do(FEDEX, keyed("k")) == again
    assert len(app.types(first.stream)) == 3


def test_a_registration_with_a_profile_is_answered_again_whole(app: Application) -> None:
    """The repeated answer counts both events of the commit."""
    command = replace(FEDEX, profile={"phone": "+498912345678"})
    first = app.do(command, keyed("k"))
    app.do(rename(first.stream, "DHL"))
    assert first.version == 2
    assert app.do(command, keyed("k")) == replace(first, replayed=True)


def test_a_key_is_one_change(app: Application, fedex: str) -> None:
    """A change sent again is not done again, whatever has happened since."""
    first = app.do(rename(fedex, "DHL"), keyed("k"))
    app.do(rename(fedex, "UPS"))
    app.do(SuspendCarrier(fedex, REASON, Category()))
    app.do(RetireCarrier(fedex, REASON))
    again = app.do(rename(fedex, "DHL"), keyed("k"))
    assert again == replace(first, replayed=True)
    assert (again.version, again.state) == (2, "active")
    assert app.carriers.show(fedex, Deadline.after(5)).state.name == "UPS"


def test_a_key_outlives_the_address_it_took(app: Application, fedex: str) -> None:
    """The first answer is given even if the address is another carrier's by now."""
    hello = EmailAddress("hello@fedex.com")
    first = app.do(ChangeEmail(fedex, hello), keyed("k"))
    app.do(ChangeEmail(fedex, EmailAddress("a@b.com")))
    app.do(replace(FEDEX, email=hello))
    assert app.do(ChangeEmail(fedex, hello), keyed("k")) == replace(first, replayed=True)
    registered = app.do(FEDEX, keyed("r"))
    app.do(RetireCarrier(registered.stream, REASON))
    app.do(FEDEX)
    assert app.do(FEDEX, keyed("r")) == replace(registered, replayed=True)


def test_a_key_stands_for_one_request(app: Application, fedex: str) -> None:
    """Another request under the same key is refused; another caller's key is another key."""
    app.do(rename(fedex, "DHL"), keyed("k"))
    with pytest.raises(KeyReused):
        app.do(rename(fedex, "UPS"), keyed("k", "another request"))
    registered = app.do(replace(FEDEX, email=EmailAddress("a@b.com")), keyed("r"))
    with pytest.raises(KeyReused):
        app.do(replace(FEDEX, email=EmailAddress("b@b.com")), keyed("r", "another request"))
    theirs = replace(FEDEX, email=EmailAddress("c@b.com"))
    assert app.do(theirs, keyed("r", actor="else")).stream != registered.stream


def test_a_change_sent_again_needs_no_version(app: Application, fedex: str) -> None:
    """A change sent again succeeds although its expected version is past, by its own doing."""
    sent = replace(keyed("k"), expected=frozenset({1}))
    first = app.do(rename(fedex, "DHL"), sent)
    assert app.do(rename(fedex, "DHL"), sent) == replace(first, replayed=True)


def test_a_refused_command_can_be_sent_again(app: Application, fedex: str) -> None:
    """A refused command leaves its key unused."""
    dhl = app.do(replace(FEDEX, email=EmailAddress("a@dhl.com"))).stream
    with pytest.raises(AlreadyClaimed):
        app.do(ChangeEmail(dhl, FEDEX.email), keyed("k"))
    app.do(RetireCarrier(fedex, REASON))
    assert app.do(ChangeEmail(dhl, FEDEX.email), keyed("k")) == CommandDone(dhl, 2, "active")


@pytest.mark.parametrize("others_first", [0, 1])
def test_one_key_at_the_same_moment_is_one_change(
    app: Application, others: Application, store: BusyStore, fedex: str, others_first: int
) -> None:
    """The slower of two requests with one key finds its commit already applied, also with another
    change before it."""
    same = rename(fedex, "DHL")

    def meanwhile() -> None:
        for number in range(others_first):
            others.do(rename(fedex, f"Other {number}"))
        others.do(same, keyed("k"))

    store.meanwhile = [meanwhile]
    done = app.do(same, keyed("k"))
    assert done == CommandDone(fedex, 2 + others_first, "active", replayed=True)
    assert app.types(fedex).count("CarrierRenamed") == others_first + 1


@pytest.mark.parametrize("others_first", [0, 1])
def test_one_key_with_a_version_at_the_same_moment_is_one_change(
    app: Application, others: Application, store: BusyStore, fedex: str, others_first: int
) -> None:
    """The slower request with a version is answered as done, not as stale."""
    done_by_them = CommandDone(fedex, 2, "active")

    def meanwhile() -> None:
        assert others.do(rename(fedex, "DHL"), keyed("k")) == done_by_them
        for number in range(others_first):
            others.do(rename(fedex, f"Other {number}"))

    store.meanwhile = [meanwhile]
    sent = replace(keyed("k"), expected=frozenset({1}))
    assert app.do(rename(fedex, "DHL"), sent) == replace(done_by_them, replayed=True)


def test_one_key_on_another_version_at_the_same_moment_is_one_change(
    app: Application, others: Application, store: BusyStore, fedex: str
) -> None:
    """A request that names two versions is done once, on the later of them."""
    sent = replace(keyed("k"), expected=frozenset({1, 2}))

    def meanwhile() -> None:
        others.do(rename(fedex, "Other"))
        others.do(rename(fedex, "DHL"), sent)

    store.meanwhile = [meanwhile]
    done = CommandDone(fedex, 3, "active", replayed=True)
    assert app.do(rename(fedex, "DHL"), sent) == done


def test_one_key_for_two_requests_at_the_same_moment(
    app: Application, others: Application, store: BusyStore, fedex: str
) -> None:
    """Of two requests with one key one is done, and the other is refused."""
    store.meanwhile = [lambda: others.do(rename(fedex, "DHL"), keyed("k"))]
    with pytest.raises(KeyReused):
        app.do(rename(fedex, "UPS"), keyed("k", "another request"))
    store.meanwhile = [lambda: others.do(FEDEX_TWO, keyed("r"))]
    with pytest.raises(KeyReused):
        app.do(replace(FEDEX_TWO, name=CarrierName("x")), keyed("r", "another request"))
    assert app.types(fedex) == ["CarrierRegistered", "CarrierRenamed"]


def test_many_clients_send_one_key(app: Application, fedex: str) -> None:
    """Of 16 clients that send one key at once all get one answer, all but one as a replay, and one
    event is written."""
    answers = at_once(16, lambda _: app.do(rename(fedex, "DHL"), keyed("k")))
    assert {replace(answer, replayed=True) for answer in answers} == {
        CommandDone(fedex, 2, "active", replayed=True)
    }
    assert sum(not answer.replayed for answer in answers) == 1
    registered = at_once(16, lambda _: app.do(FEDEX_TWO, keyed("r")))
    assert len({answer.stream for answer in registered}) == 1
    assert sum(not answer.replayed for answer in registered) == 1
    assert len(app.types(registered[0].stream)) == 1
