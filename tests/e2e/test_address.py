"""Where the service listens: what HOST and PORT say, and nothing else."""

from pathlib import Path

import pytest

from tests.support.processes import NotReady
from tests.support.service import Service

ANYWHERE = "0.0.0.0"


def test_a_host_name_is_taken_in_any_case(tmp_path: Path) -> None:
    """HOST=LocalHost is localhost (RFC 4343), not another address than the one to listen on; nobody
    is told to put a proxy in front of what this machine alone can reach."""
    with Service(tmp_path, "LocalHost") as service:
        assert service.ask("GET", "/health/live").status == 200
        assert proxy_warnings(service) == []


@pytest.mark.parametrize("arguments", ["--bind 127.0.0.1:1", "--bind localhost:1 --bind :2"])
def test_an_address_given_to_gunicorn_stops_the_start(tmp_path: Path, arguments: str) -> None:
    """What needs an API key rests on HOST: another address would be served by the wrong rules."""
    with pytest.raises(NotReady, match="Set HOST and PORT"):
        Service(tmp_path, GUNICORN_CMD_ARGS=arguments).server.start()


def test_a_certificate_given_to_gunicorn_stops_the_start(tmp_path: Path) -> None:
    """TLS ends at nginx; a service that took it for a request would wait in vain."""
    key = tmp_path / "key.pem"
    key.write_text("")
    arguments = f"--certfile {key} --keyfile {key}"
    with pytest.raises(NotReady, match="TLS is nginx's"):
        Service(tmp_path, GUNICORN_CMD_ARGS=arguments).server.start()


def proxy_warnings(service: Service) -> list[str]:
    """What the start has said about a proxy in front."""
    return [
        line["message"]
        for line in service.log_lines()
        if line["level"] == "warning" and "proxy" in line["message"]
    ]


def test_who_can_be_reached_without_a_proxy_is_warned(tmp_path: Path) -> None:
    """Slow and idle clients are the service's own business then: the start says so in one line,
    however many workers there are, and the service serves."""
    with Service(tmp_path, ANYWHERE, WORKERS="2", ALLOW_ANONYMOUS="true") as service:
        (line,) = proxy_warnings(service)
    assert line.startswith(f"HOST={ANYWHERE} can be reached without a proxy")
    assert "slow and idle clients" in line


def test_who_names_a_proxy_is_not_warned(tmp_path: Path) -> None:
    """One on another machine is in front, as far as can be told."""
    with Service(
        tmp_path, ANYWHERE, WORKERS="1", ALLOW_ANONYMOUS="true", FORWARDED_ALLOW_IPS="10.0.0.1"
    ) as service:
        assert proxy_warnings(service) == []
