"""The kind of Flask application that this is."""

from typing import Any

from flask import Flask


class SynchronousFlask(Flask):
    """A Flask application without coroutines, so it need not look for them at each call."""

    def ensure_sync(self, func: Any) -> Any:  # noqa: ANN401 - as Flask has it
        """See `flask.Flask`: `func` is none but an ordinary function."""
        return func
