"""Authentication and permissions of every request. Called by the request cycle, before the view.

Every route needs a key unless it is named here, so a new route is protected by default. The scope
of a command follows from its declaration; otherwise from the method: `read` for reading, `write`
for everything else. The feed can also be read
with a ticket in the query, as browsers cannot send a header with an EventSource.

The desk's routes are those of the API behind `/desk`, and need the same scopes. They look at the
session in a cookie and at nothing else; no other route looks at a cookie.
"""

import re
import time

from flask import Request

from app.api.http.client_address import client_address, origin_of
from app.api.http.cors import is_preflight
from app.api.schemas.commands import rule_of
from app.api.schemas.policy import POLICY_RULE
from app.application.access.keys import (
    ANONYMOUS,
    PREFIX_ALPHABET,
    PREFIX_LENGTH,
    Caller,
    ForeignHost,
    InvalidKey,
    InvalidTicket,
    MalformedKey,
    NotAuthenticated,
    NotPermitted,
    TooManyFailures,
)
from app.application.access.ring import Access
from app.application.access.sessions import Session, session_in
from app.application.access.tickets import NO_TICKET, Ticket, ticket_in
from app.application.deadline import Deadline
from app.application.ports.keys import ApiKey, Scope
from app.domain.command import POLICY
from app.domain.declarations import DECLARATIONS

_HEALTH = ("/health/live", "/health/ready")
DESK = "/desk"
"""What the addresses of the desk begin with."""

SIGN_IN, SIGN_OUT = f"{DESK}/sign-in", f"{DESK}/sign-out"
SIGN_OUT_EVERYWHERE = f"{SIGN_OUT}-everywhere"
"""Open to whoever has signed in, whatever the key may do."""

_OPEN = frozenset({*_HEALTH, "/", "/metrics", "/openapi.json", "/docs", SIGN_IN, SIGN_OUT})
UNCOUNTED = frozenset({*_HEALTH, "/metrics"})
"""Routes whose requests count for no quota: a probe must not fail because of others."""
_OPEN_BELOW = ("/docs/", f"{DESK}/static/")
_OF_ADMINS = (f"{DESK}/keys", f"{DESK}/parked", f"{DESK}/findings")
"""What the addresses begin with that only the scope `admin` allows."""


_READING = frozenset({"GET", "HEAD", "OPTIONS"})
SEVERAL = {"tag": Scope.PROFILE, "suspend": Scope.OVERSIGHT}
"""What the desk can do to several carriers at once, and what that needs."""

_COMMANDS = {
    **{rule_of(each): Scope(each.group) for each in DECLARATIONS},
    POLICY_RULE: Scope(POLICY),
    **{f"/several/{name}": scope for name, scope in SEVERAL.items()},
}
TICKETS = "/events/ticket"
IMPORTS = "/imports"
IMPORT_SCOPES = (Scope.REGISTER, Scope.PROFILE)
"""An import sends commands of both groups."""
IMPORTS_MAPPINGS = f"{IMPORTS}/mappings"
IMPORTS_MAPPING = f"{IMPORTS_MAPPINGS}/<path:mapping_name>"
"""One of them; a name may have a slash in it."""
IMPORTS_UNDO = f"{IMPORTS}/undo"
"""To take one back by its file. Only the desk has this address, and the next."""
IMPORT = f"{IMPORTS}/<uuid:import_id>"
"""One by its id, without its file."""
UNDO_SCOPES = (Scope.PROFILE, Scope.OVERSIGHT)
"""To take an import back, carriers are changed back or retired."""
_OF_IMPORTS = {
    IMPORTS: IMPORT_SCOPES,
    IMPORTS_MAPPING: IMPORT_SCOPES,
    IMPORTS_UNDO: UNDO_SCOPES,
    IMPORT: UNDO_SCOPES,
}
_COOKIES = ("carriers_desk", "__Host-carriers_desk")
_READ_ONLY = frozenset({Scope.READ})
_TAKE_TICKETS = frozenset({"/events", "/events/stream"})

# 43 characters hold the 32 bytes of a secret.
_KEY = rf"([{PREFIX_ALPHABET}]{{{PREFIX_LENGTH}}})\.([A-Za-z0-9_-]{{43}})"
_BEARER = re.compile(f"(?i:bearer) +{_KEY}")
_NAME_AND_PORT = re.compile(r"(\[[0-9a-f:.]*\]|[^:\[\]]*)(?::[0-9]*)?")


