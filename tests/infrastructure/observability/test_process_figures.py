"""What is told outside of gunicorn: tests/e2e/test_figures.py is inside."""

from app.infrastructure.observability.process_figures import BuildInfo, ProcessFigures
from app.version import version


def test_a_process_that_is_no_worker_tells_of_none() -> None:
    """Not of its parent either, which may be anything."""
    assert list(ProcessFigures().collect()) == []


def test_the_release_is_told_anywhere() -> None:
    """As it was installed."""
    (family,) = BuildInfo().collect()
    (sample,) = family.samples
    assert (sample.value, sample.labels["version"]) == (1, version())
