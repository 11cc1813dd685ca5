"""The settings: where they come from, and what each bad one says."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import Settings, SettingsError

OWN = ("APP_", "CASSANDRA_", "EVENT_STORE", "SQLITE_PATH", "LOG_DIR", "HOST", "PORT", "WORKERS")
OTHERS = ("THREADS", "LISTENERS", "HEARTBEAT", "MAX_REQUEST_SIZE", "REQUEST_TIMEOUT", "ALLOW")


@pytest.fixture(autouse=True)
def bare_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No setting from outside; what reading a .env adds to the environment is taken back."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(OWN + OTHERS):
            del os.environ[name]
    monkeypatch.chdir(tmp_path)
    yield
    os.environ.clear()
    os.environ.update(before)


def refusal(**environment: str) -> str:
    """What reading this environment says; it must be one line."""
    os.environ.update(environment)
    with pytest.raises(SettingsError) as caught:
        Settings.from_env()
    (line,) = str(caught.value).splitlines()
    return line


def certificate_with_key(folder: Path) -> Path:
    """A file with a certificate that signed itself, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl: install it (Debian: apt-get install openssl)")
    key, certificate, both = (folder / name for name in ("key.pem", "cert.pem", "both.pem"))
    made = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test")
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    both.write_text(certificate.read_text() + key.read_text())
    return both


def accepted(**environment: str) -> Settings:
    """The settings of this environment."""
    os.environ.update(environment)
    return Settings.from_env()


def test_nothing_has_to_be_set() -> None:
    """The seed document's defaults, and an embedded store."""
    settings = Settings.from_env()
    assert settings == Settings()
    assert (settings.app_env, settings.app_debug, settings.app_log_level) == (
        "production",
        False,
        "info",
    )
    assert (settings.cassandra_hosts, settings.cassandra_port) == ((), 9042)
    assert settings.cassandra_keyspace == "event_store"
    assert (settings.max_request_size, settings.request_timeout) == (1_048_576, 30)
    assert (settings.event_store, settings.host, settings.port) == ("sqlite", "127.0.0.1", 8000)


def test_every_setting_is_read(tmp_path: Path) -> None:
    """Each variable arrives in its field, in its type."""
    pem = certificate_with_key(tmp_path)
    settings = accepted(
        APP_ENV="development",
        APP_DEBUG="true",
        APP_LOG_LEVEL="debug",
        CASSANDRA_HOST="a, b ,,c",
        CASSANDRA_PORT="19042",
        CASSANDRA_KEYSPACE="carriers_2",
        MAX_REQUEST_SIZE="2048",
        REQUEST_TIMEOUT="2.5",
        SQLITE_PATH="/data/e.sqlite3",
        LOG_DIR="/data/logs",
        HOST="::1",
        PORT="9000",
        WORKERS="3",
        THREADS="4",
        LISTENERS="5",
        HEARTBEAT="0.5",
        WORKERS_FOLLOW="false",
        ALLOW_ANONYMOUS="true",
        ALLOWED_HOSTS="api.example.com, [::1],Inner",
        CASSANDRA_LOCAL_DC="dc1",
        CASSANDRA_REPLICATION="dc1:3,dc2:2",
        CASSANDRA_USERNAME="user",
        CASSANDRA_PASSWORD="word",
        CASSANDRA_TLS_CA=str(pem),
        CASSANDRA_TLS_CERT=str(pem),
        CASSANDRA_TLS_KEY=str(pem),
    )
    assert settings == Settings(
        app_env="development",
        app_debug=True,
        app_log_level="debug",
        cassandra_hosts=("a", "b", "c"),
        cassandra_port=19042,
        cassandra_keyspace="carriers_2",
        max_request_size=2048,
        request_timeout=2.5,
        event_store="cassandra",
        sqlite_path=Path("/data/e.sqlite3"),
        log_dir=Path("/data/logs"),
        host="::1",
        port=9000,
        workers=3,
        threads=4,
        listeners=5,
        heartbeat=0.5,
        workers_follow=False,
        allow_anonymous=True,
        allowed_hosts=("api.example.com", "[::1]", "inner"),
        cassandra_local_dc="dc1",
        cassandra_replication="dc1:3,dc2:2",
        cassandra_username="user",
        cassandra_password="word",
        cassandra_tls_ca=pem,
        cassandra_tls_cert=pem,
        cassandra_tls_key=pem,
    )


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("APP_ENV", "staging", "production or development or testing"),
        ("APP_DEBUG", "maybe", "true or false"),
        ("APP_LOG_LEVEL", "loud", "debug or info or warning or error or critical"),
        ("CASSANDRA_PORT", "0", "a whole number from 1 to 65535"),
        ("CASSANDRA_PORT", "65536", "a whole number from 1 to 65535"),
        ("CASSANDRA_PORT", "90.5", "a whole number from 1 to 65535"),
        ("CASSANDRA_PORT", "9" * 5000, "a whole number from 1 to 65535"),
        ("CASSANDRA_KEYSPACE", "Events", "a lower-case letter"),
        ("CASSANDRA_KEYSPACE", 'e"; DROP', "a lower-case letter"),
        ("CASSANDRA_KEYSPACE", "e" * 49, "a lower-case letter"),
        ("CASSANDRA_REPLICATION", "0", "a number of copies"),
        ("CASSANDRA_REPLICATION", "dc1", "a number of copies"),
        ("CASSANDRA_REPLICATION", "dc1:3,", "a number of copies"),
        ("CASSANDRA_TLS_CA", "/does/not/exist", "the path of a file that exists"),
        ("CASSANDRA_TLS_CERT", "/", "the path of a file that exists"),
        ("CASSANDRA_TLS_KEY", "/does/not/exist", "the path of a file that exists"),
        ("MAX_REQUEST_SIZE", "1M", "a whole number from 1024 to 1073741824"),
        ("MAX_REQUEST_SIZE", "1023", "a whole number from 1024 to 1073741824"),
        ("REQUEST_TIMEOUT", "soon", "a number of seconds from 0.1 to 600"),
        ("REQUEST_TIMEOUT", "0", "a number of seconds from 0.1 to 600"),
        ("REQUEST_TIMEOUT", "nan", "a number of seconds from 0.1 to 600"),
        ("REQUEST_TIMEOUT", "inf", "a number of seconds from 0.1 to 600"),
        ("EVENT_STORE", "postgres", "sqlite or cassandra"),
        ("PORT", "-1", "a whole number from 1 to 65535"),
        ("PORT", "http", "a whole number from 1 to 65535"),
        ("WORKERS", "0", "a whole number from 1 to 256"),
        ("THREADS", "257", "a whole number from 1 to 256"),
        ("LISTENERS", "0", "a whole number from 1 to 256"),
        ("HEARTBEAT", "51", "a number of seconds from 0.1 to 50"),
        ("WORKERS_FOLLOW", "perhaps", "true or false"),
        ("ALLOW_ANONYMOUS", "perhaps", "true or false"),
    ],
)
def test_a_bad_value_is_named(name: str, value: str, allowed: str) -> None:
    """In one line: the variable, what was given, and what is allowed."""
    line = refusal(**{name: value})
    assert line.startswith(f"{name}={value} is not valid: it must be ")
    assert allowed in line


