"""Projections: from the events of a carrier's stream to its row and counts in a view.

`replay.py` makes a carrier's state at a version, a projection (`carriers.py`, `statistics.py`)
turns that state into a row or counts, `batch.py` collects the changes of some events, and
`projector.py` writes them. `follower.py` keeps the live views up to date; `building.py` builds a
view of which this release has none yet; `rebuild.py` builds one anew beside the live one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from app.application.ports.views import Row
from app.application.projections import carriers, statistics
from app.application.projections.replay import Folded

__all__ = ["PROJECTIONS", "Projection"]


@dataclass(frozen=True, slots=True)
class Projection:
    """A view's content as two pure functions of a carrier's state: its row, or its counts.

    `counted` gives what the carrier adds to which counts. An event changes a view by the difference
    between the carrier's states before and after that event.

    Raise `version` whenever the same events result in another row, term, word, sort key or count,
    because of these functions or of how events are folded. Views are stored by `key`, so code of
    one version never reads or writes the views of another: two releases can run side by side on one
    store, each with its own views.
    """

    name: str
    version: int
    row: Callable[[Folded], Row] | None = None
    counted: Callable[[Folded], Mapping[str, int]] | None = None

    @property
    def key(self) -> str:
        """The name of the projection's views in a store, such as `carriers.v1`."""
        return f"{self.name}.v{self.version}"

    @property
    def former_keys(self) -> list[str]:
        """The keys of earlier versions, the latest first. The first releases stored their views by
        the name alone."""
        versions = range(self.version - 1, 0, -1)
        return [*(f"{self.name}.v{version}" for version in versions), self.name]


PROJECTIONS: Mapping[str, Projection] = MappingProxyType(
    {
        "carriers": Projection("carriers", carriers.VERSION, row=carriers.row_of),
        "statistics": Projection("statistics", statistics.VERSION, counted=statistics.counted),
    }
)
"""Every projection by its name. `tests/application/projections/test_versions.py` pins the view that
each version makes from the golden events."""
