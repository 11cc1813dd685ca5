"""What `carriers import` says while it works: a line for each row, progress on stderr, the counts,
and the file of the rows that were refused."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.api.resources.representations import import_row
from app.application.imports.file import CsvFile, Record
from app.application.imports.mending import RefusedRows
from app.application.imports.plan import NOTHING, REFUSE, RowPlan
from app.cli.errors import NOT_WRITTEN, CliError, not_said
from app.cli.new_file import NewFile
from app.cli.output import NotWritten, change_text, note, printable, write

SAY_EVERY_SECONDS = 5.0


class Report:
    """Says what becomes of the rows of one pass over a file, or over what is known of one without
    it (None). `writes`: the pass changes carriers, so that it goes on if nobody hears what it says.
    """

    def __init__(self, file: CsvFile | None, *, as_json: bool, writes: bool) -> None:
        self.counts: Counter[str] = Counter()
        self.undone = 0
        self._file = file
        self._as_json = as_json
        self._writes = writes
        self._unheard: NotWritten | None = None
        self._due = time.monotonic() + SAY_EVERY_SECONDS

    def follow(
        self, rows: Iterable[tuple[Record, RowPlan]], refused: Path | None, *, shows: bool = True
    ) -> None:
        """Take each row, and say it if the pass `shows` more than what is refused."""
        with _refused_rows(refused, self._file) as keep:
            for record, plan in rows:
                self.counts[plan.kind] += 1
                self.undone += bool(plan.steps)
                if plan.kind == REFUSE:
                    keep(record, plan)
                if plan.kind == REFUSE or (shows and self._tells(plan)):
                    self._say(json.dumps(import_row(plan)) if self._as_json else line_of(plan))
                self._progress(plan.row)

    def end(self, verb: str) -> str:
        """The counts in a line. Raises a CliError if a pass that writes was not heard."""
        text = ", ".join(f"{count:,} {kind}" for kind, count in sorted(self.counts.items()))
        line = f"{verb}: {text or 'no rows'}"
        if self._unheard is not None:
            raise not_said(self._unheard, [line])
        return line

    @property
    def changes_something(self) -> bool:
        """Whether a row was shown that is not refused and not done already."""
        return self.undone > 0

    def _tells(self, plan: RowPlan) -> bool:
        return self._as_json or plan.kind != NOTHING

    def _say(self, text: str) -> None:
        if self._unheard is not None:
            return
        try:
            write(text)
        except NotWritten as error:
            if not self._writes:
                raise
            self._unheard = error

    def _progress(self, row: int) -> None:
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + SAY_EVERY_SECONDS
            note(f"row {row:,} of {self._file.rows:,}" if self._file else f"row {row:,}")


def line_of(plan: RowPlan) -> str:
    """A row for people."""
    if plan.kind == REFUSE:
        said = ": ".join(filter(None, ("refused", plan.carrier_id, plan.column, plan.sentence)))
        return printable(f"row {plan.row}: {said}")
    was_done = " (done already)" if plan.done and not plan.changes else ""
    changes = "; ".join(
        change_text({"field": each.field, "from": each.was, "to": each.became})
        for each in plan.changes
    )
    said = f"row {plan.row}: {plan.kind} {plan.carrier_id}{was_done}"
    return printable(f"{said}: {changes}" if changes else said)


@contextmanager
def _refused_rows(
    path: Path | None, file: CsvFile | None
) -> Iterator[Callable[[Record, RowPlan], None]]:
    """What keeps a refused row: with the file's columns, and the reason in one more. Raises a
    CliError if the file cannot be written."""
    if path is None or file is None:
        yield lambda record, plan: None
        return
    refused = RefusedRows(file)
    try:
        with NewFile(path) as written:

            def keep(record: Record, plan: RowPlan) -> None:
                written.write(refused.line(record, plan))

            written.write(refused.header)
            yield keep
    except OSError as error:
        raise CliError(NOT_WRITTEN, f"{path} cannot be written: {error.strerror}") from error
