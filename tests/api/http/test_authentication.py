"""The gate: who gets in without a key, who with one, and what the others are told."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.api.schemas.commands import rule_of
from app.application.access.ring import FRESH_SECONDS, Access, KeyRing
from app.application.ports.keys import KeyStore, Scope
from app.application.services import Services
from app.domain.commands import SENTENCES
from app.domain.declarations import DECLARATIONS
from app.infrastructure.sqlite.keys import SqliteKeyStore
from config.settings import Settings
from tests.support.answers import FEDEX, data, failure, refused
from tests.support.keys import add_key, bearer, new_key
from tests.support.policies import policy
from tests.support.stores import MOMENT, soon

OPEN = ["/", "/health/live", "/health/ready", "/metrics", "/openapi.json"]
CARRIER = f"/carriers/{uuid4()}"
CHALLENGE = 'Bearer realm="carriers"'
INVALID = f'{CHALLENGE}, error="invalid_token"'

Serving = Callable[..., FlaskClient]


@pytest.fixture
def keys(settings: Settings) -> KeyStore:
    """The keys in the service's store."""
    return SqliteKeyStore(settings.sqlite_path)


@pytest.fixture
def now() -> list[float]:
    """What the key ring takes for the time; a test moves it."""
    return [1000.0]


@pytest.fixture
def serving(settings: Settings, services: Services, keys: KeyStore, now: list[float]) -> Serving:
    """Makes a client of the application with some settings changed."""

    def make(**changes: object) -> FlaskClient:
        changed = replace(settings, **changes)  # type: ignore[arg-type]
        ring = KeyRing(keys, lambda: now[0])
        access = Access(
            ring,
            changed.keyless,
            changed.keyless_hosts,
            proxies=changed.forwarded_allow_ips,
        )
        return create_app(changed, replace(services, access=access)).test_client()

    return make


def actors(settings: Settings) -> list[str]:
    """Who wrote each event, as its metadata says."""
    with closing(sqlite3.connect(settings.sqlite_path)) as database:
        rows = database.execute("SELECT metadata FROM events ORDER BY position").fetchall()
    return [json.loads(metadata)["actor"] for (metadata,) in rows]


def test_nobody_needs_a_key_while_there_is_none(serving: Serving, settings: Settings) -> None:
    """On loopback; the actor is "anonymous"."""
    assert serving().post("/register-carrier", json=FEDEX).status_code == 201
    assert actors(settings) == ["anonymous"]


def test_the_keys_name_is_the_actor(serving: Serving, keys: KeyStore, settings: Settings) -> None:
    """In what is written with it."""
    text = add_key(keys, "dispatch @hq")
    answer = serving().post("/register-carrier", json=FEDEX, headers=bearer(text))
    assert answer.status_code == 201
    assert actors(settings) == ["dispatch @hq"]


def test_a_key_is_needed_once_there_is_one(
    serving: Serving, keys: KeyStore, now: list[float], settings: Settings
) -> None:
    """401 with a challenge, on every protected route, once what was known has aged."""
    client = serving()
    assert client.get(CARRIER).status_code == 404
    add_key(keys)
    now[0] += FRESH_SECONDS
    for answer in (client.get(CARRIER), client.post("/register-carrier", json=FEDEX)):
        assert "Authorization: Bearer" in refused(answer, 401)
        assert answer.headers.getlist("WWW-Authenticate") == [CHALLENGE]
    assert actors(settings) == []


def test_every_other_route_is_protected(serving: Serving, keys: KeyStore) -> None:
    """Whatever is added: without a key, 401 for each of its methods; a page of the desk leads to
    where one signs in."""
    add_key(keys)
    client = serving()
    routes = 0
    for rule in client.application.url_map.iter_rules():
        if rule.rule in OPEN or rule.rule.startswith(("/docs", "/desk/static/", "/desk/sign-")):
            continue
        path = rule.rule
        for argument in rule.arguments:
            path = path.replace(f"<uuid:{argument}>", str(uuid4())).replace(f"<{argument}>", "x")
        for method in rule.methods or ():
            is_page = path.startswith("/desk") and method != "POST"
            expected = 303 if is_page else 401
            assert client.open(path, method=method).status_code == expected, (method, rule.rule)
            routes += 1
    assert routes >= 4


