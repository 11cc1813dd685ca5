"""Beside the way of the data: the project's nginx.conf, filled in as docker-compose.yml does it."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def nginx_conf(
    *,
    listen: int,
    tls_listen: int,
    upstream: int,
    max_body: int = 1_048_576,
    timeout: str = "35s",
    tls_directory: Path = Path("/nowhere"),
) -> str:
    """Return nginx.conf for these loopback ports, for start_nginx().

    `max_body` is in bytes, `timeout` as nginx writes times; certificate.pem and key.pem are looked
    for in `tls_directory`. A KeyError names a placeholder that nobody gives a value to.
    """
    values = {
        "NGINX_LISTEN": f"127.0.0.1:{listen}",
        "NGINX_TLS_LISTEN": f"127.0.0.1:{tls_listen}",
        "NGINX_UPSTREAM": f"127.0.0.1:{upstream}",
        "NGINX_MAX_BODY": str(max_body),
        "NGINX_TIMEOUT": timeout,
        "NGINX_TLS_DIR": str(tls_directory),
    }
    template = (PROJECT / "nginx.conf").read_text()
    return re.sub(r"\$\{(NGINX_[A-Z_]+)\}", lambda name: values[name[1]], template)