def admit(
    request: Request, access: Access, deadline: Deadline, *, again: bool = False
) -> Caller | None:
    """The caller of the request; None on an open route, without a route, and for a preflight
    request (`cors`).

    `again` checks a long request that was admitted before: its ticket may have expired meanwhile,
    but the ticket's key must still be active.

    Raises NotAuthenticated or its subclasses, NotPermitted or ForeignHost; StoreUnavailable if the
    keys cannot be read.
    """
    rule = request.url_rule.rule if request.url_rule else None
    if rule is None or rule in _HEALTH:
        return None
    _refuse_foreign_host(request, access, deadline)
    if rule in _OPEN or rule.startswith(_OPEN_BELOW) or is_preflight(request):
        return None
    caller = _identify(request, access, deadline, again=again)
    for scope in _scopes_of(rule, request.method):
        if not caller.may(scope):
            raise NotPermitted(scope, caller)
    return caller


def _scopes_of(rule: str, method: str) -> tuple[Scope, ...]:
    """All that is needed at an address."""
    if rule == SIGN_OUT_EVERYWHERE:
        return ()
    if rule.startswith(_OF_ADMINS):
        return (Scope.ADMIN,)
    if method in _READING or rule == TICKETS:
        return (Scope.READ,)
    resource = rule.removeprefix(DESK)
    if resource in _OF_IMPORTS:
        return _OF_IMPORTS[resource]
    return (_COMMANDS.get(resource, Scope.WRITE),)


def shown_prefix(request: Request, access: Access) -> str | None:
    """The prefix of the request's key, if a known key has it; None otherwise. Any other text in its
    place may be a secret, which must not be logged."""
    parts = _BEARER.fullmatch(request.headers.get("Authorization", ""))
    return parts[1] if parts is not None and access.ring.knows(parts[1]) else None


def key_of(request: Request, access: Access, deadline: Deadline) -> ApiKey | None:
    """The key that the request was admitted with; None if it needed none. Raises NotAuthenticated
    if the key was revoked meanwhile, and StoreUnavailable."""
    parts = _BEARER.fullmatch(request.headers.get("Authorization", ""))
    if parts is None:
        return None
    key = access.ring.valid_key(parts[1], deadline)
    if key is None:
        raise NotAuthenticated("This API key is not valid", given=True)
    return key


def _identify(request: Request, access: Access, deadline: Deadline, *, again: bool) -> Caller:
    if request.path.startswith(DESK):
        return _signed_in(request, access, deadline)
    given = request.headers.get("Authorization")
    ticket = _ticket(request)
    if given is None and ticket not in (None, NO_TICKET):
        return _holder(request, str(ticket), access, deadline, again=again)
    if given is None:
        return _nobody(
            access,
            "This needs an API key; send the header Authorization: Bearer <prefix>.<secret>",
            deadline,
        )
    return _key_holder(request, access, _BEARER.fullmatch(given), deadline)


def _nobody(access: Access, sentence: str, deadline: Deadline) -> Caller:
    """The caller who names no key. Raises NotAuthenticated with the sentence if one is needed."""
    if access.keyless and not access.ring.has_keys(deadline):
        return ANONYMOUS
    raise NotAuthenticated(sentence, given=False)


def sign_in(request: Request, access: Access, text: str, deadline: Deadline) -> ApiKey:
    """The key that somebody signs in to the desk with. Raises what `admit` does of a key."""
    caller = _key_holder(request, access, re.fullmatch(_KEY, text.strip()), deadline)
    key = access.ring.valid_key(str(caller.prefix), deadline)
    if key is None:  # revoked this very moment
        raise InvalidKey
    return key


def cookie_of(request: Request) -> str:
    """The text of the desk's cookie; empty without one. Behind TLS the cookie has a name that no
    other host can set."""
    return request.cookies.get(cookie_name(request), "")


def visitor_of(request: Request) -> str:
    """The text of the cookie that a browser has whether it is signed in or not; empty without
    one."""
    return request.cookies.get(visitor_name(request), "")


