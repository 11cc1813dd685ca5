"""Gives what a view store does its spans, and does nothing else: used only while there are traces.
Requests to Cassandra have spans of their own, below these."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager

from app.application.deadline import Deadline
from app.application.ports.tracing import Span, Tracer
from app.application.ports.views import (
    Changes,
    Discarded,
    Generations,
    Parked,
    Place,
    Progress,
    Row,
    View,
    ViewStore,
)


class TracedViewStore:
    """Implements `ports.views.ViewStore` by the store that it wraps, with a span for each call that
    queries and projectors make. A span names the view; terms, words, rows and streams, which
    clients have sent, are in none: it says how many were found. What operators and rebuilds do is
    not traced."""

    def __init__(self, views: ViewStore, tracer: Tracer) -> None:
        self._views = views
        self._tracer = tracer

    def _span(self, name: str, projection: str) -> AbstractContextManager[Span]:
        return self._tracer.step(f"views {name}", {"view": projection})

    def generations(self, projection: str, deadline: Deadline) -> Generations:
        """See `ports.views.ViewStore`."""
        with self._span("generations", projection):
            return self._views.generations(projection, deadline)

    def progress(self, view: View, deadline: Deadline) -> Progress:
        """See `ports.views.ViewStore`."""
        with self._span("progress", view.projection) as span:
            found = self._views.progress(view, deadline)
            span.note({"checkpoint": found.checkpoint})
            return found

    def commit(self, view: View, base: Progress, changes: Changes, deadline: Deadline) -> None:
        """See `ports.views.ViewStore`."""
        with self._span("commit", view.projection) as span:
            self._views.commit(view, base, changes, deadline)
            span.note({"outcome": "committed", "rows": len(changes.rows)})

    def counts(
        self, view: View, deadline: Deadline, keys: Collection[str] | None = None
    ) -> dict[str, int]:
        """See `ports.views.ViewStore`."""
        with self._span("counts", view.projection) as span:
            found = self._views.counts(view, deadline, keys)
            span.note({"outcome": "read", "counts": len(found)})
            return found

    def rows(self, view: View, carrier_ids: Iterable[str], deadline: Deadline) -> dict[str, Row]:
        """See `ports.views.ViewStore`."""
        with self._span("rows", view.projection) as span:
            found = self._views.rows(view, carrier_ids, deadline)
            span.note({"outcome": "read", "rows": len(found)})
            return found

    def find(
        self,
        view: View,
        sort: str,
        terms: Sequence[str],
        after: Place | None,
        limit: int,
        deadline: Deadline,
    ) -> list[Place]:
        """See `ports.views.ViewStore`."""
        with self._span("find", view.projection) as span:
            found = self._views.find(view, sort, terms, after, limit, deadline)
            span.note({"outcome": "read", "places": len(found)})
            return found

    def find_prefix(
        self,
        view: View,
        sort: str,
        prefix: str,
        after: Place | None,
        limit: int,
        deadline: Deadline,
    ) -> list[Place] | None:
        """See `ports.views.ViewStore`."""
        with self._span("find_prefix", view.projection) as span:
            found = self._views.find_prefix(view, sort, prefix, after, limit, deadline)
            span.note(_found(found))
            return found

    def find_words(
        self,
        view: View,
        sort: str,
        prefixes: Sequence[str],
        after: Place | None,
        limit: int,
        deadline: Deadline,
    ) -> list[Place] | None:
        """See `ports.views.ViewStore`."""
        with self._span("find_words", view.projection) as span:
            found = self._views.find_words(view, sort, prefixes, after, limit, deadline)
            span.note(_found(found))
            return found

    def begin(self, projection: str, deadline: Deadline) -> View:
        """See `ports.views.ViewStore`."""
        return self._views.begin(projection, deadline)

    def begin_first(
        self, projection: str, discarded: Collection[Discarded], deadline: Deadline
    ) -> View:
        """See `ports.views.ViewStore`."""
        return self._views.begin_first(projection, discarded, deadline)

    def abandon(self, projection: str, deadline: Deadline) -> list[View]:
        """See `ports.views.ViewStore`."""
        return self._views.abandon(projection, deadline)

    def projections(self, deadline: Deadline) -> list[str]:
        """See `ports.views.ViewStore`."""
        return self._views.projections(deadline)

    def swap(self, view: View, deadline: Deadline) -> None:
        """See `ports.views.ViewStore`."""
        self._views.swap(view, deadline)

    def drop(self, view: View, deadline: Deadline) -> None:
        """See `ports.views.ViewStore`."""
        self._views.drop(view, deadline)

    def request(
        self, view: View, stream: str, discard: str | None, deadline: Deadline
    ) -> Parked | None:
        """See `ports.views.ViewStore`."""
        return self._views.request(view, stream, discard, deadline)

    def discarded(self, view: View, deadline: Deadline) -> list[Discarded]:
        """See `ports.views.ViewStore`."""
        return self._views.discarded(view, deadline)

    def differences(self, one: View, other: View, deadline: Deadline) -> int:
        """See `ports.views.ViewStore`."""
        return self._views.differences(one, other, deadline)


def _found(places: list[Place] | None) -> Mapping[str, str | int]:
    if places is None:
        return {"outcome": "too many"}
    return {"outcome": "read", "places": len(places)}