@pytest.mark.parametrize("name", ["APP_ENV", "CASSANDRA_PORT", "APP_DEBUG", "CASSANDRA_TLS_CA"])
def test_a_value_of_several_lines_is_refused_in_one(name: str) -> None:
    """A line break in a value does not break the line that names it."""
    assert refusal(**{name: "one\ntwo"}).startswith(f"{name}=")


@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_variable_is_not_set(value: str) -> None:
    """As docker compose passes one on that nobody gave."""
    assert accepted(APP_DEBUG=value, PORT=value, CASSANDRA_HOST=value, HOST=value) == Settings()


@pytest.mark.parametrize("level", ["debug", "INFO", "Warning", "error", "critical"])
def test_the_five_log_levels(level: str) -> None:
    """In either case."""
    assert accepted(APP_LOG_LEVEL=level).app_log_level == level.lower()


@pytest.mark.parametrize("bad", ["a:80", "https://a", "a b", "*", "::1", ".a", "[::1]:80"])
def test_a_bad_host_name_is_named(bad: str) -> None:
    """Alone, without the good ones beside it."""
    line = refusal(ALLOWED_HOSTS=f"good.example,{bad}")
    assert line.startswith(
        f"ALLOWED_HOSTS={bad} is not valid: it must be host names without a port"
    )


@pytest.mark.parametrize(
    ("host", "on_loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.0.1", False),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("carriers", False),
    ],
)
def test_what_is_loopback(host: str, on_loopback: bool) -> None:
    """There callers need no key while none was created; elsewhere only if that is allowed."""
    settings = accepted(HOST=host)
    assert (settings.on_loopback, settings.keyless) == (on_loopback, on_loopback)
    assert accepted(HOST=host, ALLOW_ANONYMOUS="true").keyless


def test_host_names_of_callers_without_a_key() -> None:
    """On loopback its own names and those that are given; elsewhere those given, or any."""
    own = frozenset({"localhost", "127.0.0.1", "[::1]"})
    assert accepted().keyless_hosts == own
    assert accepted(HOST="127.0.0.2").keyless_hosts == own | {"127.0.0.2"}
    assert accepted(HOST="::1", ALLOWED_HOSTS="a.example").keyless_hosts == own | {"a.example"}
    assert accepted(HOST="0.0.0.0").keyless_hosts == frozenset({"a.example"})
    assert accepted(HOST="0.0.0.0", ALLOWED_HOSTS="").keyless_hosts is None


def test_debugging_in_production_is_refused() -> None:
    """Also where production is the default."""
    line = "APP_DEBUG=true is not allowed with APP_ENV=production: set it to false."
    assert refusal(APP_DEBUG="true") == line
    assert refusal(APP_ENV="production", APP_DEBUG="1") == line
    assert accepted(APP_ENV="development").app_debug


