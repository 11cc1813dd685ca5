"""The service that the examples talk to."""

from collections.abc import Iterator

import pytest

from tests.support.service import Service


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A real one, which the tests of examples share: each brings its own carriers."""
    with Service(tmp_path_factory.mktemp("service"), WORKERS="2") as running:
        yield running


@pytest.fixture
def url(service: Service) -> str:
    """Where it is."""
    return f"http://{service.host}:{service.port}"
