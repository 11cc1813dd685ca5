"""TLS at nginx: what is spoken, the way there from plain HTTP, and who can read the key."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import ssl
import subprocess
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml

from tests.support.front import Front, Upstream, assert_own_error, exchange, front
from tests.support.processes import wait_until
from tests.support.project import ROOT
from tests.support.tls import make_certificate

pytestmark = pytest.mark.nginx

NOBODY = "nobody nogroup"


def secure(nginx: Front, trusted: Path) -> http.client.HTTPSConnection:
    """A connection that accepts this certificate only."""
    trust = ssl.create_default_context(cafile=str(trusted))
    return http.client.HTTPSConnection("127.0.0.1", nginx.tls_port, timeout=10, context=trust)


def test_tls_is_served_with_a_certificate(
    require_nginx: str, tmp_path: Path, upstream: Upstream, certificate: Path
) -> None:
    """With a certificate the TLS port serves the same, tells the application, and sets HSTS."""
    with front(tmp_path, upstream.port, certificate.parent) as nginx:
        with closing(secure(nginx, certificate)) as connection:
            passed, refused = exchange(connection, "/echo"), exchange(connection, "/metrics")
        plain = nginx.ask("/health/live")
        mistaken = nginx.send(b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n", nginx.tls_port)
    assert passed.body["headers"]["x-forwarded-proto"] == "https"
    assert "max-age=" in passed.headers["Strict-Transport-Security"]
    assert_own_error(refused, 404)
    assert "max-age=" in refused.headers["Strict-Transport-Security"]
    assert "Strict-Transport-Security" not in plain.headers
    assert_own_error(mistaken, 400, "https://")


def test_old_tls_is_refused(
    require_nginx: str, tmp_path: Path, upstream: Upstream, certificate: Path
) -> None:
    """Nothing older than TLS 1.2 is spoken."""
    with front(tmp_path, upstream.port, certificate.parent) as nginx:
        offer = ["openssl", "s_client", "-connect", f"127.0.0.1:{nginx.tls_port}"]
        offer += ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]
        tried = subprocess.run(offer, input="", capture_output=True, text=True, check=False)
    assert "Cipher is (NONE)" in tried.stdout
    assert "alert protocol version" in tried.stderr


def test_without_a_certificate_nobody_listens_for_tls(
    require_nginx: str, tmp_path: Path, upstream: Upstream
) -> None:
    """nginx serves plain HTTP, sends nobody elsewhere, and leaves the TLS port alone."""
    with front(tmp_path, upstream.port) as nginx:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", nginx.tls_port), timeout=10)
        assert nginx.ask("/echo").status == 200


@pytest.mark.parametrize(
    ("path", "body"), [("/echo?q=%20a", None), ("/register-carrier", b"{}"), ("//x", None)]
)
def test_plain_http_is_sent_to_tls(
    require_nginx: str,
    tmp_path: Path,
    upstream: Upstream,
    certificate: Path,
    path: str,
    body: bytes | None,
) -> None:
    """With a certificate every plain request is answered 308, with the same address at the TLS
    port, and does not reach the application."""
    before = len(upstream.paths)
    with front(tmp_path, upstream.port, certificate.parent) as nginx:
        sent = nginx.ask(path, {"Host": "carriers.example:80"}, body)
    assert_own_error(sent, 308, "https://")
    assert sent.headers["Location"] == f"https://carriers.example:{nginx.tls_port}{path}"
    assert len(upstream.paths) == before


def test_health_is_answered_on_both_ports(
    require_nginx: str, tmp_path: Path, upstream: Upstream, certificate: Path
) -> None:
    """A probe needs neither the certificate's name nor to follow a redirect."""
    with front(tmp_path, upstream.port, certificate.parent) as nginx:
        assert nginx.ask("/health/live").status == 200
        with closing(secure(nginx, certificate)) as connection:
            assert exchange(connection, "/health/live").status == 200


def test_the_usual_port_is_left_out_of_the_redirect(
    require_nginx: str, tmp_path: Path, upstream: Upstream, certificate: Path
) -> None:
    """Where clients reach TLS on 443, the address has no port."""
    with front(tmp_path, upstream.port, certificate.parent, tls_public_port=443) as nginx:
        sent = nginx.ask("/echo", {"Host": "[::1]:80"})
    assert sent.headers["Location"] == "https://[::1]/echo"


def test_a_renewed_certificate_is_taken_with_a_reload(
    require_nginx: str, tmp_path: Path, upstream: Upstream
) -> None:
    """SIGHUP, which is `nginx -s reload`, reads certificate and key again."""
    renewed = make_certificate(tmp_path)
    for file in (renewed, renewed.with_name("key.pem")):
        # From 1.27.4 on nginx goes by the file's date, and no renewal comes within a second.
        os.utime(file, (0, 0))
    with front(tmp_path / "nginx", upstream.port, tmp_path) as nginx:

        def answered() -> bool:
            try:
                with closing(secure(nginx, renewed)) as connection:
                    return exchange(connection, "/echo").status == 200
            except ssl.SSLError:
                return False

        assert answered()
        make_certificate(tmp_path)
        assert not answered(), "the test trusts the new one only"
        os.kill(nginx.server.pid, signal.SIGHUP)
        wait_until(answered, 10, "the new certificate")


def open_to_all(folder: str) -> Path:
    """The folder, which workers of another user can enter, as in a container."""
    Path(folder).chmod(0o755)
    return Path(folder)


def status_of(pid: int) -> dict[str, str]:
    """What the kernel says about a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_only_root_can_read_the_key(require_nginx: str, tmp_path: Path, upstream: Upstream) -> None:
    """With the capabilities that compose leaves to nginx, and no more, root reads a key of mode
    0600 and serves by workers that are nobody and could not read it."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to root alone")
    made = make_certificate(tmp_path)
    key = made.with_name("key.pem")
    key.chmod(0o600)
    kept = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["nginx"]
    assert kept["cap_drop"] == ["ALL"]
    bounds = "-all," + ",".join(f"+{name.lower()}" for name in kept["cap_add"])
    drop = ["setpriv", "--bounding-set", bounds, "--no-new-privs"]
    with (
        TemporaryDirectory() as folder,
        front(open_to_all(folder), upstream.port, tmp_path, before=drop, user=NOBODY) as nginx,
    ):
        with closing(secure(nginx, made)) as connection:
            assert exchange(connection, "/echo", body=b"x" * 50_000).body["length"] == 50_000
        master = nginx.server.pid
        children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        workers = [status_of(int(pid)) for pid in children]
        assert status_of(master)["Uid"].split() == ["0"] * 4
    assert workers
    for worker in workers:
        assert set(worker["Uid"].split()).isdisjoint({"0"})
        assert int(worker["CapEff"], 16) == 0
