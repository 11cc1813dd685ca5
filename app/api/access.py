"""The gate before every view: who sent this request, and may they? The request cycle asks here.

A route is protected unless it is named here, so a new one is by default. The scope that it needs
follows from the method: reading needs `read`, everything else `write`.
"""

import re

from flask import Request

from app.application.access import (
    ANONYMOUS,
    PREFIX_ALPHABET,
    PREFIX_LENGTH,
    Access,
    Caller,
    ForeignHost,
    NotAuthenticated,
    NotPermitted,
    Scope,
)
from app.application.deadline import Deadline

_HEALTH = ("/health/live", "/health/ready")
_OPEN = frozenset({*_HEALTH, "/metrics", "/openapi.json", "/docs"})
_OPEN_BELOW = "/docs/"

_READING = frozenset({"GET", "HEAD", "OPTIONS"})

# 43 characters hold the 32 bytes of a secret.
_BEARER = re.compile(
    rf"(?i:bearer) +([{PREFIX_ALPHABET}]{{{PREFIX_LENGTH}}})\.([A-Za-z0-9_-]{{43}})"
)
_NAME_AND_PORT = re.compile(r"(\[[0-9a-f:.]*\]|[^:\[\]]*)(?::[0-9]*)?")


def admit(request: Request, access: Access, deadline: Deadline) -> Caller | None:
    """Who the caller is; None where nobody is asked: on an open route, and where there is none.

    Raises NotAuthenticated, NotPermitted or ForeignHost; StoreUnavailable if it cannot be known.
    """
    rule = request.url_rule.rule if request.url_rule else None
    if rule is None or rule in _HEALTH:
        return None
    _refuse_foreign_host(request, access, deadline)
    if rule in _OPEN or rule.startswith(_OPEN_BELOW):
        return None
    caller = _identify(request, access, deadline)
    scope = Scope.READ if request.method in _READING else Scope.WRITE
    if not caller.may(scope):
        raise NotPermitted(scope)
    return caller


def _identify(request: Request, access: Access, deadline: Deadline) -> Caller:
    given = request.headers.get("Authorization")
    if given is None:
        if access.keyless and not access.ring.has_keys(deadline):
            return ANONYMOUS
        raise NotAuthenticated(
            "This needs an API key; send the header Authorization: Bearer <prefix>.<secret>",
            given=False,
        )
    parts = _BEARER.fullmatch(given)
    if parts is None:
        raise NotAuthenticated(
            "The Authorization header must be Bearer <prefix>.<secret>", given=True
        )
    caller = access.ring.authenticate(parts[1], parts[2], deadline)
    if caller is None:
        raise NotAuthenticated("This API key is not valid", given=True)
    return caller


def _refuse_foreign_host(request: Request, access: Access, deadline: Deadline) -> None:
    """While no key is needed, a page of any web site could send commands from a browser on this
    machine: by a name of its own that leads here (DNS rebinding). Its Host header shows that name.
    Who has to show a key needs no such check; clients without the header are no browsers."""
    if not access.keyless or access.hosts is None:
        return
    host = _NAME_AND_PORT.fullmatch(request.environ.get("HTTP_HOST", "").lower())
    if host is not None and (not host[1] or host[1] in access.hosts):
        return
    if not access.ring.has_keys(deadline):
        raise ForeignHost
