"""One owner per e-mail address: clients that race over HTTP, and workers that are killed.

Whatever dies where: no address stays lost, none has two owners, and the claims are what the events
say.
"""

import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest

from tests.support.deployment import (
    DYING,
    Deployment,
    Request,
    carrier_of,
    deployed,
    new_address,
    registration,
    spelled,
    store_of,
)
from tests.support.measurements import Figures, each_round, rounds
from tests.support.service import Answer

pytestmark = pytest.mark.soak

CLIENTS = 32
RACES = 200
MOVES = 100
KILLS = 50
FEW_SECONDS = 5.0


@pytest.fixture(scope="module")
def dying(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """The service over Cassandra, whose workers die where a request says so."""
    with deployed(request, "cassandra", tmp_path_factory.mktemp("dying"), DYING) as running:
        yield running


def move(carrier_id: str, address: str, key: str | None = None) -> Request:
    """Of a carrier to this address."""
    return Request(f"/carriers/{carrier_id}/change-email", {"email": address}, key)


def is_refused_for_its_address(answer: Answer) -> bool:
    """Whether it is a 409 that says why."""
    return answer.status == 409 and answer.json["error"]["details"].keys() == {"email"}


def test_of_many_that_race_for_an_address_one_gets_it(
    deployment: Deployment, figures: Figures
) -> None:
    """32 clients register one address in 32 spellings: one 201 and 31 times 409 with
    details.email. Each loser then gets another address, and one of them this one once its owner
    retires."""
    chance = random.Random()
    for _ in each_round(RACES):
        address = new_address()
        spellings = [spelled(address, chance) for _ in range(CLIENTS)]
        answers = deployment.insist_at_once([registration(each) for each in spellings])
        assert Counter(answer.status for answer in answers) == {201: 1, 409: CLIENTS - 1}
        assert sum(map(is_refused_for_its_address, answers)) == CLIENTS - 1

        others = deployment.insist_at_once(
            [registration(f"{client}.{address}") for client in range(CLIENTS)]
        )
        assert Counter(answer.status for answer in others) == {201: CLIENTS}

        winner = next(answer for answer in answers if answer.status == 201)
        retirement = Request(f"/carriers/{carrier_of(winner)}/retire", {"reason": "merged"})
        assert deployment.insist(retirement).status == 200
        assert deployment.insist(move(carrier_of(others[0]), address)).status == 200
    figures.add(
        f"{CLIENTS} clients register one address, {store_of(deployment)}",
        rounds(RACES),
        f"one 201 and {CLIENTS - 1} 409 each; every loser's other address was free,"
        " and the address again once its owner retired",
    )


def test_of_many_that_move_to_an_address_one_gets_it(
    deployment: Deployment, figures: Figures
) -> None:
    """Five of the eight are one carrier's, as of somebody impatient. In the end one carrier has the
    address, and a newcomer is refused."""
    for _ in each_round(MOVES):
        address = new_address()
        carriers = [carrier_of(deployment.insist(registration(new_address()))) for _ in range(4)]
        movers = [*[carriers[0]] * 4, *carriers]
        answers = deployment.insist_at_once([move(mover, address) for mover in movers])
        assert {answer.status for answer in answers} <= {200, 409}
        owners = {
            mover for mover, answer in zip(movers, answers, strict=True) if answer.status == 200
        }
        assert len(owners) == 1
        assert is_refused_for_its_address(deployment.insist(registration(address)))
    figures.add(
        f"8 requests of 4 carriers move to one address, {store_of(deployment)}",
        rounds(MOVES),
        "one owner each, and a newcomer is refused",
    )


def test_kill_9_at_random_moments_leaves_one_owner_each(
    deployment: Deployment, figures: Figures
) -> None:
    """A worker is killed while carriers register at, or move to, contested addresses. Sent again,
    every request is answered; each address has one owner, and what was left behind is free."""
    chance = random.Random()
    unanswered = 0
    before = deployment.streams()
    for _ in each_round(KILLS):
        address = new_address()
        owner = carrier_of(deployment.insist(registration(new_address())))
        requests = [registration(address, str(uuid4())) for _ in range(5)]
        requests += [move(owner, address, str(uuid4())) for _ in range(3)]
        first = deployment.post_and_kill(requests, chance)
        unanswered += first.count(None)
        answers = [deployment.insist(request) for request in requests]
        registered = [answer for answer in answers[:5] if answer.status == 201]
        moved = [answer for answer in answers[5:] if answer.status == 200]
        assert len(registered) + bool(moved) == 1
        for early, late in zip(first, answers, strict=True):
            if early is not None and early.status < 300:
                assert (late.status, late.body) == (early.status, early.body)
        assert is_refused_for_its_address(deployment.insist(registration(address)))
    assert deployment.disagreements(but=before) == []
    figures.add(
        f"kill -9 of a worker among 8 requests for one address, {store_of(deployment)}",
        rounds(KILLS),
        f"{unanswered} requests were cut off; none lost, none with two owners,"
        " claims and events agree",
    )


@dataclass(frozen=True)
class Death:
    """Where a worker dies during which command, and whether its events are there then."""

    command: str
    point: str
    done: bool


DEATHS = (
    Death("register-carrier", "before append", done=False),
    Death("change-email", "before append", done=False),
    Death("change-email", "before delete_claim", done=True),
    Death("retire", "before delete_claim", done=True),
    Death("register-carrier", "after append", done=True),
    # With the claim under way at the same time.
    Death("register-carrier", "before prepare", done=False),
    Death("register-carrier", "after prepare", done=False),
    Death("change-email", "before prepare", done=False),
    Death("change-email", "after claim", done=False),
)


@pytest.mark.alone
def test_a_death_between_claim_and_append_loses_nothing(
    dying: Deployment, figures: Figures
) -> None:
    """The worker is gone between the two writes that a unique value takes. What was not appended
    is free for others within seconds, what was appended is owned, and never both."""
    longest = 0.0
    before = dying.streams()
    for number in each_round(KILLS):
        death = DEATHS[number % len(DEATHS)]
        old, new, key = new_address(), new_address(), str(uuid4())
        request = registration(new, key)
        if death.command != "register-carrier":
            carrier = carrier_of(dying.insist(registration(old)))
            body = {"reason": "merged"} if death.command == "retire" else {"email": new}
            request = Request(f"/carriers/{carrier}/{death.command}", body, key)
        assert dying.post(request, **{"X-Die": death.point}) is None

        began = time.monotonic()
        is_left = death.done and death.command in {"change-email", "retire"}
        if death.command != "register-carrier":
            assert dying.insist(registration(old)).status == (201 if is_left else 409)
        is_taken = death.done and death.command != "retire"
        assert dying.insist(registration(new)).status == (409 if is_taken else 201)
        longest = max(longest, time.monotonic() - began)
        assert longest < FEW_SECONDS

        again = dying.insist(request)
        assert again.headers.get("Idempotent-Replay") == ("true" if death.done else None)
        assert death.done or is_refused_for_its_address(again)
    assert dying.disagreements(but=before) == []
    figures.add(
        "kill -9 between claim and append, and between append and release, cassandra",
        rounds(KILLS),
        f"none lost (free after {longest:.1f} s at most), none with two owners,"
        " claims and events agree",
    )
