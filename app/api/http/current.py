"""The request that is being answered and what is kept for it: the objects themselves.

Flask's `request` and `g` find theirs again at each access, a microsecond each time. What every
request passes through asks once.
"""

from typing import Any, cast

from flask import Request, g, request
from flask.ctx import _AppCtxGlobals

Kept = _AppCtxGlobals
"""What is kept for one request."""


def current_request() -> Request:
    """What `flask.request` stands for now."""
    return cast(Request, cast(Any, request)._get_current_object())


def kept() -> Kept:
    """What `flask.g` stands for now."""
    return cast(Kept, cast(Any, g)._get_current_object())
