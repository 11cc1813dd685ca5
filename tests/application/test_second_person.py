"""Two people on a real store: who they are, what they claim, and the same request sent again."""

from dataclasses import replace

import pytest

from app.application.command_context import CommandContext
from app.application.handlers import CommandDone
from app.application.ports.event_store import AlreadyClaimed
from app.domain.commands.approve import ApproveCarrier
from app.domain.commands.change_email import ChangeEmail
from app.domain.commands.confirm_change import ConfirmChange
from app.domain.commands.discard_change import DiscardChange
from app.domain.errors import InvalidInput, SecondPersonNeeded
from app.domain.values import EmailAddress, Reason
from tests.support.application import FEDEX, FEDEX_TWO, Application, keyed, rename
from tests.support.commits import context
from tests.support.policies import adopt, policy

WHY = Reason("Called them")
NEW = EmailAddress("new@fedex.com")


def sent_by(actor: str) -> CommandContext:
    """The context of somebody's request."""
    return replace(context(), actor=actor)


@pytest.fixture
def fedex(app: Application) -> str:
    """A carrier that ann has registered; a change of its address waits."""
    app.do(adopt(policy(second_person_for=["email"])))
    return app.do(FEDEX, sent_by("ann")).stream


def test_a_carrier_is_approved_by_another_actor(app: Application, fedex: str) -> None:
    """Whoever changed it since is no other; without keys nobody is."""
    app.do(rename(fedex, "FedEx Express"), sent_by("bob"))
    for actor in ("ann", "bob", "anonymous"):
        with pytest.raises(SecondPersonNeeded):
            app.do(ApproveCarrier(fedex, WHY), sent_by(actor))
    assert app.do(ApproveCarrier(fedex, WHY), sent_by("cid")).version == 3


def test_a_dry_run_is_refused_as_well(app: Application, fedex: str) -> None:
    """It says what would be done: nothing."""
    with pytest.raises(SecondPersonNeeded):
        app.do(ApproveCarrier(fedex, WHY), replace(sent_by("ann"), dry_run=True))
    done = app.do(ApproveCarrier(fedex, WHY), replace(sent_by("bob"), dry_run=True))
    assert (done.version, len(done.planned)) == (2, 1)


def test_an_approval_that_is_sent_again_gets_the_first_answer(app: Application, fedex: str) -> None:
    """Also after its actor has changed the carrier, and could not approve it any more."""
    first = app.do(ApproveCarrier(fedex, WHY), keyed("k", actor="bob"))
    app.do(rename(fedex, "FedEx Express"), sent_by("bob"))
    again = app.do(ApproveCarrier(fedex, WHY), keyed("k", actor="bob"))
    assert again == replace(first, replayed=True)
    with pytest.raises(SecondPersonNeeded):
        app.do(ApproveCarrier(fedex, WHY), sent_by("bob"))


def test_a_proposal_takes_no_address(app: Application, fedex: str) -> None:
    """Another carrier can have it meanwhile; then the change cannot be confirmed, and waits."""
    app.do(ChangeEmail(fedex, NEW), sent_by("bob"))
    other = app.do(replace(FEDEX_TWO, email=NEW)).stream
    for dry_run in (True, False):
        with pytest.raises(AlreadyClaimed) as caught:
            app.do(ConfirmChange(fedex, 1, WHY), replace(sent_by("ann"), dry_run=dry_run))
        assert caught.value.owner == other
    assert app.types(fedex) == ["CarrierRegistered", "CarrierChangeProposed"]
    assert app.do(DiscardChange(fedex, 1, WHY), sent_by("bob")).version == 3


def test_a_confirmation_takes_the_address_and_frees_the_former(
    app: Application, fedex: str
) -> None:
    """In one commit with the change."""
    app.do(ChangeEmail(fedex, NEW), sent_by("bob"))
    assert app.do(ConfirmChange(fedex, 1, WHY), sent_by("ann")) == CommandDone(fedex, 4, "active")
    with pytest.raises(AlreadyClaimed):
        app.do(replace(FEDEX_TWO, email=NEW))
    app.do(replace(FEDEX_TWO, email=FEDEX.email))
    assert app.types(fedex)[1:] == [
        "CarrierChangeProposed",
        "CarrierEmailChanged",
        "CarrierChangeConfirmed",
    ]


def test_a_proposal_and_a_confirmation_are_sent_again(app: Application, fedex: str) -> None:
    """Each gets its first answer, with its key; without one the confirmation is done already, and
    the change that is asked for is the case."""
    proposal, confirmation = ChangeEmail(fedex, NEW), ConfirmChange(fedex, 1, WHY)
    proposed = app.do(proposal, keyed("k", actor="bob"))
    confirmed = app.do(confirmation, keyed("l", actor="ann"))
    assert app.do(proposal, keyed("k", actor="bob")) == replace(proposed, replayed=True)
    assert app.do(confirmation, keyed("l", actor="ann")) == replace(confirmed, replayed=True)
    assert app.do(confirmation, sent_by("ann")).version == confirmed.version
    assert app.do(proposal, sent_by("bob")).version == confirmed.version


def test_what_was_proposed_under_a_policy_can_be_confirmed_under_another(
    app: Application, fedex: str
) -> None:
    """By a second person all the same; a change by one person is possible meanwhile."""
    app.do(ChangeEmail(fedex, NEW), sent_by("bob"))
    app.do(adopt(policy()))
    with pytest.raises(SecondPersonNeeded):
        app.do(ConfirmChange(fedex, 1, WHY), sent_by("bob"))
    app.do(ChangeEmail(fedex, EmailAddress("other@fedex.com")), sent_by("bob"))
    assert app.do(ConfirmChange(fedex, 1, WHY), sent_by("ann")).version == 5
    with pytest.raises(InvalidInput):
        app.do(DiscardChange(fedex, 1, WHY), sent_by("ann"))
