"""Figures of several processes in one piece of memory."""

import os
import struct
from collections.abc import Callable, Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values

from app.infrastructure.observability.shared_figures import SLOT_BYTES, SharedFigures

Record = Callable[[Counter, Histogram], object]
LABELS = ["", "/carriers/<uuid:carrier_id>", 'quote " and \\', "Zürich", "x" * 7, "x" * 8]


@pytest.fixture(autouse=True)
def keep_value_class() -> Iterator[None]:
    """Others in this process keep their figures where they did."""
    before = values.ValueClass
    yield
    values.ValueClass = before


def metrics(registry: CollectorRegistry) -> tuple[Counter, Histogram]:
    """One of each kind that the service has."""
    return (
        Counter("things", "So many.", ["kind"], registry=registry),
        Histogram("seconds", "So long.", ["kind"], registry=registry, buckets=(0.125, 1, 5)),
    )


def some(counter: Counter, histogram: Histogram) -> None:
    """Count a few things."""
    for number, label in enumerate(LABELS):
        counter.labels(label).inc(number)
        for seconds in (0.0625, 0.125, 0.75, 4, 100):
            histogram.labels(label).observe(seconds * number)


def in_child(figures: SharedFigures, slot: int | None, record: Record = some) -> None:
    """In a process of its own."""
    child = os.fork()
    if child == 0:
        figures.use(slot)
        record(*metrics(CollectorRegistry()))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def told(figures: SharedFigures) -> set[str]:
    """The lines of an exposition, in any order."""
    registry = CollectorRegistry()
    registry.register(figures.collector())
    return set(generate_latest(registry).decode().splitlines())


def test_sums_read_as_those_of_one_process() -> None:
    """What three processes count is told as if one had counted all of it."""
    figures = SharedFigures(4)
    for slot in range(3):
        in_child(figures, slot)
    values.ValueClass = values.MutexValue
    registry = CollectorRegistry()
    alone = metrics(registry)
    for _ in range(3):
        some(*alone)
    expected = generate_latest(registry).decode().splitlines()
    assert told(figures) == {line for line in expected if "_created" not in line}


def test_the_next_process_goes_on_with_a_slot() -> None:
    """A count never gets smaller: what a dead process counted is there, and added to."""
    figures = SharedFigures(1)
    for _ in range(2):
        in_child(figures, 0, lambda counter, _: counter.labels("a").inc(5))
    assert 'things_total{kind="a"} 10.0' in told(figures)


def test_a_slot_belongs_to_one_process() -> None:
    """The first one that nobody has; none if all are taken."""
    figures = SharedFigures(2)
    assert figures.free_slot([]) == 0
    assert figures.free_slot([0]) == 1
    assert figures.free_slot([None, 1]) == 0
    assert figures.free_slot([1, 0]) is None


def test_a_process_without_a_slot_counts_for_itself() -> None:
    """It works on, and does not disturb the others' figures."""
    figures = SharedFigures(1)
    in_child(figures, 0)
    before = told(figures)
    in_child(figures, None)
    assert told(figures) == before


def test_a_full_slot_keeps_what_it_has() -> None:
    """New figures are counted by their process alone; those that have a place go on."""

    def flood(counter: Counter, _: Histogram) -> None:
        for number in range(SLOT_BYTES // 100):
            counter.labels(f"{number}".rjust(100, "x")).inc()
        counter.labels("0".rjust(100, "x")).inc()

    figures = SharedFigures(2)
    in_child(figures, 0, flood)
    in_child(figures, 1, lambda counter, _: counter.labels("a").inc())
    lines = told(figures)
    assert f'things_total{{kind="{"0".rjust(100, "x")}"}} 2.0' in lines
    assert 'things_total{kind="a"} 1.0' in lines
    assert SLOT_BYTES // 400 < len(lines) < SLOT_BYTES // 100


def test_an_entry_that_was_not_finished_is_not_there() -> None:
    """Whoever is killed while writing a new entry leaves the slot as it was."""
    figures = SharedFigures(1)
    in_child(figures, 0)
    before = told(figures)
    memory = memoryview(figures._memory)
    (used,) = struct.unpack_from("q", memory)
    memory[used : used + 50] = b"\xff" * 50
    assert told(figures) == before
    in_child(figures, 0, lambda counter, _: counter.labels("after").inc())
    assert told(figures) == before | {'things_total{kind="after"} 1.0'}