@pytest.mark.parametrize("path", OPEN)
def test_what_is_open_stays_open(serving: Serving, keys: KeyStore, path: str) -> None:
    """Health, metrics and the description of the API need no key, and a wrong one does no harm."""
    add_key(keys)
    client = serving(host="0.0.0.0")
    assert client.get(path).status_code == 200
    assert client.get(path, headers=bearer("wrong")).status_code == 200


def test_what_is_not_there_is_said_to_all(serving: Serving, keys: KeyStore) -> None:
    """404 and 405 tell nothing that the description of the API does not."""
    add_key(keys)
    refused(serving().get("/nowhere"), 404)
    refused(serving().delete("/register-carrier"), 405)


@pytest.mark.parametrize(
    ("scope", "get", "post"),
    [
        (Scope.READ, 404, 403),
        (Scope.REGISTER, 403, 201),
        (Scope.PROFILE, 403, 403),
        (Scope.WRITE, 404, 201),
        (Scope.ADMIN, 404, 201),
    ],
)
def test_what_a_scope_allows(
    serving: Serving, keys: KeyStore, scope: Scope, get: int, post: int
) -> None:
    """Reading needs `read`, a command the scope of its group; `write` and `admin` include both."""
    shown, client = bearer(add_key(keys, "tms", scope)), serving()
    assert client.get(CARRIER, headers=shown).status_code == get
    assert client.head(CARRIER, headers=shown).status_code == get
    assert client.options(CARRIER, headers=shown).status_code == (200 if get == 404 else 403)
    assert client.post("/register-carrier", json=FEDEX, headers=shown).status_code == post


GROUPS = {
    Scope.REGISTER: {"register"},
    Scope.PROFILE: {
        "rename",
        "change-email",
        "update-profile",
        "schedule-change",
        "cancel-scheduled-change",
        "file-document",
        "replace-document",
        "withdraw-document",
        "annotate",
        "not-a-duplicate",
    },
    Scope.OVERSIGHT: {
        "suspend",
        "reinstate",
        "retire",
        "note-incident",
        "vet",
        "block",
        "unblock",
        "prefer",
        "unprefer",
        "override-verdict",
        "withdraw-override",
        "approve",
        "reject",
        "confirm-change",
        "discard-change",
        "merge",
        "unmerge",
    },
}


@pytest.mark.parametrize("scope", GROUPS)
def test_a_narrow_scope_allows_its_commands_and_no_others(
    serving: Serving, keys: KeyStore, scope: Scope
) -> None:
    """403 names the scope of the other command's group; neither the feed nor a ticket is open."""
    shown, client = bearer(add_key(keys, "tms", scope)), serving()
    for declaration in DECLARATIONS:
        path = rule_of(declaration).replace("/carriers/<uuid:carrier_id>", CARRIER)
        answer = client.post(path, json={}, headers=shown)
        allowed = declaration.name in GROUPS[scope]
        assert (answer.status_code == 403) is not allowed, declaration.name
        if not allowed:
            assert f"the scope {declaration.group}" in refused(answer, 403)
    assert client.get("/events", headers=shown).status_code == 403
    assert client.post("/events/ticket", headers=shown).status_code == 403


@pytest.mark.parametrize(
    ("scope", "get", "put"),
    [
        (Scope.READ, 200, 403),
        (Scope.WRITE, 200, 403),
        (Scope.OVERSIGHT, 403, 403),
        (Scope.POLICY, 403, 200),
        (Scope.ADMIN, 200, 200),
    ],
)
def test_who_keeps_carriers_does_not_decide_on_the_policy(
    serving: Serving, keys: KeyStore, scope: Scope, get: int, put: int
) -> None:
    """`write` does not include the scope `policy`, which allows nothing else; `admin` does."""
    shown, client = bearer(add_key(keys, "tms", scope)), serving()
    assert client.get("/policy", headers=shown).status_code == get
    answer = client.put("/policy", json=policy(), headers=shown)
    assert answer.status_code == put
    if put == 403:
        assert "the scope policy" in refused(answer, 403)
    if scope is Scope.POLICY:
        assert client.post("/register-carrier", json=FEDEX, headers=shown).status_code == 403


