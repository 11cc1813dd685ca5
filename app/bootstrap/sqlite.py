"""Wires the service to SQLite: a file of events and keys, and beside it a file of views."""

import logging
from contextlib import ExitStack
from pathlib import Path

from app.application.deadline import Deadline
from app.application.ports.errors import StoreUnavailable
from app.application.ports.keys import KeyStore
from app.application.ports.telemetry import Telemetry
from app.application.ports.tracing import Tracer
from app.bootstrap.stores import Examination, Stores
from app.infrastructure.sqlite import doctor
from app.infrastructure.sqlite.event_store import SqliteEventStore
from app.infrastructure.sqlite.feed import SqliteFeed
from app.infrastructure.sqlite.files import FileId, file_id
from app.infrastructure.sqlite.keys import SqliteKeyStore
from app.infrastructure.sqlite.registry import SqliteRegistry
from app.infrastructure.sqlite.views.store import REBUILD_BATCH, SqliteViewStore
from config.settings import VIEWS_SUFFIX, Settings

log = logging.getLogger(__name__)

OPEN_SECONDS = 5.0
"""What it may take to open the file of views."""

_begun_with: dict[Path, FileId] = {}
"""What `begin_registry` has opened; workers inherit it."""


class SqliteWiring:
    """Implements `stores.Wiring`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def open_stores(
        self,
        telemetry: Telemetry,
        closing: ExitStack,
        *,
        makes: bool,
        waits: bool,
        tracer: Tracer,
    ) -> Stores:
        """See `stores.Wiring`."""
        path = self._settings.sqlite_path
        stored = open_registry(self._settings, makes=makes, waits=waits)
        closing.callback(stored.close)
        feed = SqliteFeed(path, stored.check)
        closing.callback(feed.close)
        registry = SqliteRegistry(path, stored.check)
        closing.callback(registry.close)
        views = SqliteViewStore(self._settings.views_path, registry)
        closing.callback(views.close)
        if makes:
            self._tell_of_former_views()
            _make(views)
        keys = SqliteKeyStore(path, stored.check)
        return Stores(stored, keys, feed, views, rebuild_batch=REBUILD_BATCH)

    def open_keys(self, closing: ExitStack, *, makes: bool) -> KeyStore:
        """See `stores.Wiring`."""
        stored = open_registry(self._settings, makes=makes)
        closing.callback(stored.close)
        return SqliteKeyStore(self._settings.sqlite_path, stored.check)

    def examine(self) -> Examination:
        """See `stores.Wiring`. A file of views that is not there yet is left to the service to
        make."""
        path, views_path = self._settings.sqlite_path, self._settings.views_path
        # First: a store that is opened takes its own files away from other users.
        exposed = doctor.exposed_files(path, views_path)
        findings = [*exposed, *doctor.check(doctor.gather(path))]
        return Examination(findings, has_views=views_path.exists())

    def _tell_of_former_views(self) -> None:
        """Earlier releases left the last suffix out of the name, so two registries could share a
        file. A process of such a release may still have that file open: it is left where it is."""
        former = self._settings.former_views_path
        owner = former.with_name(former.name.removesuffix(VIEWS_SUFFIX))
        if former.exists() and not owner.exists():
            log.warning(
                "%s is of an earlier release: delete it once that will not run again", former
            )


def open_registry(
    settings: Settings, *, makes: bool = False, waits: bool = False
) -> SqliteEventStore:
    """The file of events; for `makes` and `waits` see `stores.Wiring`. Raises StoreUnavailable."""
    path = settings.sqlite_path
    if not makes and not path.exists():
        raise StoreUnavailable(f"there is no registry at SQLITE_PATH={path}")
    only = _begun_with.get(path.absolute())
    return SqliteEventStore(path, [settings.views_path], waits=waits, only=only)


def begin_registry(settings: Settings) -> None:
    """Open the file of events, and make it where it is missing: once, in the process that workers
    are forked from. A worker that starts later, in the place of one that died, takes no other file
    for it: that could be one without the API keys. Raises StoreUnavailable."""
    open_registry(settings, makes=True).close()
    if (opened := file_id(settings.sqlite_path)) is not None:
        _begun_with[settings.sqlite_path.absolute()] = opened


def _make(views: SqliteViewStore) -> None:
    try:
        views.open(Deadline.after(OPEN_SECONDS))
    except StoreUnavailable as error:  # commands do without views
        log.warning("there are no views: %s", error)
