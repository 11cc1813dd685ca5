"""The address of a request's client, also behind a trusted proxy."""

import ipaddress
from functools import lru_cache

from flask import Request

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_SITE = 64
"""The prefix length of an IPv6 site: one client has all addresses with the same prefix."""


def client_address(request: Request, proxies: tuple[str, ...]) -> str:
    """The peer of the connection. If the peer is one of `proxies` (addresses, networks, or `*` for
    any), the last address of X-Forwarded-For, which the proxy wrote; the earlier ones are whatever
    the client sent. Empty if the address is not known."""
    peer = _parsed(request.environ.get("REMOTE_ADDR", ""))
    if _is_trusted(peer, proxies):
        named = request.headers.get("X-Forwarded-For", "").rpartition(",")[2]
        return str(_parsed(named.strip()) or peer or "")
    return str(peer or "")


def origin_of(address: str) -> str:
    """What counts as one client for limits: an IPv4 address, or an IPv6 site."""
    parsed = _parsed(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, _SITE), strict=False))
    return address


def _is_trusted(peer: _Address | None, proxies: tuple[str, ...]) -> bool:
    return "*" in proxies or (peer is not None and any(peer in each for each in _networks(proxies)))


@lru_cache(maxsize=8)
def _networks(proxies: tuple[str, ...]) -> tuple[_Network, ...]:
    return tuple(map(ipaddress.ip_network, proxies))


def _parsed(text: str) -> _Address | None:
    """The address in the text; None if there is none. An IPv4 address mapped into IPv6, as a
    dual-stack socket shows it, becomes IPv4. The zone of a link-local address, which can be any
    text, is dropped."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