@pytest.mark.parametrize(
    ("scopes", "status"),
    [
        ((Scope.REGISTER,), 403),
        ((Scope.PROFILE,), 403),
        ((Scope.REGISTER, Scope.PROFILE), 200),
        ((Scope.WRITE,), 200),
    ],
)
def test_an_import_needs_the_scopes_of_all_that_it_does(
    serving: Serving, keys: KeyStore, scopes: tuple[Scope, ...], status: int
) -> None:
    """It registers carriers and keeps their profiles. Who may keep what it reads columns by may
    forget that too."""
    shown, client = bearer(add_key(keys, "tms", *scopes)), serving()
    file = "name,email\r\nFedEx,contact@fedex.com\r\n"
    path = "/imports?keep_mapping=a"
    answer = client.post(path, data=file, content_type="text/csv", headers=shown)
    assert answer.status_code == status
    assert client.delete("/imports/mappings/a", headers=shown).status_code == status


def test_each_command_belongs_to_one_group() -> None:
    """None is forgotten, and each group is a scope."""
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(SENTENCES)


def test_a_missing_scope_is_named(serving: Serving, keys: KeyStore, settings: Settings) -> None:
    """403 with RFC 6750's challenge, and nothing is written; whatever the body is."""
    shown, client = bearer(add_key(keys, "tms", Scope.READ)), serving()
    for answer in (
        client.post("/register-carrier", json=FEDEX, headers=shown),
        client.post("/register-carrier", data=b"{", headers=shown),
    ):
        assert "scope register" in refused(answer, 403)
        challenge = f'{CHALLENGE}, error="insufficient_scope", scope="register"'
        assert answer.headers.getlist("WWW-Authenticate") == [challenge]
    assert actors(settings) == []


def wrong_headers(text: str) -> list[str]:
    """Authorization headers that are not the one that shows this key."""
    prefix, secret = text.split(".")
    return [
        "",
        "Bearer",
        "Bearer ",
        f"Basic {text}",
        text,
        f"Bearer {prefix}",
        f"Bearer {prefix}.",
        f"Bearer .{secret}",
        f"Bearer {prefix}.{secret}x",
        f"Bearer {prefix}.{secret[:-1]}",
        f"Bearer {prefix}.{secret} x",
        f"Bearer {prefix}.{secret}, Bearer {prefix}.{secret}",
        f"Bearer {prefix}.{secret.swapcase()}",
        f"Bearer {prefix.upper()}.{secret}",
        f"Bearer {prefix}.{'é' * 43}",
        f"Bearer abcdefghijkl.{secret}",
        f"Bearer {new_key()[1]}",
        "Bearer " + "x" * 7000,
    ]


def test_a_wrong_key_is_refused(serving: Serving, keys: KeyStore) -> None:
    """401, malformed, unknown or wrong in its secret; the answer repeats nothing of it."""
    text = add_key(keys)
    client = serving()
    for header in wrong_headers(text):
        answer = client.get(CARRIER, headers={"Authorization": header})
        refused(answer, 401)
        assert answer.headers.getlist("WWW-Authenticate") == [INVALID], header
        assert text[:12] not in answer.text
        assert text[13:] not in answer.text
    assert client.get(CARRIER, headers={"Authorization": f"bEARER  {text}"}).status_code == 404


def test_a_wrong_key_is_refused_where_none_is_needed(serving: Serving) -> None:
    """Whoever shows one means to be somebody: never taken for anonymous."""
    answer = serving().get(CARRIER, headers=bearer(new_key()[1]))
    assert answer.headers["WWW-Authenticate"] == INVALID
    refused(answer, 401)


def test_a_revoked_key_is_refused(serving: Serving, keys: KeyStore, now: list[float]) -> None:
    """Within the cache's time; and without it the door does not open either, though no key is
    active."""
    text = add_key(keys)
    client = serving()
    assert client.get(CARRIER, headers=bearer(text)).status_code == 404
    keys.revoke(text[:12], MOMENT, soon())
    now[0] += FRESH_SECONDS
    refused(client.get(CARRIER, headers=bearer(text)), 401)
    refused(client.get(CARRIER), 401)


