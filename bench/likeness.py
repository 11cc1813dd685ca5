"""Behind the way of the data: what the terms by which duplicates are found cost the view of
carriers, on SQLite. `python -m bench.likeness`

Made-up carriers are written with these terms and without them, one after the other, in processor
time: other processes may be busy as well.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from app.application.deadline import Deadline
from app.application.ports.views import Changes, Row, RowChange
from app.application.projections.carriers import terms_of
from app.application.projections.likeness import likeness_terms
from app.infrastructure.sqlite.views.store import SqliteViewStore
from tests.support.planted import Planted

CARRIERS = 20_000
ROUNDS = 3
AT_ONCE = 500
SECONDS = 60.0


def main() -> None:
    """Print a line for each of the two, and one for making the terms."""
    rows = list(Planted(CARRIERS).rows())
    bodies = [json.loads(row.body) for row in rows]
    plain = [replace(row, shared=frozenset()) for row in rows]
    for name, chosen in (("with", rows), ("without", plain)):
        filled = [_fill(chosen) for _ in range(ROUNDS)]
        terms = sum(len(row.terms | row.shared) for row in chosen) / len(chosen)
        size = filled[0][1] / 1000
        spent = median(each for each, _ in filled)
        print(f"{name}: {terms:.1f} terms, {spent:.0f} µs, {size:.1f} KB a carrier")
    for name, make in (("terms of the filters", terms_of), ("of duplicates", likeness_terms)):
        began = time.process_time()
        for body in bodies:
            make(body)
        print(f"{name}: {(time.process_time() - began) / CARRIERS * 1e6:.0f} µs to make")


def _fill(rows: Sequence[Row]) -> tuple[float, float]:
    """Microseconds of processor and bytes of the file, a carrier."""
    with TemporaryDirectory() as folder:
        views = SqliteViewStore(Path(folder) / "views.sqlite3")
        view = views.begin("carriers", _soon())
        began, checkpoint = time.process_time(), 0
        for start in range(0, len(rows), AT_ONCE):
            some = [RowChange(row) for row in rows[start : start + AT_ONCE]]
            checkpoint += len(some)
            changes = Changes(checkpoint, some)
            views.commit(view, views.progress(view, _soon()), changes, _soon())
        spent = time.process_time() - began
        views.close()
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
    return spent / len(rows) * 1e6, size / len(rows)


def _soon() -> Deadline:
    return Deadline.after(SECONDS)


if __name__ == "__main__":
    main()
