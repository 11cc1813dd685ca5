"""Keys that are not valid, sent again and again: 429, no question to the store, and nobody else
notices."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from app.application.access.failures import FAILURES, WINDOW_SECONDS, FailureLimit
from app.application.access.ring import Access, KeyRing
from app.application.deadline import Deadline
from app.application.ports.keys import ApiKey
from app.application.services import Services
from app.infrastructure.sqlite.keys import SqliteKeyStore
from config.settings import Settings
from tests.support.answers import refused
from tests.support.figures import KeptFigures
from tests.support.keys import add_key, bearer, new_key

CARRIER = f"/carriers/{uuid4()}"

Ask = Callable[..., TestResponse]


class Counting(SqliteKeyStore):
    """The store itself, which counts the questions."""

    asked = 0

    def read_all(self, deadline: Deadline) -> list[ApiKey]:
        """See `ports.keys.KeyStore`."""
        self.asked += 1
        return super().read_all(deadline)


@pytest.fixture
def keys(settings: Settings) -> Counting:
    """The keys in the service's store."""
    return Counting(settings.sqlite_path)


@pytest.fixture
def now() -> list[float]:
    """The time of limit and key ring; a test moves it."""
    return [1000.0]


@pytest.fixture
def client(settings: Settings, services: Services, keys: Counting, now: list[float]) -> FlaskClient:
    """Of a service behind a proxy on this machine."""
    access = Access(
        KeyRing(keys, lambda: now[0]),
        keyless=True,
        hosts=None,
        failures=FailureLimit(monotonic=lambda: now[0]),
        proxies=settings.forwarded_allow_ips,
    )
    return create_app(settings, replace(services, access=access)).test_client()


@pytest.fixture
def ask(client: FlaskClient) -> Ask:
    """Ask with a key, from an address."""

    def get(text: str, address: str = "192.0.2.1", **headers: str) -> TestResponse:
        shown = {**bearer(text), "X-Forwarded-For": address, **headers}
        return client.get(CARRIER, headers=shown)

    return get


def test_wrong_keys_from_one_address_are_limited(ask: Ask, keys: Counting) -> None:
    """Each another one: 401 up to the limit, then 429 with the seconds to wait, in the envelope."""
    add_key(keys)
    statuses = [ask(new_key()[1]).status_code for _ in range(400)]
    assert statuses == [401] * FAILURES + [429] * (400 - FAILURES)
    answer = ask(new_key()[1])
    assert "valid keys are let in" in refused(answer, 429)
    assert answer.headers["Retry-After"] == str(int(WINDOW_SECONDS))
    assert "WWW-Authenticate" not in answer.headers


def test_the_refusal_comes_as_rfc_9457_too(ask: Ask, keys: Counting) -> None:
    """With a type that programs can tell."""
    add_key(keys)
    for _ in range(FAILURES):
        ask(new_key()[1])
    answer = ask(new_key()[1], Accept="application/problem+json")
    assert answer.status_code == 429
    assert answer.json is not None
    assert answer.json["type"] == "/docs#problem-too-many-failures"


def test_beyond_the_limit_the_store_is_not_asked(ask: Ask, keys: Counting) -> None:
    """Not even for keys that nobody has seen."""
    add_key(keys)
    for _ in range(FAILURES):
        ask(new_key()[1])
    asked = keys.asked
    for _ in range(200):
        assert ask(new_key()[1]).status_code == 429
    assert keys.asked == asked


def test_a_valid_key_is_let_in_all_the_while(ask: Ask, keys: Counting) -> None:
    """From the same address, as behind one NAT; and under the prefix that others fail with."""
    text = add_key(keys)
    for _ in range(FAILURES + 5):
        ask(f"{text[:12]}.{'x' * 43}")
        assert ask(text).status_code == 404
    assert ask(f"{text[:12]}.{'x' * 43}").status_code == 429


def test_a_new_key_is_let_in_once_it_is_known(ask: Ask, keys: Counting, now: list[float]) -> None:
    """From an address over the limit it is not looked up, so it works after ten seconds; from any
    other at once."""
    add_key(keys, "one")
    for _ in range(FAILURES):
        ask(new_key()[1])
    text = add_key(keys, "two")
    assert ask(text).status_code == 429
    now[0] += 10
    assert ask(text).status_code == 404
    assert ask(add_key(keys, "three"), "192.0.2.2").status_code == 404


def test_wrong_secrets_for_one_prefix_are_limited(ask: Ask, keys: Counting) -> None:
    """Wherever they come from; and in the same way whether there is such a key or not."""
    prefixes = add_key(keys)[:12], "abcdefghijkl"
    for prefix in prefixes:
        statuses = [
            ask(f"{prefix}.{'x' * 43}", f"192.0.2.{number}").status_code
            for number in range(FAILURES + 5)
        ]
        assert statuses == [401] * FAILURES + [429] * 5
        assert ask(new_key()[1], "192.0.2.3").status_code == 401


def test_other_addresses_are_not_limited(ask: Ask, keys: Counting) -> None:
    """Each has a share of its own."""
    add_key(keys)
    for _ in range(FAILURES + 1):
        ask(new_key()[1])
    assert ask(new_key()[1]).status_code == 429
    assert ask(new_key()[1], "192.0.2.2").status_code == 401


def test_after_its_time_a_wrong_key_is_looked_at_again(
    ask: Ask, keys: Counting, now: list[float]
) -> None:
    """401 again, a minute after the first failure."""
    add_key(keys)
    for _ in range(FAILURES + 1):
        answer = ask(new_key()[1])
    now[0] += int(answer.headers["Retry-After"])
    assert ask(new_key()[1]).status_code == 401


def test_what_is_no_key_is_limited_too(client: FlaskClient, keys: Counting) -> None:
    """A header in another form is a failure of its address."""
    add_key(keys)
    malformed = {"Authorization": "Basic dG1zOnNlY3JldA=="}
    statuses = [client.get(CARRIER, headers=malformed).status_code for _ in range(FAILURES + 2)]
    assert statuses == [401] * FAILURES + [429] * 2


def test_no_key_is_no_failure(client: FlaskClient, keys: Counting) -> None:
    """Whoever sends none costs the store nothing, and is told each time that one is needed."""
    add_key(keys)
    answers = [client.get(CARRIER) for _ in range(FAILURES + 5)]
    assert {answer.status_code for answer in answers} == {401}


def test_each_failure_is_counted_by_its_cause(
    settings: Settings, services: Services, keys: Counting, now: list[float]
) -> None:
    """For who runs the service, who may know more than the client is told."""
    figures = KeptFigures()
    access = Access(KeyRing(keys), keyless=False, hosts=None)
    serving = replace(services, access=access, telemetry=figures)
    client = create_app(settings, serving).test_client()
    text, revoked = add_key(keys, "one"), add_key(keys, "two")
    expired = new_key("three")
    keys.add(replace(expired[0], expires_at=expired[0].created_at), Deadline.after(5))
    keys.revoke(revoked[:12], expired[0].created_at, Deadline.after(5))

    def ask(headers: Mapping[str, str]) -> None:
        client.get(CARRIER, headers=headers)

    ask({})
    ask({"Authorization": "x"})
    for shown in (new_key()[1], f"{text[:12]}.{'x' * 43}", revoked, expired[1]):
        ask(bearer(shown))
    for _ in range(FAILURES):
        ask({"Authorization": "x"})
    ask(bearer(text))
    assert figures.refusals == [
        *("missing", "malformed", "unknown", "wrong-secret", "revoked", "expired"),
        *("malformed",) * (FAILURES - 5),
        *("limited",) * 5,
    ]
