"""The request that is being answered, the application, and what is kept for the request: the
objects themselves.

Flask's `request`, `current_app` and `g` find theirs again at each access, a microsecond each time.
What every request passes through asks once.
"""

from typing import Any, cast

from flask import Flask, Request, current_app, g, request
from flask.ctx import _AppCtxGlobals

Kept = _AppCtxGlobals
"""What is kept for one request."""


def current_request() -> Request:
    """What `flask.request` stands for now."""
    return cast(Request, cast(Any, request)._get_current_object())


def current_application() -> Flask:
    """What `flask.current_app` stands for now."""
    return cast(Flask, cast(Any, current_app)._get_current_object())


def kept() -> Kept:
    """What `flask.g` stands for now."""
    return cast(Kept, cast(Any, g)._get_current_object())