def test_a_host_chooses_cassandra() -> None:
    """Unless EVENT_STORE says otherwise."""
    assert accepted(CASSANDRA_HOST="cassandra").event_store == "cassandra"
    assert accepted(EVENT_STORE="sqlite").event_store == "sqlite"


@pytest.mark.parametrize("hosts", ["", " , "])
def test_cassandra_needs_a_host(hosts: str) -> None:
    """A store without an address cannot be meant."""
    line = refusal(EVENT_STORE="cassandra", CASSANDRA_HOST=hosts)
    assert line.startswith("CASSANDRA_HOST is empty but EVENT_STORE=cassandra")


@pytest.mark.parametrize("name", ["CASSANDRA_USERNAME", "CASSANDRA_PASSWORD"])
def test_credentials_go_together(name: str) -> None:
    """One without the other is refused, without repeating it."""
    line = refusal(**{name: "s3cret"})
    assert line == "CASSANDRA_USERNAME and CASSANDRA_PASSWORD go together: set both or none."


@pytest.mark.parametrize("name", ["CASSANDRA_TLS_CERT", "CASSANDRA_TLS_KEY"])
def test_certificate_and_key_go_together(tmp_path: Path, name: str) -> None:
    """One without the other is refused."""
    pem = tmp_path / "some.pem"
    pem.touch()
    assert "CASSANDRA_TLS_CERT and CASSANDRA_TLS_KEY go together" in refusal(**{name: str(pem)})


def test_a_client_certificate_needs_a_ca(tmp_path: Path) -> None:
    """TLS is on only with a CA: a certificate alone would go unused in silence."""
    pem = tmp_path / "some.pem"
    pem.touch()
    line = refusal(CASSANDRA_TLS_CERT=str(pem), CASSANDRA_TLS_KEY=str(pem))
    assert line.startswith("CASSANDRA_TLS_CERT is set but CASSANDRA_TLS_CA is not")


@pytest.mark.parametrize("name", ["CASSANDRA_TLS_CA", "CASSANDRA_TLS_CERT"])
def test_a_file_that_is_no_certificate_stops_the_start(tmp_path: Path, name: str) -> None:
    """One line names it; else only a thread that connects would find out."""
    good, bad = certificate_with_key(tmp_path), tmp_path / "bad.pem"
    bad.write_text("not a certificate")
    files = dict.fromkeys(
        ("CASSANDRA_TLS_CA", "CASSANDRA_TLS_CERT", "CASSANDRA_TLS_KEY"), str(good)
    )
    assert refusal(**files | {name: str(bad)}).startswith(f"{name}={bad} is not valid: it must be")


def test_the_password_is_not_shown() -> None:
    """Settings can be logged."""
    settings = accepted(CASSANDRA_USERNAME="user", CASSANDRA_PASSWORD="s3cret")
    assert settings.cassandra_password == "s3cret"
    assert "s3cret" not in f"{settings!r} {settings}"


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("3", {"class": "SimpleStrategy", "replication_factor": 3}),
        ("dc1:3", {"class": "NetworkTopologyStrategy", "dc1": 3}),
        ("dc-1:3,dc.2:2", {"class": "NetworkTopologyStrategy", "dc-1": 3, "dc.2": 2}),
    ],
)
def test_replication_as_cql_names_it(text: str, options: dict[str, str | int]) -> None:
    """A number of copies, or copies by data centre."""
    assert accepted(CASSANDRA_REPLICATION=text).replication == options


def test_a_file_fills_in_what_is_not_set(tmp_path: Path) -> None:
    """.env is read in the working directory; the environment wins over it."""
    (tmp_path / ".env").write_text("PORT=9001\nWORKERS=3\n# THREADS=5\nHOST='::1'\n")
    settings = accepted(PORT="9002")
    assert (settings.port, settings.workers, settings.threads) == (9002, 3, 8)
    assert settings.host == "::1"


def test_a_bad_value_in_the_file_is_named_too(tmp_path: Path) -> None:
    """The same line as for the environment."""
    (tmp_path / ".env").write_text("PORT=none\n")
    assert refusal() == "PORT=none is not valid: it must be a whole number from 1 to 65535."


def test_another_file_can_be_named(tmp_path: Path) -> None:
    """And no file at all; then .env is left alone."""
    (tmp_path / ".env").write_text("PORT=9001\n")
    (tmp_path / "other").write_text("PORT=9003\n")
    assert Settings.from_env(None).port == 8000
    assert Settings.from_env(tmp_path / "missing").port == 8000
    assert Settings.from_env(tmp_path / "other").port == 9003


def test_no_file_above_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies in a folder further up was meant for something else."""
    (tmp_path / ".env").write_text("PORT=9001\n")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert Settings.from_env().port == 8000


def test_the_example_file_can_be_used_as_it_is() -> None:
    """`cp .env.example .env` gives valid settings: production on Cassandra."""
    example = Path(__file__).parents[2] / ".env.example"
    settings = Settings.from_env(example)
    assert settings.cassandra_hosts == ("cassandra",)
    assert settings.event_store == "cassandra"
    assert settings == Settings(cassandra_hosts=("cassandra",), event_store="cassandra")