def test_an_expired_key_is_refused(serving: Serving, keys: KeyStore) -> None:
    """401; whoever shows the right secret is told since when, a stranger is not. The door does not
    open either, though no key is valid."""
    key, text = new_key()
    keys.add(replace(key, expires_at=MOMENT), soon())
    client = serving()
    answer = client.get(CARRIER, headers=bearer(text))
    assert "expired at 2026-01-31T12:00:00Z" in refused(answer, 401)
    assert answer.headers.getlist("WWW-Authenticate") == [INVALID]
    stranger = client.get(CARRIER, headers=bearer(f"{key.prefix}.{'x' * 43}"))
    assert refused(stranger, 401) == "This API key is not valid"
    refused(client.get(CARRIER), 401)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.1", "::", "carriers"])
def test_another_address_needs_a_key(serving: Serving, keys: KeyStore, host: str) -> None:
    """Also while there is none: nobody gets in."""
    client = serving(host=host)
    refused(client.get(CARRIER), 401)
    text = add_key(keys)
    assert client.get(CARRIER, headers=bearer(text)).status_code == 404


def test_another_address_may_be_open(serving: Serving, keys: KeyStore, now: list[float]) -> None:
    """With ALLOW_ANONYMOUS=true, under whatever name; until the first key is created."""
    client = serving(host="0.0.0.0", allow_anonymous=True)
    foreign = {"Host": "api.example.com"}
    assert client.post("/register-carrier", json=FEDEX, headers=foreign).status_code == 201
    add_key(keys)
    now[0] += FRESH_SECONDS
    refused(client.post("/register-carrier", json=FEDEX, headers=foreign), 401)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8000",
        "127.0.0.1",
        "127.0.0.1:80",
        "[::1]",
        "[::1]:8000",
        "LocalHost",
    ],
)
def test_the_services_own_names(serving: Serving, host: str) -> None:
    """With any port."""
    assert serving().get(CARRIER, headers={"Host": host}).status_code == 404


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost:8000@evil.example",
        "localhost.",
        "[::1",
        "[::2]",
        "192.168.0.1",
        "localhost:80:80",
        "localhost, evil.example",
    ],
)
def test_a_foreign_name_is_refused(serving: Serving, settings: Settings, host: str) -> None:
    """421 on every route but health: a page from elsewhere cannot use the visitor's browser to
    reach a service that asks nobody who they are (DNS rebinding)."""
    client = serving()
    foreign = {"Host": host}
    for path in (CARRIER, "/metrics", "/openapi.json"):
        assert "host name" in refused(client.get(path, headers=foreign), 421)
    refused(client.post("/register-carrier", json=FEDEX, headers=foreign), 421)
    assert data(client.get("/health/live", headers=foreign)) == {"status": "alive"}
    assert actors(settings) == []


def test_more_names_can_be_given(serving: Serving) -> None:
    """ALLOWED_HOSTS adds to the own names on loopback, and elsewhere switches the check on."""
    client = serving(allowed_hosts=("api.example.com",))
    for host in ("api.example.com", "API.example.com:443", "localhost"):
        assert client.get(CARRIER, headers={"Host": host}).status_code == 404
    refused(client.get(CARRIER, headers={"Host": "evil.example"}), 421)
    client = serving(host="0.0.0.0", allow_anonymous=True, allowed_hosts=("api.example.com",))
    refused(client.get(CARRIER, headers={"Host": "evil.example"}), 421)


def test_with_keys_any_name_will_do(serving: Serving, keys: KeyStore) -> None:
    """As behind nginx, which passes on the public one: no page can guess a key."""
    text = add_key(keys)
    foreign = {"Host": "api.example.com"}
    client = serving()
    assert client.get(CARRIER, headers={**bearer(text), **foreign}).status_code == 404
    assert client.get("/openapi.json", headers=foreign).status_code == 200
    refused(client.get(CARRIER, headers=foreign), 401)


