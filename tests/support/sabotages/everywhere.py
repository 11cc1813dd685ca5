"""Faults in what both stores have in common."""

from __future__ import annotations

from tests.support.sabotages.sabotage import OVER_SQLITE, Sabotage

_HANDLERS = "app/application/handlers.py"
_REPOSITORY = "app/application/repository.py"

EVERYWHERE = (
    Sabotage(
        "If-Match is ignored",
        _HANDLERS,
        (
            (
                "if context.refuses(loaded.version):",
                "if context.expected is not None and loaded.version < 1:",
            ),
        ),
        (OVER_SQLITE,),
    ),
    Sabotage(
        "an Idempotency-Key gives a random commit id",
        "app/api/http/command_context.py",
        (
            (
                "_new_commit_id(mine) if key is None else commit_id_of(actor, key)",
                "_new_commit_id(mine) if key is None else services().new_id()",
            ),
        ),
        (OVER_SQLITE,),
    ),
    Sabotage(
        "nobody looks whether a command with a key was done before",
        _HANDLERS,
        (("if context.fingerprint is None:", "if context.fingerprint is not None:"),),
        (OVER_SQLITE,),
    ),
    Sabotage(
        "a replay tells of the carrier as it is now",
        _REPOSITORY,
        (
            (
                "while last < len(recorded) and self._codec.origin(recorded[last]).commit_id == (\n"
                "            origin.commit_id\n        ):",
                "while last < len(recorded):",
            ),
        ),
        (OVER_SQLITE,),
    ),
    Sabotage(
        "a dry run is carried out",
        _HANDLERS,
        (("if context.dry_run:\n            self._", "if False:\n            self._"),),
        (OVER_SQLITE,),
    ),
    Sabotage(
        "an address is not claimed",
        _REPOSITORY,
        (("for unique in after - before)", "for unique in after - after)"),),
        (OVER_SQLITE,),
    ),
    Sabotage(
        "an address is not freed",
        _REPOSITORY,
        (("for unique in before - after)", "for unique in before - before)"),),
        (OVER_SQLITE,),
    ),
    Sabotage(
        "a Consistency-Token is not waited for",
        "app/application/directory/pages.py",
        (
            (
                "        self._live.wait_until(lambda: self._holds(token, deadline), deadline)\n",
                "",
            ),
        ),
        (OVER_SQLITE,),
    ),
    Sabotage(
        "a snapshot counts without the events after it",
        _REPOSITORY,
        (("map(self._codec.decode, recorded[1:]),", "map(self._codec.decode, ()),"),),
        (OVER_SQLITE, "tests/application/test_repository.py tests/application/test_snapshots.py"),
    ),
    Sabotage(
        "a retry after a conflict has a new commit id",
        "app/application/bus.py",
        (
            ("return decide(command, context)", "return decide(command, _renewed(context))"),
            (
                'Result = TypeVar("Result")\n',
                'Result = TypeVar("Result")\n\n\ndef _renewed(context):\n'
                "    from dataclasses import replace\n    from uuid import uuid4\n"
                "    return replace(context, commit_id=uuid4())\n",
            ),
        ),
        (OVER_SQLITE, "tests/application/test_exactly_once.py tests/application/test_bus.py"),
    ),
    Sabotage(
        "a view leaves out a count that goes down",
        "app/application/projections/batch.py",
        (
            (
                "if difference := now.get(key, 0) - was.get(key, 0):",
                "if (difference := now.get(key, 0) - was.get(key, 0)) > 0:",
            ),
        ),
        (OVER_SQLITE,),
    ),
    Sabotage(
        "a no-op with a key is not recorded",
        _REPOSITORY,
        (
            (
                "if context.fingerprint is not None:\n            noop",
                "if context.fingerprint == '':\n            noop",
            ),
        ),
        (OVER_SQLITE, "tests/application/test_exactly_once.py tests/api/test_commands.py"),
    ),
)
