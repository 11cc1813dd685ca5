"""Beside the way of the data: the project's nginx.conf, filled in as docker-compose.yml does it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.support.project import ROOT

CONF = "nginx.conf"
TLS_CONF = "nginx.tls-on.conf"


@dataclass(frozen=True)
class Limits:
    """What one client address may do: requests in a time, then a burst; connections; listeners."""

    rate: str
    burst: int
    connections: int
    listeners: int


UNLIMITED = Limits("10000r/s", 10_000, 10_000, 10_000)
"""For tests of other things, which all come from one address."""


def nginx_conf(
    *,
    listen: int,
    tls_listen: int,
    upstream: int,
    max_body: int = 1_048_576,
    timeout: str = "35s",
    tls_directory: Path | None = None,
    tls_public_port: int | None = None,
    limits: Limits = UNLIMITED,
) -> dict[str, str]:
    """Return nginx.conf and what it includes for these loopback ports, by name, for start_nginx().

    `max_body` is in bytes, `timeout` as nginx writes times; TLS is on with a `tls_directory`, which
    holds certificate.pem and key.pem. A KeyError names a placeholder that nobody gives a value to.
    """
    values = {
        "NGINX_LISTEN": f"127.0.0.1:{listen}",
        "NGINX_TLS_LISTEN": f"127.0.0.1:{tls_listen}",
        "NGINX_UPSTREAM": f"127.0.0.1:{upstream}",
        "NGINX_MAX_BODY": str(max_body),
        "NGINX_TIMEOUT": timeout,
        "NGINX_TLS": "on" if tls_directory else "",
        "NGINX_TLS_DIR": str(tls_directory),
        "NGINX_TLS_PORT": str(tls_public_port or tls_listen),
        "NGINX_RATE": limits.rate,
        "NGINX_BURST": str(limits.burst),
        "NGINX_CONNECTIONS": str(limits.connections),
        "NGINX_LISTENERS": str(limits.listeners),
    }
    return {
        name: re.sub(
            r"\$\{(NGINX_[A-Z_]+)\}", lambda found: values[found[1]], (ROOT / name).read_text()
        )
        for name in (CONF, TLS_CONF)
    }
