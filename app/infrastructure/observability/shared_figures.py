"""Metrics of all worker processes, summed up in shared memory.

prometheus-client's own multi-process mode maps a file for each process: a worker that writes to a
new page of its file while the disk is full is killed (SIGBUS), and so is its successor. Anonymous
memory that the master makes before it forks needs no folder that could be full or read-only.

Each worker writes to a slot of its own. The successor of a dead worker continues with its slot, so
counters never decrease. A slot is a list of keys and values:

    used (8 bytes) | length of key (8), key padded to 8 bytes, value (8) | …
"""

import functools
import json
import logging
import mmap
import struct
import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from prometheus_client import values
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

log = logging.getLogger(__name__)

SLOT_BYTES = 1_048_576
"""The size of a worker's slot. A page costs memory only once it is written to; the service's
metrics need a quarter."""

_INT = struct.Struct("q")
_FLOAT = struct.Struct("d")


@functools.cache
def of_this_server(slots: int) -> "SharedFigures":
    """The shared metrics of the server whose master is this process: the same after a reload."""
    return SharedFigures(slots)


class SharedFigures:
    """The slots of one server, made by the process that forks its workers."""

    def __init__(self, slots: int) -> None:
        self._memory = mmap.mmap(-1, slots * SLOT_BYTES)  # shared and anonymous
        self._slots = slots

    def free_slot(self, taken: Collection[int | None]) -> int | None:
        """The first slot that is not `taken`; None if there is none."""
        return next((slot for slot in range(self._slots) if slot not in taken), None)

    def use(self, slot: int | None) -> None:
        """Keep this process's metrics in the slot from now on. Without a slot they are kept in the
        process alone, and are missing in the sums."""
        if slot is None:
            log.warning("this worker's metrics are not in GET /metrics: too many workers at once")
        else:
            values.ValueClass = _value_class(self._slot(slot))

    def collector(self) -> Collector:
        """A collector of the sums over all slots."""
        return _Sums([self._slot(slot) for slot in range(self._slots)])

    def _slot(self, slot: int) -> "Slot":
        start = slot * SLOT_BYTES
        return Slot(memoryview(self._memory)[start : start + SLOT_BYTES])


class Slot:
    """Values by key. One process writes and others may read at the same time; threads of the writer
    need a lock."""

    def __init__(self, memory: memoryview) -> None:
        self._memory = memory
        self._offsets = dict(self._entries())
        self._is_full = False

    def offset(self, key: bytes) -> int | None:
        """The offset of the key's value, which is 0 at first; None if the slot is full."""
        if key not in self._offsets:
            self._append(key)
        return self._offsets.get(key)

    def read(self, offset: int) -> float:
        """The value at the offset."""
        value: float = _FLOAT.unpack_from(self._memory, offset)[0]
        return value

    def write(self, offset: int, value: float) -> None:
        """Write the value at the offset, in one piece: a reader sees the old value or the new."""
        self._memory[offset : offset + _FLOAT.size] = _FLOAT.pack(value)

    def items(self) -> Iterator[tuple[bytes, float]]:
        """Every key with its value."""
        return ((key, self.read(offset)) for key, offset in self._entries())

    def _entries(self) -> Iterator[tuple[bytes, int]]:
        at, end = _INT.size, _INT.unpack_from(self._memory, 0)[0]
        while at < end:
            (length,) = _INT.unpack_from(self._memory, at)
            at += _INT.size
            offset = at + _padded(length)
            yield bytes(self._memory[at : at + length]), offset
            at = offset + _FLOAT.size

    def _append(self, key: bytes) -> None:
        at = max(_INT.size, _INT.unpack_from(self._memory, 0)[0])
        entry = _INT.pack(len(key)) + key.ljust(_padded(len(key)), b"\0") + _FLOAT.pack(0)
        if at + len(entry) > len(self._memory):
            if not self._is_full:
                log.warning("there is no room for more metrics; new ones are not in GET /metrics")
            self._is_full = True
            return
        # In this order, so that a reader, and the successor of a killed worker, sees whole entries.
        self._memory[at : at + len(entry)] = entry
        self._memory[: _INT.size] = _INT.pack(at + len(entry))
        self._offsets[key] = at + len(entry) - _FLOAT.size


def _padded(length: int) -> int:
    return -(-length // 8) * 8


def _value_class(slot: Slot) -> type:
    """A class of values for prometheus-client, in place of its `MutexValue`."""
    lock = threading.Lock()

    class SharedValue:
        """A number in the slot; in this process alone if the slot is full."""

        def __init__(
            self,
            typ: str,
            metric_name: str,
            name: str,
            labelnames: Sequence[str],
            labelvalues: Sequence[str],
            help_text: str,
            **_: Any,  # noqa: ANN401 - the library's other arguments
        ) -> None:
            labels = list(zip(labelnames, labelvalues, strict=True))
            key = json.dumps([typ, metric_name, help_text, name, labels]).encode()
            with lock:
                self._offset = slot.offset(key)
                self._value = 0.0 if self._offset is None else slot.read(self._offset)

        def inc(self, amount: float) -> None:
            with lock:
                self._store(self._value + amount)

        def set(self, value: float, timestamp: float | None = None) -> None:
            with lock:
                self._store(value)

        def get(self) -> float:
            return self._value

        def set_exemplar(self, exemplar: object) -> None:
            """Exemplars are not kept."""

        def get_exemplar(self) -> None:
            """Exemplars are not kept."""

        def _store(self, value: float) -> None:
            self._value = value
            if self._offset is not None:
                slot.write(self._offset, value)

    return SharedValue


class _Sums(Collector):
    """Sums the counters and histograms of all slots, as if they were one process's."""

    def __init__(self, slots: Iterable[Slot]) -> None:
        self._slots = slots

    def collect(self) -> Iterable[Metric]:
        """See `prometheus_client.registry.Collector`."""
        sums: dict[bytes, float] = defaultdict(float)
        for slot in self._slots:
            for key, value in slot.items():
                sums[key] += value
        metrics: dict[str, Metric] = {}
        for key, value in sums.items():
            typ, metric_name, help_text, name, labels = json.loads(key)
            metric = metrics.setdefault(metric_name, Metric(metric_name, help_text, typ))
            metric.add_sample(name, dict(labels), value)
        for metric in metrics.values():
            if metric.type == "histogram":
                _cumulate(metric)
        return metrics.values()


def _cumulate(histogram: Metric) -> None:
    """Make the buckets cumulative, as the text format requires: prometheus-client keeps for each
    bucket only the observations that no smaller bucket has."""
    series: dict[tuple[tuple[str, str], ...], dict[float, float]] = defaultdict(dict)
    kept, histogram.samples = histogram.samples, []
    for sample in kept:
        labels = dict(sample.labels)
        if (bound := labels.pop("le", None)) is None:
            histogram.samples.append(sample)
        else:
            series[tuple(labels.items())][float(bound)] = sample.value
    for labels_of_series, buckets in series.items():
        labels, total = dict(labels_of_series), 0.0
        for maximum, count in sorted(buckets.items()):
            total += count
            bucket = {**labels, "le": floatToGoString(maximum)}  # type: ignore[no-untyped-call]
            histogram.add_sample(f"{histogram.name}_bucket", bucket, total)
        histogram.add_sample(f"{histogram.name}_count", labels, total)
