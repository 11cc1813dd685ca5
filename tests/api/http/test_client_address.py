"""Where a request comes from: the peer, or what a trusted proxy says; no client can claim it."""

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from app.api.http.client_address import client_address, origin_of

LOOPBACK = ("127.0.0.1", "::1")


def asked(peer: str, *forwarded: str) -> Request:
    """A request from this peer, with X-Forwarded-For headers as gunicorn joins them."""
    environ = {"REMOTE_ADDR": peer}
    if forwarded:
        environ["HTTP_X_FORWARDED_FOR"] = ",".join(forwarded)
    builder = EnvironBuilder(environ_overrides=environ)
    return Request(builder.get_environ())


def test_without_a_proxy_it_is_the_peer() -> None:
    """IPv4 or IPv6, in one way of writing."""
    assert client_address(asked("192.0.2.1"), LOOPBACK) == "192.0.2.1"
    assert client_address(asked("2001:DB8:0::1"), LOOPBACK) == "2001:db8::1"
    assert client_address(asked("::ffff:192.0.2.1"), LOOPBACK) == "192.0.2.1"


def test_a_stranger_cannot_claim_to_ask_for_another() -> None:
    """A peer that is no proxy of ours is the client, whatever it sends."""
    assert client_address(asked("192.0.2.1", "198.51.100.7"), LOOPBACK) == "192.0.2.1"


@pytest.mark.parametrize(
    ("peer", "proxies"),
    [
        ("127.0.0.1", LOOPBACK),
        ("::1", LOOPBACK),
        ("::ffff:127.0.0.1", LOOPBACK),
        ("10.1.2.3", ("10.0.0.0/8",)),
        ("10.1.2.3", ("*",)),
    ],
)
def test_a_trusted_proxy_names_the_client(peer: str, proxies: tuple[str, ...]) -> None:
    """By address, network, or because anybody may."""
    assert client_address(asked(peer, "198.51.100.7"), proxies) == "198.51.100.7"
    assert client_address(asked(peer), proxies) == peer.removeprefix("::ffff:")


def test_only_the_last_address_is_the_proxys_own() -> None:
    """What stands before it came with the request."""
    for forwarded in (["1.1.1.1, 198.51.100.7"], ["1.1.1.1", "2.2.2.2", "198.51.100.7"]):
        assert client_address(asked("127.0.0.1", *forwarded), LOOPBACK) == "198.51.100.7"


@pytest.mark.parametrize(
    "claimed", ["", " ", "unknown", "contact@fedex.com", "1.2.3", "1.1.1.1:80"]
)
def test_what_is_no_address_is_not_taken(claimed: str) -> None:
    """The proxy's own address stands for it: nothing else gets into a log."""
    assert client_address(asked("127.0.0.1", claimed), LOOPBACK) == "127.0.0.1"


def test_a_zone_is_no_part_of_an_address() -> None:
    """It can be any text, and is of use on the machine alone that wrote it."""
    claimed = asked("127.0.0.1", "fe80::1%contact@fedex.com")
    assert client_address(claimed, LOOPBACK) == "fe80::1"
    assert client_address(asked("fe80::1%eth0"), LOOPBACK) == "fe80::1"


def test_a_peer_without_an_address_has_none() -> None:
    """As over a socket of the file system; a proxy there may name the client, if any may."""
    assert client_address(asked("", "198.51.100.7"), LOOPBACK) == ""
    assert client_address(asked("", "198.51.100.7"), ("*",)) == "198.51.100.7"


def test_one_client_has_one_origin() -> None:
    """A site of IPv6 has 2⁶⁴ addresses, and counts as one."""
    assert origin_of("192.0.2.1") == "192.0.2.1"
    assert origin_of("2001:db8:1:2::1") == origin_of("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert origin_of("2001:db8:1:3::1") != origin_of("2001:db8:1:2::1")
    assert origin_of("") == ""
