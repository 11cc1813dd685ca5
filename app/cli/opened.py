"""What the commands of a shell are dispatched with: the services over the settings' store, and the
context of a command."""

import hashlib
import json
import os
import pwd
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from app.application.command_context import CommandContext, commit_id_of
from app.application.deadline import Deadline
from app.application.services import Services
from app.bootstrap import build_services
from config.settings import Settings


@contextmanager
def opened(settings: Settings, *, makes: bool = False) -> Iterator[tuple[Services, Deadline]]:
    """The services over the settings' store, and until when they have to answer. Who only looks
    makes no store."""
    deadline = Deadline.after(settings.request_timeout)
    services = build_services(settings, follows=False, makes=makes)
    try:
        yield services, deadline
    finally:
        services.close()


def context_of(
    services: Services, deadline: Deadline, key: str | None, asked: Sequence[Any]
) -> CommandContext:
    """The context of a command without a condition. `asked` is all that a key stands for."""
    actor = actor_name()
    return CommandContext(
        commit_id=services.new_id() if key is None else commit_id_of(actor, key),
        correlation_id=uuid4().hex,
        actor=actor,
        deadline=deadline,
        fingerprint=None if key is None else _fingerprint(asked),
    )


def _fingerprint(asked: Sequence[Any]) -> str:
    """Of what is asked for, whatever the order of the options and of an object's keys."""
    text = json.dumps(asked, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def actor_name() -> str:
    """Who is logged in. There is no option for it: the history is to say who typed a command, not
    whom they name; so the system is asked, not the environment. "cli:" keeps it apart from the API
    keys' names, which hold no colon, and so keeps the idempotency keys of the two apart as well."""
    try:
        login = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run as a user without a name
        login = ""
    return f"cli:{login}" if login and login.isprintable() else f"cli:{os.getuid()}"
