"""What could lose or leak data in the store of the settings: `carriers doctor`, and once at the
start of the service.

settings → facts of the store → checks → findings
"""

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.application.deadline import Deadline
from app.application.doctor import Finding, Severity, in_order, notice, of_access, of_views
from app.application.ports.errors import SchemaError, StoreError, StoreUnavailable
from app.application.projections import PROJECTIONS
from app.application.projections.status import ViewStatus, status_by_key, views_of_other_releases
from app.bootstrap.choice import examined, opened_stores
from app.bootstrap.stores import Stores
from app.infrastructure.private_files import exposed
from config.settings import Settings

log = logging.getLogger("app.doctor")  # as docs/operations.md names it

PATIENCE_SECONDS = 5.0
"""How long views and keys have to answer."""

_LEVELS = {Severity.NOTICE: logging.WARNING, Severity.RISK: logging.ERROR}


def examine(settings: Settings) -> list[Finding]:
    """All findings, risks first. Raises StoreUnavailable if the store cannot be reached at all."""
    found = examined(settings)
    of_stores = _of_stores(settings, look=found.has_views) if found.has_stores else ()
    return in_order([*exposed(_secret_files(settings)), *found.findings, *of_stores])


def log_findings(settings: Settings) -> None:
    """Log a line for each finding, in a thread that ends by itself; whatever comes of it, the
    service goes on."""
    threading.Thread(target=_log_findings, args=(settings,), name="doctor", daemon=True).start()


def _log_findings(settings: Settings) -> None:
    try:
        for finding in examine(settings):
            log.log(_LEVELS[finding.severity], "%s: %s", finding.code, finding.sentence)
    except (StoreError, SchemaError) as error:
        log.info("the store was not examined: %s; `carriers doctor` does it later", error)


def _secret_files(settings: Settings) -> Iterator[Path]:
    if settings.log_dir is not None:
        yield from sorted(settings.log_dir.glob("app.log*"))
    if settings.cassandra_tls_key is not None:
        yield settings.cassandra_tls_key


@dataclass(frozen=True, slots=True)
class _Views:
    """This release's views, and the keys of other releases' views."""

    ours: list[ViewStatus]
    others: list[str]

    @classmethod
    def none(cls) -> "_Views":
        """Of a registry whose views nobody has made."""
        return cls(
            [ViewStatus(each.key, None, 0, 0, 0, None, None) for each in PROJECTIONS.values()], []
        )


def _views(stores: Stores) -> _Views:
    deadline = Deadline.after(PATIENCE_SECONDS)
    ours = [status_by_key(each.key, stores.views, deadline) for each in PROJECTIONS.values()]
    return _Views(ours, views_of_other_releases(stores.views, deadline))


def _of_stores(settings: Settings, *, look: bool) -> Iterator[Finding]:
    """Of views, if it may `look` at them, and keys."""
    try:
        with opened_stores(settings) as stores:
            views = _views(stores) if look else _Views.none()
            deadline = Deadline.after(PATIENCE_SECONDS)
            head, keys = stores.feed.head(deadline), stores.keys.read_all(deadline)
    except StoreUnavailable as error:
        yield notice(
            "views-not-seen",
            f"The store is there, but its views and keys could not be looked at ({error}): see what"
            " the service logs, and on Cassandra whether enough nodes are up for the copies.",
        )
        return
    yield from of_views(views.ours, views.others, head)
    yield from of_access(
        settings.host,
        on_loopback=settings.on_loopback,
        allow_anonymous=settings.allow_anonymous,
        has_keys=bool(keys),
    )
