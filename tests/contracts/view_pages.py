"""What the directory's pages have to be over every view store, however rare the matches are."""

import json
import random
from contextlib import nullcontext
from dataclasses import replace

import pytest

from app.application.deadline import Deadline
from app.application.directory.pages import Directory
from app.application.directory.query import CARRIERS, Query
from app.application.ports.errors import StoreUnavailable
from app.application.ports.views import WHOLE_SORTS, Row, ViewStore
from app.application.projections import PROJECTIONS
from tests.support.directory import carrier, covers
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


class ViewPagesContract:
    """Subclasses give the fixture `views`: a store without a view of carriers."""

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
            found: list[str] = []
            cursor = None
            while True:
                page = directory.page(replace(query, cursor=cursor), soon())
                found += [body["name"] for body in page.rows]
                cursor = page.next_cursor
                if cursor is None:
                    break
                assert len(page.rows) == query.limit
            assert found == expected
        with pytest.raises(StoreUnavailable):
            directory.page(rare, Deadline.after(0))
