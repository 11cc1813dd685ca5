"""An import of one file: the parts that plan, apply and undo it, put together over the services."""

from array import array
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property

from app.application.deadline import Deadline
from app.application.imports.applying import CHANGED_SINCE, Applier, Trial
from app.application.imports.columns import Columns
from app.application.imports.file import CsvFile, Record
from app.application.imports.matching import Matching
from app.application.imports.plan import REFUSE, ImportId, RowPlan
from app.application.imports.planner import Planner
from app.application.imports.rows import ReadValues
from app.application.imports.undoing import Undoing
from app.application.ports.seen_keys import SeenKeys
from app.application.services import Services

Planned = tuple[Record, RowPlan]


@dataclass(frozen=True)
class Import:
    """`name` sets it apart from another import of the same file; `deadline` gives each request to
    the store its own. What the iterators raise is said by `Planner.plans` and `Applier.apply`."""

    file: CsvFile
    columns: Columns
    services: Services
    read: ReadValues
    actor: str
    deadline: Callable[[], Deadline]
    name: str = ""

    @cached_property
    def id(self) -> ImportId:
        """The import's id."""
        return ImportId.of(self.file, self.columns, self.name)

    def planned(self) -> Iterator[Planned]:
        """What would be done to each row. Nothing is written for it; a merge that is half done and
        stands in its way is brought to its end, as any dry run does."""
        with closing(self.services.seen_keys()) as seen:
            yield from self._planner(seen).plans(self.file.records())

    def applied(self, digests: "array[int] | None" = None) -> Iterator[Planned]:
        """What was done to each row, as soon as it was. With the digests of a plan's rows, in
        order, a row that would be done otherwise by now is refused."""
        applier = self._applier()
        with closing(self.services.seen_keys()) as seen:
            plans = self._planner(seen).plans(self.file.records())
            for index, (record, plan) in enumerate(plans):
                shown = None if digests is None else digests[index]
                yield record, applier.apply(_as_shown(plan, shown))

    def undone(self, *, dry_run: bool) -> Iterator[Planned]:
        """What was done, or would be, to take each row back. On merges see `planned`."""
        applier = self._applier()
        with closing(self.services.seen_keys()) as seen:
            for record, plan in Undoing(self._planner(seen)).plans(self.file.records()):
                yield record, plan if dry_run else applier.apply(plan)

    def _applier(self) -> Applier:
        return Applier(self.id, self.columns, self.services.bus, self.actor, self.deadline)

    def _planner(self, seen: SeenKeys) -> Planner:
        services = self.services
        asked = Trial(self.id, services.bus, self.actor, self.deadline)
        matching = Matching(
            self.id,
            services.carriers,
            services.merging,
            services.store,
            services.directory,
            self.columns,
            self.deadline,
            asked.asking,
        )
        return Planner(
            self.id,
            self.columns,
            services.carriers,
            asked,
            services.store,
            matching,
            self.read,
            seen,
            self.deadline,
        )


def _as_shown(plan: RowPlan, digest: int | None) -> RowPlan:
    """The plan, unless it is another one than was shown."""
    if digest is None or plan.done or plan.kind == REFUSE or plan.digest == digest:
        return plan
    return replace(plan, kind=REFUSE, steps=(), changes=(), sentence=CHANGED_SINCE)