def test_when_the_store_does_not_answer_nobody_gets_in(
    serving: Serving, keys: KeyStore, settings: Settings
) -> None:
    """503, with a key and without; health and what is open still answer."""
    text = add_key(keys)
    with closing(sqlite3.connect(settings.sqlite_path)) as other, other:
        other.execute("DROP TABLE api_keys")
    client = serving()
    for answer in (client.get(CARRIER), client.get(CARRIER, headers=bearer(text))):
        assert failure(answer, 503)[1] == {"outcome": "not-started"}
        assert answer.headers["Retry-After"]
    for path in OPEN:
        assert client.get(path).status_code == 200


def test_no_key_in_a_log_an_answer_or_a_metric(
    serving: Serving, keys: KeyStore, caplog: pytest.LogCaptureFixture
) -> None:
    """At any level, right or wrong, sent where it belongs or elsewhere. Its prefix, which is no
    secret, is a field of access lines and nowhere else."""
    text = add_key(keys, "tms", Scope.READ)
    prefix, secret = text.split(".")
    client = serving()
    answers = []
    with caplog.at_level("DEBUG"):
        for header in [f"Bearer {text}", *wrong_headers(text)]:
            shown = {"Authorization": header}
            answers.append(client.get(CARRIER, headers=shown))
            answers.append(client.post("/register-carrier", json=FEDEX, headers=shown))
        answers.append(client.get(f"/{text}?{text}", headers={"X-Request-ID": f"{text}!"}))
        answers.append(client.get("/metrics"))
    fields = [dict(record.__dict__) for record in caplog.records]
    assert {line.pop("key", prefix) for line in fields} == {prefix}
    written = "\n".join(f"{line['msg']} {line}" for line in fields)
    said = "\n".join(f"{answer.headers} {answer.text}" for answer in answers)
    for hidden in (prefix, secret):
        assert hidden not in written
        assert hidden not in said


Lines = Callable[[], list[dict[str, object]]]


@pytest.fixture
def who(caplog: pytest.LogCaptureFixture) -> Iterator[Lines]:
    """Gives what access lines have said of callers since it was asked last."""

    def since() -> list[dict[str, object]]:
        lines = [record.__dict__ for record in caplog.records if record.name == "app.access"]
        names = ("status", "actor", "key", "client")
        told = [{name: line[name] for name in names if name in line} for line in lines]
        caplog.clear()
        return told

    with caplog.at_level("INFO"):
        yield since


def test_an_access_line_names_the_caller(serving: Serving, keys: KeyStore, who: Lines) -> None:
    """By the key's name and its prefix; also one who may not do what was asked."""
    text = add_key(keys, "dispatch", Scope.READ)
    client = serving()
    client.get(CARRIER, headers=bearer(text))
    client.post("/register-carrier", json=FEDEX, headers=bearer(text))
    caller = {"actor": "dispatch", "key": text[:12]}
    assert who() == [{"status": 404, **caller}, {"status": 403, **caller}]


def test_an_access_line_names_a_key_that_failed(
    serving: Serving, keys: KeyStore, who: Lines
) -> None:
    """Only by its prefix, and only if a key has that: what stands there may be a secret."""
    text = add_key(keys)
    client = serving()
    for shown in (f"{text[:12]}.{'x' * 43}", f"abcdefghijkl.{text[13:]}", f"{text[:12]}.x"):
        client.get(CARRIER, headers=bearer(shown))
    client.get(CARRIER)
    nobody = {"status": 401, "actor": "anonymous"}
    assert who() == [{**nobody, "key": text[:12]}, nobody, nobody, nobody]


def test_no_access_line_names_an_address(serving: Serving, who: Lines) -> None:
    """Unless a setting asks for it; then that of the client, not of the proxy."""
    forwarded = {"X-Forwarded-For": "203.0.113.9, 192.0.2.1"}
    for changes in (
        {},
        {"log_client_address": True},
        {"log_client_address": True, "forwarded_allow_ips": ("10.0.0.0/8",)},
    ):
        serving(**changes).get(CARRIER, headers=forwarded)
    line = {"status": 404, "actor": "anonymous"}
    assert who() == [line, {**line, "client": "192.0.2.1"}, {**line, "client": "127.0.0.1"}]
