"""Exactly once: one Idempotency-Key from many clients at once, and across kill -9.

Whatever was acknowledged, or not, before a worker died: sent again with the same key it is there
once, and the first answer comes again.
"""

import random
from collections import Counter
from collections.abc import Sequence
from uuid import uuid4

import pytest

from tests.support.deployment import (
    Deployment,
    Request,
    carrier_of,
    new_address,
    registration,
    store_of,
)
from tests.support.measurements import Figures, each_round, rounds
from tests.support.processes import wait_until
from tests.support.service import Answer

pytestmark = pytest.mark.soak

CLIENTS = 32
RACES = 100  # of each of two commands
KILLS = 100


def renaming(carrier_id: str, name: str, key: str | None = None) -> Request:
    """Of a carrier."""
    return Request(f"/carriers/{carrier_id}/rename", {"name": name}, key)


def is_replay(answer: Answer) -> bool:
    """Whether it says that the command had been done before."""
    return answer.headers.get("Idempotent-Replay") == "true"


def one_answer(answers: Sequence[Answer], status: int) -> tuple[bytes, str]:
    """Body and ETag that all have in common; at most one of them is not a replay."""
    assert Counter(answer.status for answer in answers) == {status: len(answers)}
    found = {(answer.body, answer.headers["ETag"]) for answer in answers}
    assert len(found) == 1
    assert sum(not is_replay(answer) for answer in answers) <= 1
    return found.pop()


def test_one_key_from_many_clients_at_once_is_one_event(
    deployment: Deployment, figures: Figures
) -> None:
    """32 clients register with one key, then rename with one key: each time all get one answer,
    all but one as a replay, and one event is written. The same again after a later command."""
    for _ in each_round(RACES):
        register = registration(new_address(), str(uuid4()))
        registered = deployment.insist_at_once([register] * CLIENTS)
        first = one_answer(registered, 201)
        carrier = carrier_of(registered[0])
        assert types(deployment, carrier) == ["CarrierRegistered"]

        rename = renaming(carrier, "FedEx Express", str(uuid4()))
        renamed = deployment.insist_at_once([rename] * CLIENTS)
        second = one_answer(renamed, 200)
        assert types(deployment, carrier) == ["CarrierRegistered", "CarrierRenamed"]

        assert deployment.insist(renaming(carrier, "FDX")).status == 200
        assert one_answer([deployment.insist(register)], 201) == first
        assert one_answer([deployment.insist(rename)], 200) == second
        assert len(types(deployment, carrier)) == 3
    figures.add(
        f"{CLIENTS} clients send one key at once, {store_of(deployment)}",
        2 * rounds(RACES),
        "one event and one answer each, also after a later command (half register, half rename)",
    )


def test_kill_9_and_a_resend_is_one_event(deployment: Deployment, figures: Figures) -> None:
    """All workers are killed at a random moment while clients register and rename; started again,
    and the commands sent again with their keys: one event each, and what had been answered is
    answered the same, also after later commands of others."""
    chance = random.Random()
    seen: Counter[str] = Counter()
    for number in each_round(KILLS):
        if number % 10 == 9:
            restart(deployment)
        carrier = carrier_of(deployment.insist(registration(new_address())))
        requests = [registration(new_address(), str(uuid4())) for _ in range(8)]
        requests += [renaming(carrier, name, str(uuid4())) for name in ("UPS", "DHL", "GLS")]
        first = deployment.post_and_kill(requests, chance, every=True)
        seen["cut off"] += first.count(None)
        answers = [deployment.insist(request) for request in requests]
        seen["had been done"] += sum(
            before is None and is_replay(answer)
            for before, answer in zip(first, answers, strict=True)
        )
        for before, answer in zip(first, answers, strict=True):
            assert before is None or one_answer([answer], before.status) == one_answer(
                [before], before.status
            )
        assert deployment.insist(renaming(carrier, "somebody else's")).status == 200
        for answer, request in zip(answers, requests, strict=True):
            again = deployment.insist(request)
            assert is_replay(again)
            assert one_answer([again], answer.status) == one_answer([answer], answer.status)
        for answer in answers[:8]:
            assert types(deployment, carrier_of(answer)) == ["CarrierRegistered"]
        assert types(deployment, carrier) == ["CarrierRegistered", *["CarrierRenamed"] * 4]
    figures.add(
        f"kill -9 of all workers among 11 commands, then a re-send, {store_of(deployment)}",
        rounds(KILLS),
        f"{seen['cut off']} cut off, {seen['had been done']} of them had been done all the same;"
        " one event and one answer each",
    )


def types(deployment: Deployment, carrier_id: str) -> list[object]:
    """What happened to the carrier, oldest first."""
    return [event["type"] for event in deployment.history(carrier_id)]


def restart(deployment: Deployment) -> None:
    """Kill the whole service, its master too, and start it again."""
    deployment.service.server.kill()
    deployment.service.server.start()
    wait_until(lambda: len(deployment.workers()) == 2, 10, "two workers")
