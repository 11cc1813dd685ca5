"""What Cassandra's answer to a commit's batch means. Without a Cassandra."""

from typing import Any
from uuid import uuid4

import pytest

from app.application.ports.event_store import NO_CLAIMS, NO_STREAM, Appended, Claim, Claims
from app.infrastructure.cassandra.append.commit import (
    Commit,
    Conflict,
    Fenced,
    Headless,
    Verdict,
    batch_of,
    judge,
)
from app.infrastructure.cassandra.append.intent_log import IntentId
from tests.support import stores

COMMIT_ID, OTHER = uuid4(), uuid4()
FENCE, MOVED = uuid4(), uuid4()
ON_TWO = Commit("stream", 2, stores.commit(2, COMMIT_ID)[1], COMMIT_ID, NO_CLAIMS)
NEW = Commit("stream", NO_STREAM, stores.commit(1, COMMIT_ID)[1], COMMIT_ID, NO_CLAIMS)


def refused(head: int | None, commit_id: object = OTHER, fence: object = FENCE) -> dict[str, Any]:
    """A refusal, which shows the stream's static columns."""
    return {"[applied]": False, "head": head, "commit_id": commit_id, "fence": fence}


@pytest.mark.parametrize(
    ("commit", "answer", "verdict"),
    [
        pytest.param(ON_TWO, {"[applied]": True}, Appended(4), id="applied"),
        pytest.param(
            ON_TWO, refused(4, COMMIT_ID), Appended(4, already_applied=True), id="meets itself"
        ),
        pytest.param(ON_TWO, refused(2, fence=MOVED), Fenced(MOVED), id="fenced"),
        pytest.param(
            ON_TWO, refused(2, fence=None), Fenced(None), id="remembered a fence too many"
        ),
        pytest.param(
            NEW, refused(None, None, MOVED), Fenced(MOVED), id="fenced before it was there"
        ),
        pytest.param(ON_TWO, refused(3), Conflict(3), id="others were first"),
        pytest.param(ON_TWO, refused(3, fence=MOVED), Conflict(3), id="and moved the fence"),
        pytest.param(ON_TWO, refused(1), Conflict(1), id="too high"),
        pytest.param(NEW, refused(1), Conflict(1), id="there already"),
        pytest.param(ON_TWO, refused(None, None), Headless(), id="no head"),
        pytest.param(NEW, refused(None, None), Headless(), id="rows without a head"),
        pytest.param(ON_TWO, refused(None, None, MOVED), Headless(), id="no head behind a fence"),
        pytest.param(ON_TWO, {"[applied]": False}, Headless(), id="no partition"),
    ],
)
def test_what_an_answer_means(commit: Commit, answer: dict[str, Any], verdict: Verdict) -> None:
    """A moved fence counts only at the version that the commit is made on: at any other, it is a
    conflict, fence or not."""
    assert judge(commit, FENCE, answer) == verdict


def test_a_batch_moves_the_head_first_and_inserts_every_event() -> None:
    """On the condition of head and fence; each row is marked with the intent."""
    intent = IntentId(uuid4(), 7)
    move, *inserts = batch_of(ON_TWO, FENCE, intent)
    assert move == ("move_head", (4, COMMIT_ID, "stream", 2, COMMIT_ID, FENCE))
    assert [(name, values[1]) for name, values in inserts] == [("insert", 3), ("insert", 4)]
    assert all(values[-2:] == intent for _, values in inserts)


def test_a_new_stream_has_no_head_and_no_first_row() -> None:
    """So that a stream of the original registry, which has rows but no head, is not taken for a
    new one."""
    move, insert = batch_of(NEW, None, IntentId(uuid4(), 1))
    assert move[1][3] is None
    assert insert[0] == "insert_first"


def test_claims_change_in_the_same_batch() -> None:
    """What a stream holds follows from its events."""
    claims = Claims(taken=(Claim("email", "new"),), freed=(Claim("email", "old"),))
    commit = Commit("stream", 2, ON_TWO.events, COMMIT_ID, claims)
    assert batch_of(commit, None, IntentId(uuid4(), 1))[1:3] == [
        ("let_go", ({"email:old"}, "stream")),
        ("hold", ({"email:new"}, "stream")),
    ]
