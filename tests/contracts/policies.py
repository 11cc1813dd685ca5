"""What holds for the policy on every store. Subclass it with a fixture `store`.

The stream is one and the same for all tests, so each begins with whatever policy it finds.
"""

from dataclasses import replace
from itertools import count

import pytest

from app.application.handlers import CommandDone, StaleVersion
from app.application.ports.errors import OutcomeUnknown
from app.application.ports.event_store import (
    EventStore,
)
from app.domain.policy.adopt import POLICY_ID, AdoptPolicy
from tests.support.application import Application, keyed, seen
from tests.support.around_appends import AroundAppends
from tests.support.policies import adopt, policy
from tests.support.stores import soon
from tests.support.threads import at_once

_days = count(1)


def another() -> AdoptPolicy:
    """A policy that was not adopted before."""
    return adopt(policy(recent_within_days=next(_days)))


class Crashing(AroundAppends):
    """A store whose process dies behind an append: nobody gets the answer."""

    def after(self) -> None:
        """It dies."""
        raise OutcomeUnknown("it died")


class PolicyContract:
    """Adopted once, by one, in order."""

    @pytest.fixture
    def app(self, store: EventStore) -> Application:
        """The application on the store."""
        return Application(store)

    def test_of_two_at_once_one_wins(self, app: Application) -> None:
        """On the same version; the other one is told what has happened since."""
        before = app.policies.show(POLICY_ID, soon()).version
        commands = [another(), another()]

        def try_to(number: int) -> CommandDone | StaleVersion:
            try:
                return app.do(commands[number], seen(before))
            except StaleVersion as error:
                return error

        answers = at_once(2, try_to)
        (won,) = [each for each in answers if isinstance(each, CommandDone)]
        (lost,) = [each for each in answers if isinstance(each, StaleVersion)]
        assert won.version == lost.version == before + 1
        assert [entry.version for entry in lost.since] == [before + 1]
        shown = app.policies.show(POLICY_ID, soon())
        assert shown.version == before + 1
        winner = next(each for each, done in zip(commands, answers, strict=True) if done is won)
        assert shown.state.as_json() == winner.terms.as_json()

    def test_a_key_sent_twice_is_one_adoption(self, app: Application) -> None:
        """Also after another policy was adopted."""
        command, key = another(), keyed(f"policy {next(_days)}")
        first = app.do(command, key)
        app.do(another())
        assert app.do(command, key) == replace(first, replayed=True)

    def test_equal_content_is_recorded_once(self, app: Application) -> None:
        """With a key as without; the key keeps its answer."""
        command, key = another(), keyed(f"policy {next(_days)}")
        first = app.do(command)
        assert app.do(command) == first
        assert app.do(command, key) == first
        app.do(another())
        assert app.do(command, key) == replace(first, replayed=True)

    def test_a_crash_behind_the_append_is_no_second_adoption(self, store: EventStore) -> None:
        """Whoever sends it again with its key, in another process, gets the first answer."""
        command, key = another(), keyed(f"policy {next(_days)}")
        with pytest.raises(OutcomeUnknown):
            Application(Crashing(store)).do(command, key)
        app = Application(store)
        version = app.policies.show(POLICY_ID, soon()).version
        assert app.do(command, key) == CommandDone(POLICY_ID, version, "adopted", replayed=True)

    def test_a_policy_is_shown_as_it_was(self, app: Application) -> None:
        """By version; version 0 is the default."""
        command = another()
        version = app.do(command).version
        app.do(another())
        then = app.policies.show(POLICY_ID, soon(), version)
        assert (then.version, then.state.as_json()) == (version, command.terms.as_json())
        default = app.policies.show(POLICY_ID, soon(), 0)
        assert (default.version, default.state.state, default.began_at) == (0, "default", None)
