"""The one place that chooses implementations: settings in, services out.

`stores` says what a kind of database brings, `sqlite` and `cassandra` wire one kind each, `choice`
takes the one that the settings name, and `services` puts the application on top.
"""

from app.bootstrap.choice import (
    backfill_streams,
    bring_schema_up_to_date,
    cassandra_contact,
    let_in_to,
    open_stores,
    opened_keys,
    opened_stores,
    replace_first_login_of,
)
from app.bootstrap.services import (
    build_directory,
    build_follower,
    build_projectors,
    build_services,
    clock,
    dated_commands,
    following,
)
from app.bootstrap.sqlite import begin_registry, open_registry
from app.bootstrap.stores import Stores

__all__ = [
    "Stores",
    "backfill_streams",
    "begin_registry",
    "bring_schema_up_to_date",
    "build_directory",
    "build_follower",
    "build_projectors",
    "build_services",
    "cassandra_contact",
    "clock",
    "dated_commands",
    "following",
    "let_in_to",
    "open_registry",
    "open_stores",
    "opened_keys",
    "opened_stores",
    "replace_first_login_of",
]
