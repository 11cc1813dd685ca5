"""Finds the candidates of a page: the places that may stand in every list of a query.

Between `pages.py`, which checks each candidate's row, and the store's lists. All lists of an order
are in that order. So a join reads them in blocks side by side, and skips in each of them whatever
stands before the first place of another; most rare intersections are found without reading a row.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence

from app.application.ports.views import Place

MAX_BLOCK = 500
"""How many places a list is read at a time, at most."""

ROW_COST = 16
"""So many places of a list, about, are read in the time that a row takes to be read and checked."""

COSTLY_AFTER = 2_000
"""So many candidates are looked at before a list is read that takes as long to begin with as
thousands of rows: where a page has its matches among them, it is not needed."""

_ALL = 2**31

ReadPlaces = Callable[[Place | None, int], list[Place] | None]
"""Reads the next places of a list behind a place, at most so many; None if the store cannot put
this list in order."""

_FIRST: Place = ("", "")

_Reach = tuple[bool, Place]


class PlaceList:
    """A list of a view, of which one block is held at a time: `places`."""

    def __init__(self, read: ReadPlaces) -> None:
        self._read = read
        self.places: list[Place] = []
        self.has_ended = False

    def seek(self, start: Place, size: int) -> bool:
        """Leave out the places before `start`, and read on if none is left, `size` at a time.
        False if the store cannot put the list in order."""
        behind = _just_before(start)
        while True:
            self.places = self.places[bisect_left(self.places, start) :]
            if self.places or self.has_ended:
                return True
            block = self._read(behind, size)
            if block is None:
                return False
            self.has_ended = len(block) < size
            self.places = block
            behind = block[-1] if block else behind

    @property
    def reach(self) -> _Reach:
        """How far the list is known. What has ended is known farther than any place."""
        return self.has_ended, self.places[-1]


class CostlyList(PlaceList):
    """A list that takes long to begin with, so it is read at once."""

    def seek(self, start: Place, _: int) -> bool:
        """See `PlaceList`."""
        return super().seek(start, _ALL)


def candidates(
    lists: Sequence[PlaceList],
    everything: PlaceList,
    after: Place | None,
    size: int,
    costly: PlaceList | None = None,
) -> Iterator[list[Place]]:
    """The places behind `after` that may stand in all of `lists`, in order, in parts.

    Those that the store cannot put in order are left out, and `everything` stands for them if there
    is no other. The first part is a block of the first list alone, `size` places: that fills most
    pages, and spares the other lists. All that follows is joined, once COSTLY_AFTER candidates have
    not filled the page with the `costly` list as well.
    """
    start = _FIRST if after is None else _just_behind(after)
    lead = next(each for each in (*lists, everything) if each.seek(start, size))
    yield lead.places
    if not lead.has_ended:
        yield from _joined(_just_behind(lead.places[-1]), lists, everything, size, costly)


def joined(lists: Sequence[PlaceList], everything: PlaceList) -> Iterator[list[Place]]:
    """As `candidates` from the first place on, with no list spared: for who wants all of them."""
    return _joined(_FIRST, lists, everything, MAX_BLOCK)


def _joined(
    start: Place,
    lists: Sequence[PlaceList],
    everything: PlaceList,
    size: int,
    costly: PlaceList | None = None,
) -> Iterator[list[Place]]:
    """The candidates from a place on, in parts, of which some are empty."""
    given = 0
    while True:
        size = min(2 * size, MAX_BLOCK)
        if costly is not None and given >= COSTLY_AFTER:
            if costly.seek(start, size):
                lists = [*lists, costly]
            costly = None
        read = [each for each in lists if each.seek(start, size)]
        if not read and everything.seek(start, size):
            read = [everything]
        if not all(each.places for each in read):
            return
        low = max(each.places[0] for each in read)
        if any(each.places[-1] < low for each in read):
            start = low
            yield []
            continue
        sparsest = max(read, key=lambda each: each.reach)
        has_ended, last = min(each.reach for each in read if _pays(each, sparsest))
        part = _in_all(read, sparsest.places[: bisect_right(sparsest.places, last)])
        given += len(part)
        yield part
        if has_ended:
            return
        start = _just_behind(last)


def _pays(one: PlaceList, sparsest: PlaceList) -> bool:
    """Whether to read on in a list costs less than the rows of the candidates that it may rule
    out."""
    covered = bisect_right(sparsest.places, one.places[-1])
    return one.has_ended or covered * ROW_COST >= len(sparsest.places)


def _in_all(lists: Sequence[PlaceList], places: Sequence[Place]) -> list[Place]:
    """Those of the places that no list lacks, as far as the lists are known."""
    found = list(places)
    for each in lists:
        held, reach = set(each.places), each.reach
        found = [place for place in found if place in held or (False, place) > reach]
    return found


def _just_behind(place: Place) -> Place:
    """The first place that can follow in an order."""
    key, carrier_id = place
    return key, f"{carrier_id}\0"


def _just_before(place: Place) -> Place:
    """A place before this one, with hardly another in between; the opposite of `_just_behind`."""
    key, carrier_id = place
    return key, carrier_id[:-1]
