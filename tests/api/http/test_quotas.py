"""How many requests a key, or an address without a valid key, may send."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.application.access.quotas import ADDRESS, KEY, Quotas
from app.application.ports.quotas import Quota
from app.application.services import Services
from app.infrastructure.shared_quotas import SharedQuotas
from app.infrastructure.sqlite.keys import SqliteKeyStore
from config.settings import Settings
from tests.support.answers import refused
from tests.support.keys import add_key, bearer, new_key

CARRIERS = "/statistics"
MINE = {"X-Forwarded-For": "192.0.2.1"}


@pytest.fixture
def client(settings: Settings, services: Services) -> FlaskClient:
    """Of a service behind a proxy on this machine: five requests a key, three an address."""
    quotas = Quotas(SharedQuotas(), {KEY: Quota(5, 3600), ADDRESS: Quota(3, 3600)})
    access = replace(services.access, quotas=quotas)
    allowed = replace(settings, cors_origins=("https://app.example",))
    return create_app(allowed, replace(services, access=access)).test_client()


@pytest.fixture
def key(settings: Settings) -> Mapping[str, str]:
    """The header of a valid key."""
    return bearer(add_key(SqliteKeyStore(settings.sqlite_path), "tms"))


def test_each_answer_says_what_is_left(client: FlaskClient, key: Mapping[str, str]) -> None:
    """In the fields of the draft, errors included: the quota, what remains, when it is whole."""
    for remaining in (4, 3):
        answer = client.get("/nowhere" if remaining == 3 else CARRIERS, headers={**MINE, **key})
        if remaining == 4:
            assert answer.headers["RateLimit-Policy"] == '"key";q=5;w=3600'
            assert answer.headers["RateLimit"] == f'"key";r={remaining};t=720'


def test_a_key_beyond_its_quota_gets_429(client: FlaskClient, key: Mapping[str, str]) -> None:
    """With the seconds until the next one is allowed, in the envelope and as a problem; from
    whatever address."""
    for number in range(5):
        address = {"X-Forwarded-For": f"192.0.2.{number}"}
        assert client.get(CARRIERS, headers={**address, **key}).status_code == 200
    answer = client.get(CARRIERS, headers={**MINE, **key})
    assert "5 requests at once" in refused(answer, 429)
    assert answer.headers["Retry-After"] == "720"
    assert answer.headers["RateLimit"] == '"key";r=0;t=3600'
    problem = {"Accept": "application/problem+json"}
    answer = client.get(CARRIERS, headers={**MINE, **key, **problem})
    assert answer.get_json()["type"] == "/docs#problem-quota-exceeded"


def test_an_address_without_a_key_has_a_quota_of_its_own(
    client: FlaskClient, key: Mapping[str, str]
) -> None:
    """Wrong keys and none count for the address, valid ones from there do not; another address, and
    the key, go on."""
    assert client.get(CARRIERS, headers={**MINE, **key}).status_code == 200
    wrong = bearer(new_key()[1])
    assert client.get(CARRIERS, headers={**MINE, **wrong}).status_code == 401
    assert client.get("/docs", headers=MINE).status_code == 200
    assert client.get(CARRIERS, headers=MINE).status_code == 401
    assert client.get(CARRIERS, headers=MINE).status_code == 429
    assert client.get("/docs", headers=MINE).status_code == 429
    assert client.get("/docs", headers={"X-Forwarded-For": "192.0.2.2"}).status_code == 200
    assert client.get(CARRIERS, headers={**MINE, **key}).status_code == 200


def test_probes_are_not_counted(client: FlaskClient) -> None:
    """Health and metrics, however often; and they say nothing of quotas."""
    for path in ("/health/live", "/health/ready", "/metrics"):
        for _ in range(4):
            answer = client.get(path, headers=MINE)
            assert answer.status_code == 200
            assert "RateLimit" not in answer.headers
    assert 'http_requests_refused_total{cause="quota"}' in client.get("/metrics").text


def test_pages_of_other_origins_may_read_what_is_left(client: FlaskClient) -> None:
    """CORS shows both fields."""
    answer = client.get("/docs", headers={**MINE, "Origin": "https://app.example"})
    shown = answer.headers["Access-Control-Expose-Headers"]
    assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= set(shown.split(", "))


def test_nothing_is_limited_unless_asked_for(settings: Settings, services: Services) -> None:
    """By default no answer speaks of quotas."""
    answer = create_app(settings, services).test_client().get(CARRIERS)
    assert "RateLimit" not in answer.headers