def cookie_name(request: Request) -> str:
    """What the desk's cookie is called."""
    return _COOKIES[request.is_secure]


def visitor_name(request: Request) -> str:
    """What a visitor's cookie is called: it never takes the place of a session."""
    return f"{cookie_name(request)}_visitor"


def _signed_in(request: Request, access: Access, deadline: Deadline) -> Caller:
    session = session_in(cookie_of(request))
    if session is None:
        return _nobody(access, "Sign in with an API key to see this", deadline)
    key = _signer(request, session, access, deadline)
    if key is None or session.has_ended(key, time.time()):
        raise NotAuthenticated(
            "The session has ended, or its key is no longer valid: sign in again", given=True
        )
    return Caller(key.name, key.scopes, key.prefix)


def _key_holder(
    request: Request, access: Access, parts: re.Match[str] | None, deadline: Deadline
) -> Caller:
    """The caller of a key by its parts, prefix and secret; None if it has another form."""
    if parts is None:
        origin = _address_origin(request, access)
        _refuse_more(access, origin)
        access.failures.count(origin)
        raise MalformedKey
    try:
        return access.ring.authenticate(parts[1], parts[2], deadline, look_again=False)
    except InvalidKey:
        return _identify_new(request, access, parts[1], parts[2], deadline)


def _identify_new(
    request: Request, access: Access, prefix: str, secret: str, deadline: Deadline
) -> Caller:
    """The caller of a key that is not valid in memory. Only such keys are limited, so no valid key
    is refused because of the failures of others."""
    origins = (_address_origin(request, access), f"prefix {prefix}")
    _refuse_more(access, *origins)
    try:
        return access.ring.authenticate(prefix, secret, deadline)
    except InvalidKey:
        access.failures.count(*origins)
        raise


def _address_origin(request: Request, access: Access) -> str:
    return f"address {origin_of(client_address(request, access.proxies))}"


def _refuse_more(access: Access, *origins: str) -> None:
    if wait := access.failures.wait(*origins):
        raise TooManyFailures(wait)


def _ticket(request: Request) -> str | None:
    """The ticket of a request that reads the feed, unchecked; None if there is none."""
    rule = request.url_rule.rule if request.url_rule else None
    takes = rule in _TAKE_TICKETS and request.method in _READING
    return request.args.get("ticket") if takes else None


def _holder(
    request: Request, text: str, access: Access, deadline: Deadline, *, again: bool
) -> Caller:
    """The caller that a ticket stands for. A forged ticket counts as a failure, as an invalid key
    does. An expired one does not, as browsers reconnect with it. Raises InvalidTicket,
    TooManyFailures or StoreUnavailable."""
    ticket = ticket_in(text)
    key = _signer(request, ticket, access, deadline)
    if ticket is None or key is None or (not again and time.time() >= ticket.expires_at):
        raise InvalidTicket
    reads = Caller(key.name, key.scopes).may(Scope.READ)
    return Caller(key.name, _READ_ONLY if reads else frozenset(), key.prefix)


def _signer(
    request: Request, signed: Ticket | Session | None, access: Access, deadline: Deadline
) -> ApiKey | None:
    """The valid key that has signed it, expired or not; None if there is none, which counts as a
    failure. Raises TooManyFailures or StoreUnavailable."""
    origins = [_address_origin(request, access)]
    if signed is not None:
        origins.append(f"prefix {signed.prefix}")
    if signed is None or not access.ring.knows(signed.prefix):
        _refuse_more(access, *origins)
    key = signed and access.ring.valid_key(signed.prefix, deadline)
    if signed and key and signed.is_of(key):
        return key
    _refuse_more(access, *origins)
    access.failures.count(*origins)
    return None


def _refuse_foreign_host(request: Request, access: Access, deadline: Deadline) -> None:
    """Refuse DNS rebinding: while no key is needed, a page of any web site could send commands from
    a browser on this machine, by a host name that resolves to it. The Host header has that name.
    Requests that need a key need no such check; clients without a Host header are no browsers."""
    if not access.keyless or access.hosts is None:
        return
    host = _NAME_AND_PORT.fullmatch(request.environ.get("HTTP_HOST", "").lower())
    if host is not None and (not host[1] or host[1] in access.hosts):
        return
    if not access.ring.has_keys(deadline):
        raise ForeignHost
