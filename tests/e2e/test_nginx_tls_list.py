"""TLS at nginx by Mozilla's intermediate list: https://wiki.mozilla.org/Security/Server_Side_TLS"""

from __future__ import annotations

import socket
import ssl
import subprocess

import pytest

from tests.support.front import Front

pytestmark = pytest.mark.nginx

OF_TLS_1_2 = {
    *("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
    *("ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"),
    *("ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305"),
    *("DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-CHACHA20-POLY1305"),
}
OF_TLS_1_3 = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
A_DAY = 86_400


def client(version: ssl.TLSVersion, ciphers: str = "ALL") -> ssl.SSLContext:
    """A client that speaks this version only, and whatever OpenSSL knows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    return context


def connected(
    secured: Front, context: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> ssl.SSLSocket:
    """A connection, after a request over it: TLS 1.3 gives a session after the handshake only."""
    plain = socket.create_connection(("127.0.0.1", secured.tls_port), timeout=10)
    connection = context.wrap_socket(plain, session=session)
    connection.sendall(b"GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    while connection.recv(65_536):
        pass
    return connection


def accepted(secured: Front, version: ssl.TLSVersion, cipher: str) -> str | None:
    """The cipher that was agreed on, with a client that knows this one only (of TLS 1.2)."""
    try:
        with connected(secured, client(version, cipher)) as connection:
            agreed = connection.cipher()
    except ssl.SSLError:
        return None
    return agreed[0] if agreed else None


def known_ciphers() -> list[str]:
    """Every cipher of OpenSSL up to TLS 1.2, those without encryption included."""
    listed = subprocess.run(
        ["openssl", "ciphers", "-tls1_2", "-s", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"],
        capture_output=True,
        text=True,
        check=True,
    )
    return listed.stdout.strip().split(":")


def test_of_all_ciphers_only_the_listed_ones_are_spoken(secured: Front) -> None:
    """Each that OpenSSL knows is offered by itself over TLS 1.2; those for RSA are all taken."""
    tried = set(known_ciphers()) - OF_TLS_1_3
    assert len(tried) > len(OF_TLS_1_2)
    taken = {each for each in tried if accepted(secured, ssl.TLSVersion.TLSv1_2, each)}
    assert taken <= OF_TLS_1_2
    assert {each for each in OF_TLS_1_2 if each.startswith("ECDHE-RSA")} <= taken


def test_tls_1_3_is_spoken(secured: Front) -> None:
    """With one of its ciphers."""
    assert accepted(secured, ssl.TLSVersion.TLSv1_3, "ALL") in OF_TLS_1_3


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_older_tls_is_not_spoken(secured: Front, version: ssl.TLSVersion) -> None:
    """Whatever cipher is offered."""
    assert accepted(secured, version, "ALL") is None


def test_the_client_chooses_among_the_ciphers(secured: Front) -> None:
    """All are good, and a client knows which of them its hardware is fast at."""
    for first, second in (
        ("AES128-GCM-SHA256", "AES256-GCM-SHA384"),
        ("CHACHA20-POLY1305", "AES128-GCM-SHA256"),
    ):
        order = f"ECDHE-RSA-{first}:ECDHE-RSA-{second}"
        assert accepted(secured, ssl.TLSVersion.TLSv1_2, order) == f"ECDHE-RSA-{first}"


def test_a_session_is_resumed_without_a_ticket(secured: Front) -> None:
    """From the cache of nginx for a day; no key is kept that could open tickets of the past."""
    context = client(ssl.TLSVersion.TLSv1_2)
    with connected(secured, context) as first:
        session = first.session
    assert session is not None
    assert not session.has_ticket
    with connected(secured, context, session) as second:
        assert second.session_reused


def test_a_session_of_tls_1_3_is_kept_for_a_day(secured: Front) -> None:
    """As the client is told."""
    with connected(secured, client(ssl.TLSVersion.TLSv1_3)) as connection:
        session = connection.session
    assert session is not None
    assert session.ticket_lifetime_hint == A_DAY
