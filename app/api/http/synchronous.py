"""The kind of Flask application that this is."""

from collections.abc import Callable
from typing import Any

from flask import Flask
from werkzeug.routing import Rule


class QuickRule(Rule):
    """A route that compiles what builds its address when it is first asked for one.

    Most are never asked, and to compile it for all of them is a third of a worker's start.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compiled: Callable[..., tuple[str, str]] | None = None

        def build(rule: Rule, /, **values: Any) -> tuple[str, str]:  # noqa: ANN401
            nonlocal compiled
            if compiled is None:
                compiled = super(QuickRule, self)._compile_builder(append_unknown)
            return compiled(rule, **values)

        return build


class SynchronousFlask(Flask):
    """A Flask application without coroutines, so it need not look for them at each call."""

    url_rule_class = QuickRule

    def ensure_sync(self, func: Any) -> Any:  # noqa: ANN401 - as Flask has it
        """See `flask.Flask`: `func` is none but an ordinary function."""
        return func
