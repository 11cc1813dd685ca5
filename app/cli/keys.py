"""`carriers keys`: creates, lists and revokes API keys. Only `create` ever shows a secret."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click

from app.application.access.keys import BadKeyName, issue
from app.application.deadline import Deadline
from app.application.ports.errors import OutcomeUnknown, StoreUnavailable
from app.application.ports.keys import ApiKey, KeyStore, NameTaken, Scope
from app.bootstrap import clock, opened_keys
from app.cli.errors import (
    NOT_FOUND,
    NOT_WRITTEN,
    REFUSED,
    UNAVAILABLE,
    UNKNOWN,
    CarrierCommand,
    CliError,
    tell_done,
)
from app.cli.exit_codes import KEYS_EXIT_CODES
from app.cli.expiry import Expiry
from app.cli.groups import CommandGroup
from app.cli.output import NotWritten, cell, note, write
from config.settings import Settings

PATIENCE_SECONDS = 15.0

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@click.group(cls=CommandGroup)
def keys() -> None:
    """API keys: create, list, revoke.

    Once the first one was created, every request needs one. A new key works at once; a revoked one
    is refused within a minute by every worker, an expired one at once.
    """


@keys.command(cls=CarrierCommand, epilog=KEYS_EXIT_CODES)
@click.option("--name", required=True, help="Who uses the key: the actor of its events.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in Scope]),
    multiple=True,
    required=True,
    help="What the key may do; can be repeated. register, profile, oversight and policy allow one"
    " group of commands each and no reading; write includes the first three and read; admin"
    " includes all.",
)
@click.option(
    "--expires",
    "expires_at",
    type=Expiry(),
    help="When the key expires: 90d (or h, w) from now, 2027-01-31 (at the start of that day in"
    " UTC) or 2027-01-31T12:00:00Z; without this, never.",
)
@_as_json
@click.pass_obj
def create(
    settings: Settings,
    name: str,
    scopes: tuple[str, ...],
    expires_at: datetime | None,
    as_json: bool,
) -> None:
    """Create a key and print it: this is the only time that it is shown.

    The key is printed before it is stored, so no key exists that nobody has seen. What is printed
    is a valid key only if the command exits with 0.
    """
    try:
        key, text = issue(name, map(Scope, scopes), clock(), expires_at)
    except BadKeyName as error:
        raise click.UsageError(str(error)) from error
    with _keys_of(settings, makes=True) as (store, deadline):
        if any(each.active and each.name == name for each in store.read_all(deadline)):
            raise _name_taken(name)
        try:
            write(json.dumps({"key": text, **_described(key)}) if as_json else text)
        except NotWritten as error:
            raise CliError(
                NOT_WRITTEN, f"The key cannot be written, so none was created: {error}"
            ) from error
        _add(store, key, deadline)
    if not as_json:
        note(f'The key of "{name}". It is not shown again: keep it safe.')
        if expires_at is not None:
            note(f"It is valid until {_moment(expires_at, 'seconds')}.")


def _add(store: KeyStore, key: ApiKey, deadline: Deadline) -> None:
    """Store the key, whose text has been printed."""
    try:
        store.add(key, deadline)
    except NameTaken as error:
        raise _name_taken(key.name, "What was printed is not a key") from error
    except StoreUnavailable as error:
        raise CliError(
            UNAVAILABLE,
            f"Nothing was done, the store failed: {error}",
            "What was printed is not a key",
        ) from error


@keys.command(name="list", cls=CarrierCommand, epilog=KEYS_EXIT_CODES)
@_as_json
@click.pass_obj
def list_(settings: Settings, as_json: bool) -> None:
    """List all keys, revoked and expired ones included, and when each was last used, to about five
    minutes. Secrets are not kept, so none is shown."""
    with _keys_of(settings) as (store, deadline):
        found = store.read_all(deadline)
        uses = store.last_uses(deadline)
    if as_json:
        write(json.dumps([_described(key, uses.get(key.prefix)) for key in found]))
        return
    now = clock()
    rows = [("PREFIX", "NAME", "SCOPES", "CREATED", "EXPIRES", "LAST-USED", "REVOKED")]
    rows += [
        (
            key.prefix,
            key.name,
            ",".join(sorted(key.scopes)),
            _moment(key.created_at),
            cell(key.expires_at and _moment(key.expires_at, "seconds"))
            + (" (expired)" if key.expired(now) else ""),
            cell(uses.get(key.prefix) and _moment(uses[key.prefix], "minutes")),
            _moment(key.revoked_at) if key.revoked_at else "",
        )
        for key in found
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    write("\n".join(lines))


@keys.command(cls=CarrierCommand, epilog=KEYS_EXIT_CODES)
@click.argument("prefix")
@click.pass_obj
def revoke(settings: Settings, prefix: str) -> None:
    """Revoke the key with this PREFIX, for good. Can be repeated."""
    with _keys_of(settings) as (store, deadline):
        known = store.revoke(prefix, clock(), deadline)
    if not known:
        # What was given is not repeated: it may be a whole key.
        raise CliError(NOT_FOUND, "There is no key with this prefix; see `carriers keys list`.")
    tell_done(f"{prefix} is revoked: within a minute every worker refuses it.")


@contextmanager
def _keys_of(settings: Settings, *, makes: bool = False) -> Iterator[tuple[KeyStore, Deadline]]:
    """The key store, and the deadline for its calls."""
    deadline = Deadline.after(PATIENCE_SECONDS)
    try:
        with opened_keys(settings, makes=makes) as store:
            yield store, deadline
    except OutcomeUnknown as error:
        raise CliError(
            UNKNOWN,
            f"It could not be found out whether this was done: {error}; see `carriers keys list`",
        ) from error


def _name_taken(name: str, *more: str) -> CliError:
    return CliError(
        REFUSED,
        f'A key that is not revoked is called "{name}" already; choose another name or revoke that'
        " key",
        *more,
    )


def _described(key: ApiKey, last_used_at: datetime | None = None) -> dict[str, Any]:
    return {
        "prefix": key.prefix,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created_at": _moment(key.created_at),
        "expires_at": _moment(key.expires_at) if key.expires_at else None,
        "last_used_at": _moment(last_used_at, "minutes") if last_used_at else None,
        "revoked_at": _moment(key.revoked_at) if key.revoked_at else None,
    }


def _moment(moment: datetime, precision: str = "milliseconds") -> str:
    return moment.isoformat(timespec=precision)


COMMANDS = (keys,)
