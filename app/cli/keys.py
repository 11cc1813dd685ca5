"""`carriers keys`: who may use the API. The one place where a secret is ever shown."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click

from app.application.access import ApiKey, BadKeyName, KeyStore, NameTaken, Scope, issue
from app.application.deadline import Deadline
from app.application.ports import OutcomeUnknown, StoreUnavailable
from app.bootstrap import clock, opened_keys
from config.settings import Settings

PATIENCE_SECONDS = 15.0

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@click.group()
def keys() -> None:
    """API keys: create, list, revoke.

    Once the first one was created, every request needs one. A new key works at once; a revoked one
    is refused within a minute by every worker.
    """


@keys.command()
@click.option("--name", required=True, help="Who uses it: the actor in what it writes.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in Scope]),
    multiple=True,
    required=True,
    help="What it may do; can be repeated. write includes read, admin includes both.",
)
@_as_json
@click.pass_obj
def create(settings: Settings, name: str, scopes: tuple[str, ...], as_json: bool) -> None:
    """Create a key and print it: this is the only time that it is shown."""
    try:
        key, text = issue(name, map(Scope, scopes), clock())
    except BadKeyName as error:
        raise click.UsageError(str(error)) from error
    with _keys_of(settings) as (store, deadline):
        try:
            store.add(key, deadline)
        except NameTaken as error:
            raise click.ClickException(
                f'An active key is called "{name}" already; choose another name or revoke that key.'
            ) from error
    if as_json:
        click.echo(json.dumps({"key": text, **_described(key)}))
        return
    click.echo(f'The key of "{name}". It is not shown again: keep it safe.', err=True)
    click.echo(text)


@keys.command(name="list")
@_as_json
@click.pass_obj
def list_(settings: Settings, as_json: bool) -> None:
    """List all keys, revoked ones included. Secrets are not kept, so none is shown."""
    with _keys_of(settings) as (store, deadline):
        found = store.read_all(deadline)
    if as_json:
        click.echo(json.dumps([_described(key) for key in found]))
        return
    rows = [("PREFIX", "NAME", "SCOPES", "CREATED", "REVOKED")]
    rows += [
        (
            key.prefix,
            key.name,
            ",".join(sorted(key.scopes)),
            _moment(key.created_at),
            _moment(key.revoked_at) if key.revoked_at else "",
        )
        for key in found
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


@keys.command()
@click.argument("prefix")
@click.pass_obj
def revoke(settings: Settings, prefix: str) -> None:
    """Revoke the key with this PREFIX, for good. Can be repeated."""
    with _keys_of(settings) as (store, deadline):
        known = store.revoke(prefix, clock(), deadline)
    if not known:
        # What was given is not repeated: it may be a whole key.
        raise click.ClickException("There is no key with this prefix; see `carriers keys list`.")
    click.echo(f"{prefix} is revoked: within a minute every worker refuses it.")


@contextmanager
def _keys_of(settings: Settings) -> Iterator[tuple[KeyStore, Deadline]]:
    """The keys, and until when they have to answer; what goes wrong becomes exit code 1."""
    deadline = Deadline.after(PATIENCE_SECONDS)
    try:
        with opened_keys(settings) as store:
            yield store, deadline
    except StoreUnavailable as error:
        raise click.ClickException(f"Nothing was done, the store failed: {error}.") from error
    except OutcomeUnknown as error:
        raise click.ClickException(
            f"It could not be found out whether this was done: {error}."
            " See `carriers keys list`; a key that was not shown can be revoked."
        ) from error


def _described(key: ApiKey) -> dict[str, Any]:
    return {
        "prefix": key.prefix,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created_at": _moment(key.created_at),
        "revoked_at": _moment(key.revoked_at) if key.revoked_at else None,
    }


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
