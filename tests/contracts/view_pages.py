"""What the directory's pages have to be over every view store, however rare the matches are."""

import json
import random
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from uuid import UUID

import pytest

from app.application.deadline import Deadline
from app.application.directory.pages import Directory
from app.application.directory.query import CARRIERS, Query
from app.application.ports.errors import StoreUnavailable
from app.application.ports.views import WHOLE_SORTS, Row, ViewStore
from app.application.projections import PROJECTIONS
from app.application.projections.carriers import row_of
from app.application.projections.eligibility import may
from app.application.projections.replay import Folded
from app.application.shown import Shown
from app.domain.approval import Approval, subject_of
from app.domain.documents import Document
from app.domain.eligibility import Work
from app.domain.policy.adopt import POLICY_ID
from app.domain.policy.state import PolicyState
from app.domain.profile import Profile
from app.domain.state import CarrierState
from tests.support.directory import START, carrier, covers
from tests.support.policies import policy, requires
from tests.support.stores import soon
from tests.support.views import Written, made_live, new

CARRIERS_IN_ALL = 2_400
RARE = frozenset({5, 1_150, 2_390})
"""The carriers that have what else no carrier has together."""


def one_of_many(number: int) -> Row:
    """Active and flying or retired and driving, in turns at random; those of RARE are both active
    and driving."""
    is_active = random.Random(number).random() < 0.5
    is_flying = is_active and number not in RARE
    return carrier(
        number,
        f"n{number:04}",
        "active" if is_active or number in RARE else "retired",
        coverage=covers(**{"air" if is_flying else "parcel": ["DE"]}),
    )


def offered(number: int) -> Row:
    """A carrier that flies in Germany, worldwide or nowhere, and is insured, badly insured or not
    at all, at random; those of RARE are approved as well."""
    chance = random.Random(number)
    where = chance.choice((["DE", "FR"], ["worldwide"], []))
    limit = {"amount": chance.choice(("5", "20")), "currency": "EUR"}
    cover = Document(1, "cargo-insurance", "1", "Us", "2026-01-01", None, limit)
    state = CarrierState(
        f"n{number:04}",
        f"c{number}@x.com",
        profile=Profile(coverage=covers(air=where) if where else []),
        documents={1: cover} if chance.random() < 0.7 else {},
    )
    if number in RARE:
        state = replace(state, approval=Approval(True, "Called", subject_of(state.as_json())))
    moment = START + timedelta(minutes=number)
    return row_of(Folded(str(UUID(int=number)), 1, state, moment, moment, moment.date()))


class ViewPagesContract:
    """Subclasses give the fixture `views`: a store without a view of carriers."""

    def test_who_may_be_given_some_work_fills_every_page(self, views: ViewStore) -> None:
        """By a policy that few or many carriers meet: what a judgement of each row would give."""
        live = Written(views, made_live(views, PROJECTIONS[CARRIERS].key))
        rows = [offered(number) for number in range(CARRIERS_IN_ALL)]
        for start in range(0, len(rows), 800):
            live.put(*new(*rows[start : start + 800]))
        bodies = [json.loads(row.body) for row in rows]
        work = Work("DE", "air", date(2026, 12, 1))
        minimum = requires(minimum=(10, "EUR"))
        for terms in (policy(), policy(minimum), policy(approval_required=True)):
            asked = PolicyState.of(terms)
            directory = Directory(views, lambda: None, nullcontext, partial(_holds, asked))
            expected = [body["name"] for body in bodies if may(body, work, asked)]
            assert expected or asked.approval_required
            query = Query(work=work, on="2026-12-01", limit=50)
            assert list(all_names(directory, query)) == expected

    def test_every_page_is_full_while_there_is_more(self, views: ViewStore) -> None:
        """Two filters that half of the carriers fit each, and three carriers fit both, more than a
        thousand apart: the pages of any size give each of these once. Without time for the walk
        there is no page at all."""
        live = Written(views, made_live(views, PROJECTIONS[CARRIERS].key))
        rows = [one_of_many(number) for number in range(CARRIERS_IN_ALL)]
        for start in range(0, len(rows), 800):
            live.put(*new(*rows[start : start + 800]))
        directory = Directory(views, lambda: None, nullcontext)
        names = {number: f"n{number:04}" for number in range(CARRIERS_IN_ALL)}
        active = [names[n] for n in names if json.loads(rows[n].body)["state"] == "active"]
        rare = Query(states=frozenset({"active"}), services=frozenset({"parcel"}))
        for query, expected in (
            *(
                (replace(rare, sort=sort, limit=limit), sorted(names[n] for n in RARE))
                for sort in WHOLE_SORTS
                for limit in (1, 2, 25)
            ),
            (replace(rare, words=frozenset({"n"})), sorted(names[n] for n in RARE)),
            (Query(states=frozenset({"active"}), words=frozenset({"n"}), limit=100), active),
        ):
            assert list(all_names(directory, query)) == expected
        with pytest.raises(StoreUnavailable):
            directory.page(rare, Deadline.after(0))


def all_names(directory: Directory, query: Query) -> Iterator[str]:
    """The names on all pages, each of which but the last has to be full."""
    while True:
        page = directory.page(query, soon())
        yield from (body["name"] for body in page.rows)
        if page.next_cursor is None:
            return
        assert len(page.rows) == query.limit
        query = replace(query, cursor=page.next_cursor)


def _holds(policy: PolicyState, _: Deadline) -> Shown[PolicyState]:
    return Shown(POLICY_ID, 1, policy, None, None)
