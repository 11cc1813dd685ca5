"""Figures of soak tests, and the document that keeps them."""

from pathlib import Path

from tests.support.measurements import Figures


def written(document: Path, *rows: tuple[str, int, str]) -> list[str]:
    """The document's rows after a full run that gave these figures, without their dates."""
    figures = Figures(document, is_full=True)
    for row in rows:
        figures.add(*row)
    figures.write("a store 1.0")
    table = document.read_text().split("| --- | --- | --- | --- |\n")[1]
    return [line.rsplit(" | ", 1)[0] for line in table.splitlines()]


def test_a_run_of_some_tests_keeps_the_rows_of_the_others(tmp_path: Path) -> None:
    """Each row stands where it stood; what is measured for the first time comes last."""
    document = tmp_path / "measurements.md"
    assert written(document, ("a kill", 1, "all kept"), ("a pause", 9, "none lost")) == [
        "| a kill | 1 | all kept",
        "| a pause | 9 | none lost",
    ]
    assert written(document, ("a cut", 3, "as well"), ("a kill", 2, "all | kept")) == [
        "| a kill | 2 | all | kept",
        "| a pause | 9 | none lost",
        "| a cut | 3 | as well",
    ]


def test_only_full_runs_are_written(tmp_path: Path) -> None:
    """Their figures are of other numbers of rounds."""
    figures = Figures(tmp_path / "measurements.md", is_full=False)
    figures.add("a kill", 1, "all kept")
    figures.write("a store 1.0")
    assert list(tmp_path.iterdir()) == []
