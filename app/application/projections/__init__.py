"""Projections: from the events of a carrier's stream to what a view holds of it.

`folding.py` makes the state that a stream has at a version, a projection says how that state shows
in a view, `batch.py` collects what some events change, `projector.py` writes it. `follower.py`
keeps what readers are given up with the feed, `rebuild.py` makes it anew beside them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from app.application.projections import carriers, statistics
from app.application.projections.folding import Folded
from app.application.views import Row

__all__ = ["PROJECTIONS", "Projection"]


@dataclass(frozen=True, slots=True)
class Projection:
    """How a carrier shows in a view: as a row, or in counts, by two pure functions of its state.

    What an event changes is the difference between the states before and after it. `counted` gives
    the keys of the counts in which the carrier is one.
    """

    name: str
    row: Callable[[Folded], Row] | None = None
    counted: Callable[[Folded], frozenset[str]] | None = None


PROJECTIONS: Mapping[str, Projection] = MappingProxyType(
    {
        "carriers": Projection("carriers", row=carriers.row_of),
        "statistics": Projection("statistics", counted=statistics.counted),
    }
)
"""Every projection by its name."""
