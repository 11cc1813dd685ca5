"""Where the service listens: what HOST and PORT say, and nothing else."""

from pathlib import Path

import pytest

from tests.support.processes import NotReady
from tests.support.service import Service


def test_a_host_name_is_taken_in_any_case(tmp_path: Path) -> None:
    """HOST=LocalHost is localhost (RFC 4343), not another address than the one to listen on."""
    with Service(tmp_path, "LocalHost") as service:
        assert service.ask("GET", "/health/live").status == 200


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
