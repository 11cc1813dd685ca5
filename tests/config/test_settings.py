"""The settings: where they come from, and what each invalid one says."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import Settings, SettingsError
from tests.support.project import ROOT

OWN = ("APP_", "CASSANDRA_", "EVENT_STORE", "SQLITE_PATH", "LOG_DIR", "HOST", "PORT", "WORKERS")
OTHERS = ("THREADS", "LISTENERS", "HEARTBEAT", "MAX_REQUEST_SIZE", "REQUEST_TIMEOUT", "ALLOW")
MORE = ("FOLLOWER", "FORWARDED_", "LOG_CLIENT_", "CORS", "OTEL_", "KEY_QUOTA", "ADDRESS_QUOTA")


@pytest.fixture(autouse=True)
def bare_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No setting from outside; variables that reading a .env sets are removed afterwards."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(OWN + OTHERS + MORE):
            del os.environ[name]
    monkeypatch.chdir(tmp_path)
    yield
    os.environ.clear()
    os.environ.update(before)


def refusal(**environment: str) -> str:
    """The message for this environment, which must be one line."""
    os.environ.update(environment)
    with pytest.raises(SettingsError) as caught:
        Settings.from_env()
    (line,) = str(caught.value).splitlines()
    return line


def certificate_with_key(folder: Path) -> Path:
    """A file with a self-signed certificate, and one with its key."""
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


@pytest.mark.parametrize(
    ("told", "has_follower", "workers_follow"),
    [
        ({}, True, None),
        ({"WORKERS_FOLLOW": "true"}, False, True),
        ({"WORKERS_FOLLOW": "false"}, True, False),
        ({"FOLLOWER": "false"}, False, None),
        ({"FOLLOWER": "false", "WORKERS_FOLLOW": "false"}, False, False),
    ],
)
def test_somebody_follows_unless_it_is_forbidden_twice(
    told: dict[str, str], has_follower: bool, workers_follow: bool | None
) -> None:
    """By default a follower beside the workers, and they themselves where there is none; None says
    so. Only who says no to both leaves it to another service."""
    settings = accepted(**told)
    assert (settings.follower, settings.workers_follow) == (has_follower, workers_follow)


@pytest.mark.parametrize(
    ("host", "proxies", "wanted"),
    [
        ("127.0.0.1", "", False),
        ("localhost", "", False),
        ("0.0.0.0", "", True),
        ("0.0.0.0", "127.0.0.1,::1", True),
        ("0.0.0.0", "*", False),
        ("10.0.0.1", "127.0.0.1,10.0.0.0/24", False),
    ],
)
def test_whether_a_proxy_is_missing(host: str, proxies: str, *, wanted: bool) -> None:
    """An address that others can reach wants a proxy in front; who has one names it."""
    assert accepted(HOST=host, FORWARDED_ALLOW_IPS=proxies).wants_proxy is wanted


@pytest.mark.parametrize("name", ["KEY_QUOTA", "ADDRESS_QUOTA"])
def test_a_quota_is_requests_and_seconds(name: str) -> None:
    """No limit by default; anything else than two whole numbers is refused."""
    assert accepted().key_quota is accepted().address_quota is None
    settings = accepted(**{name: "600/60"})
    assert (settings.key_quota or settings.address_quota) == (600, 60)
    for wrong in ("600", "0/60", "600/0", "600/60s", "-1/60", "1000000/1"):
        assert refusal(**{name: wrong}).startswith(f"{name}={wrong} is not valid")


def test_nothing_has_to_be_set() -> None:
    """Without any variable the defaults are the original registry's, with an embedded store."""
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
    """Each variable sets its field, in the field's type."""
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
        FOLLOWER="false",
        WORKERS_FOLLOW="false",
        ALLOW_ANONYMOUS="true",
        ALLOWED_HOSTS="api.example.com, [::1],Inner",
        CORS_ORIGINS="https://app.example, http://localhost:5173",
        CASSANDRA_LOCAL_DC="dc1",
        CASSANDRA_REPLICATION="dc1:3,dc2:2",
        CASSANDRA_USERNAME="user",
        CASSANDRA_PASSWORD="word",
        CASSANDRA_TLS_CA=str(pem),
        CASSANDRA_TLS_CERT=str(pem),
        CASSANDRA_TLS_KEY=str(pem),
        CASSANDRA_TLS_CHECK_HOSTNAME="true",
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
        follower=False,
        workers_follow=False,
        allow_anonymous=True,
        allowed_hosts=("api.example.com", "[::1]", "inner"),
        cors_origins=("https://app.example", "http://localhost:5173"),
        cassandra_local_dc="dc1",
        cassandra_replication="dc1:3,dc2:2",
        cassandra_username="user",
        cassandra_password="word",
        cassandra_tls_ca=pem,
        cassandra_tls_cert=pem,
        cassandra_tls_key=pem,
        cassandra_tls_check_hostname=True,
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
        ("FOLLOWER", "perhaps", "true or false"),
        ("WORKERS_FOLLOW", "perhaps", "true or false"),
        ("ALLOW_ANONYMOUS", "perhaps", "true or false"),
    ],
)
def test_a_bad_value_is_named(name: str, value: str, allowed: str) -> None:
    """One line names the variable, the given value and the allowed values."""
    line = refusal(**{name: value})
    assert line.startswith(f"{name}={value} is not valid: it must be ")
    assert allowed in line


@pytest.mark.parametrize("name", ["APP_ENV", "CASSANDRA_PORT", "APP_DEBUG", "CASSANDRA_TLS_CA"])
def test_a_value_of_several_lines_is_refused_in_one(name: str) -> None:
    """A line break in a value does not break the line that names it."""
    assert refusal(**{name: "one\ntwo"}).startswith(f"{name}=")


@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_variable_is_not_set(value: str) -> None:
    """An empty variable, as docker compose passes on for an unset one, counts as not set."""
    assert accepted(APP_DEBUG=value, PORT=value, CASSANDRA_HOST=value, HOST=value) == Settings()


@pytest.mark.parametrize("level", ["debug", "INFO", "Warning", "error", "critical"])
def test_the_five_log_levels(level: str) -> None:
    """The five log levels are accepted in upper and lower case."""
    assert accepted(APP_LOG_LEVEL=level).app_log_level == level.lower()


@pytest.mark.parametrize("bad", ["a:80", "https://a", "a b", "*", "::1", ".a", "[::1]:80"])
def test_a_bad_host_name_is_named(bad: str) -> None:
    """The message has only the bad name, without the good ones beside it."""
    line = refusal(ALLOWED_HOSTS=f"good.example,{bad}")
    assert line.startswith(
        f"ALLOWED_HOSTS={bad} is not valid: it must be host names without a port"
    )


@pytest.mark.parametrize(
    "bad",
    [
        *("*", "null", "app.example", "https://app.example/", "https://app.example/a"),
        *("https://app.example:443", "http://app.example:80", "https://*.example", "ftp://a"),
        *("https://a:", "https://a:0", "https://user@a", "https://"),
    ],
)
def test_a_bad_origin_is_named(bad: str) -> None:
    """An origin that no browser sends, and one that would admit every page, are refused."""
    line = refusal(CORS_ORIGINS=f"https://good.example,{bad}")
    assert line.startswith(f"CORS_ORIGINS={bad} is not valid: it must be origins as browsers send")


@pytest.mark.parametrize(
    "good", ["http://localhost:8044", "http://a:443", "https://a:80", "http://[::1]:5173"]
)
def test_an_origin_may_have_a_port(good: str) -> None:
    """An origin may have a port, except its scheme's default, which browsers omit."""
    assert accepted(CORS_ORIGINS=good).cors_origins == (good,)


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
    """On a loopback address callers need no key while none was created; elsewhere only if that is
    allowed."""
    settings = accepted(HOST=host)
    assert (settings.on_loopback, settings.keyless) == (on_loopback, on_loopback)
    assert accepted(HOST=host, ALLOW_ANONYMOUS="true").keyless


def test_host_names_of_callers_without_a_key() -> None:
    """On loopback its own names and the listed ones are accepted; elsewhere the listed ones, or
    any."""
    own = frozenset({"localhost", "127.0.0.1", "[::1]"})
    assert accepted().keyless_hosts == own
    assert accepted(HOST="127.0.0.2").keyless_hosts == own | {"127.0.0.2"}
    assert accepted(HOST="::1", ALLOWED_HOSTS="a.example").keyless_hosts == own | {"a.example"}
    assert accepted(HOST="0.0.0.0").keyless_hosts == frozenset({"a.example"})
    assert accepted(HOST="0.0.0.0", ALLOWED_HOSTS="").keyless_hosts is None


def test_debugging_in_production_is_refused() -> None:
    """Debugging is refused in production, also where production is the default."""
    line = "APP_DEBUG=true is not allowed with APP_ENV=production: set it to false."
    assert refusal(APP_DEBUG="true") == line
    assert refusal(APP_ENV="production", APP_DEBUG="1") == line
    assert accepted(APP_ENV="development").app_debug


def test_a_host_chooses_cassandra() -> None:
    """CASSANDRA_HOST selects Cassandra unless EVENT_STORE says otherwise."""
    assert accepted(CASSANDRA_HOST="cassandra").event_store == "cassandra"
    assert accepted(EVENT_STORE="sqlite").event_store == "sqlite"


@pytest.mark.parametrize("hosts", ["", " , "])
def test_cassandra_needs_a_host(hosts: str) -> None:
    """Cassandra without a host is refused."""
    line = refusal(EVENT_STORE="cassandra", CASSANDRA_HOST=hosts)
    assert line.startswith("CASSANDRA_HOST is empty but EVENT_STORE=cassandra")


@pytest.mark.parametrize("name", ["CASSANDRA_USERNAME", "CASSANDRA_PASSWORD"])
def test_credentials_go_together(name: str) -> None:
    """A user name without a password, or the reverse, is refused without repeating it."""
    line = refusal(**{name: "s3cret"})
    assert line == "CASSANDRA_USERNAME and CASSANDRA_PASSWORD go together: set both or none."


@pytest.mark.parametrize("name", ["CASSANDRA_TLS_CERT", "CASSANDRA_TLS_KEY"])
def test_certificate_and_key_go_together(tmp_path: Path, name: str) -> None:
    """A client certificate without its key, or the reverse, is refused."""
    pem = tmp_path / "some.pem"
    pem.touch()
    assert "CASSANDRA_TLS_CERT and CASSANDRA_TLS_KEY go together" in refusal(**{name: str(pem)})


def test_a_client_certificate_needs_a_ca(tmp_path: Path) -> None:
    """A client certificate without a CA is refused: TLS would be off, and the certificate silently
    unused."""
    pem = tmp_path / "some.pem"
    pem.touch()
    line = refusal(CASSANDRA_TLS_CERT=str(pem), CASSANDRA_TLS_KEY=str(pem))
    assert line.startswith("CASSANDRA_TLS_CERT is set but CASSANDRA_TLS_CA is not")


def test_names_of_certificates_need_a_ca() -> None:
    """Without TLS there is no certificate to check, and whoever set this believes there is."""
    line = refusal(CASSANDRA_TLS_CHECK_HOSTNAME="true")
    assert line.startswith("CASSANDRA_TLS_CHECK_HOSTNAME is true but CASSANDRA_TLS_CA is not set")


@pytest.mark.parametrize("name", ["CASSANDRA_TLS_CA", "CASSANDRA_TLS_CERT"])
def test_a_file_that_is_no_certificate_stops_the_start(tmp_path: Path, name: str) -> None:
    """One line names the file; otherwise only a connecting thread would notice."""
    good, bad = certificate_with_key(tmp_path), tmp_path / "bad.pem"
    bad.write_text("not a certificate")
    files = dict.fromkeys(
        ("CASSANDRA_TLS_CA", "CASSANDRA_TLS_CERT", "CASSANDRA_TLS_KEY"), str(good)
    )
    assert refusal(**files | {name: str(bad)}).startswith(f"{name}={bad} is not valid: it must be")


@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_log_dir_means_no_file(value: str) -> None:
    """An empty LOG_DIR means stderr alone, as an exception to the rule for empty variables."""
    assert accepted(LOG_DIR=value).log_dir is None


def test_an_empty_log_dir_in_the_file_means_no_file(tmp_path: Path) -> None:
    """An empty LOG_DIR in the file means the same; the environment wins over the file."""
    (tmp_path / ".env").write_text("LOG_DIR=\n")
    assert Settings.from_env().log_dir is None
    assert accepted(LOG_DIR="elsewhere").log_dir == Path("elsewhere")


def test_the_environment_can_empty_the_log_dir_of_the_file(tmp_path: Path) -> None:
    """An empty LOG_DIR in the environment wins over the file's value."""
    (tmp_path / ".env").write_text("LOG_DIR=elsewhere\n")
    assert accepted(LOG_DIR="").log_dir is None


@pytest.mark.parametrize("content", ["s3cret", "s3cret\n", "s3cret\r\n"])
def test_a_secret_can_come_from_a_file(tmp_path: Path, content: str) -> None:
    """A secret is read from a file without its final newline, as container engines provide it."""
    (tmp_path / "secret").write_text(content, newline="")
    settings = accepted(CASSANDRA_USERNAME="user", CASSANDRA_PASSWORD_FILE=str(tmp_path / "secret"))
    assert settings.cassandra_password == "s3cret"
    assert "s3cret" not in f"{settings!r}"


def test_a_secret_is_given_once(tmp_path: Path) -> None:
    """A secret is given by its value or by a file; both together are refused without repeating
    either."""
    (tmp_path / "secret").write_text("from the file")
    line = refusal(
        CASSANDRA_USERNAME="user",
        CASSANDRA_PASSWORD="from the variable",
        CASSANDRA_PASSWORD_FILE=str(tmp_path / "secret"),
    )
    assert line == ("CASSANDRA_PASSWORD and CASSANDRA_PASSWORD_FILE are both set: set one of them.")


@pytest.mark.parametrize("content", [None, b"", b"\n", b"one\ntwo", b"\xff\xfe"])
def test_a_file_that_holds_no_secret_is_named(tmp_path: Path, content: bytes | None) -> None:
    """A missing, empty, multi-line or binary file is named by its path, without its content."""
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    line = refusal(CASSANDRA_USERNAME="user", CASSANDRA_PASSWORD_FILE=str(file))
    assert line.startswith(f"CASSANDRA_PASSWORD_FILE={file} is not valid: it must be the path of")


def test_the_password_is_not_shown() -> None:
    """The password is not in the settings' text, so settings can be logged."""
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
    """Replication is a number of copies, or copies by data centre."""
    assert accepted(CASSANDRA_REPLICATION=text).replication == options


def test_a_file_fills_in_what_is_not_set(tmp_path: Path) -> None:
    """.env is read in the working directory; the environment wins over it."""
    (tmp_path / ".env").write_text("PORT=9001\nWORKERS=3\n# THREADS=5\nHOST='::1'\n")
    settings = accepted(PORT="9002")
    assert (settings.port, settings.workers, settings.threads) == (9002, 3, 8)
    assert settings.host == "::1"


def test_a_bad_value_in_the_file_is_named_too(tmp_path: Path) -> None:
    """A bad value in the file gets the same line as one in the environment."""
    (tmp_path / ".env").write_text("PORT=none\n")
    assert refusal() == "PORT=none is not valid: it must be a whole number from 1 to 65535."


def test_another_file_can_be_named(tmp_path: Path) -> None:
    """Another file, or none, can be named; then .env is not read."""
    (tmp_path / ".env").write_text("PORT=9001\n")
    (tmp_path / "other").write_text("PORT=9003\n")
    assert Settings.from_env(None).port == 8000
    assert Settings.from_env(tmp_path / "missing").port == 8000
    assert Settings.from_env(tmp_path / "other").port == 9003


def test_no_file_above_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A .env in a parent folder is not read."""
    (tmp_path / ".env").write_text("PORT=9001\n")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert Settings.from_env().port == 8000


def test_the_example_file_can_be_used_as_it_is() -> None:
    """`cp .env.example .env` gives valid settings with the defaults of a store that needs no
    service."""
    example = ROOT / ".env.example"
    assert Settings.from_env(example) == Settings()


def test_the_proxies_that_are_believed() -> None:
    """The loopback addresses are trusted, unless other addresses, networks or `*` are named."""
    assert accepted().forwarded_allow_ips == ("127.0.0.1", "::1")
    named = accepted(FORWARDED_ALLOW_IPS="10.0.0.0/8, 2001:db8::1")
    assert named.forwarded_allow_ips == ("10.0.0.0/8", "2001:db8::1")
    assert accepted(FORWARDED_ALLOW_IPS="*").forwarded_allow_ips == ("*",)


@pytest.mark.parametrize("given", ["nginx", "10.0.0.1/8", "10.0.0.1 10.0.0.2", "1.2.3"])
def test_proxies_that_are_none(given: str) -> None:
    """A proxy must be an address or a valid network; names are not resolved."""
    line = refusal(FORWARDED_ALLOW_IPS=given)
    assert line.startswith("FORWARDED_ALLOW_IPS=")
    assert line.endswith("* or addresses and networks, separated by commas.")


def test_addresses_of_clients_are_not_logged() -> None:
    """Client addresses are logged only if that is set."""
    assert not accepted().log_client_address
    assert accepted(LOG_CLIENT_ADDRESS="true").log_client_address
    assert refusal(LOG_CLIENT_ADDRESS="maybe").startswith("LOG_CLIENT_ADDRESS=maybe is not valid")


@pytest.mark.parametrize(
    "path", [":memory:", "file:events.sqlite3", "file::memory:", ".", "new/", "e.views.sqlite3"]
)
def test_the_registry_is_a_file(path: str) -> None:
    """Names that SQLite would take for a database in memory or a URI are refused."""
    with pytest.raises(SettingsError) as refused:
        accepted(SQLITE_PATH=path)
    assert str(refused.value) == (
        f"SQLITE_PATH={path} is not valid: it must be the path of a file, such as"
        " var/events.sqlite3."
    )


def test_an_empty_path_counts_as_not_set() -> None:
    """An empty SQLITE_PATH counts as not set."""
    assert accepted(SQLITE_PATH="").sqlite_path == Path("var/events.sqlite3")


def test_no_two_registries_share_a_file_of_views() -> None:
    """Two registries never share a file of views, whatever their names have in common."""
    names = ["reg", "reg.prod", "reg.test", "reg.sqlite3", "reg.db"]
    paths = [Settings(sqlite_path=Path("d", name)).views_path for name in names]
    assert len(set(paths)) == len(names)
    assert paths[1] == Path("d/reg.prod.views.sqlite3")


COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


@pytest.mark.parametrize(
    ("given", "traces"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "carriers"}, False),
        (COLLECTOR, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://collector/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        (COLLECTOR | {"OTEL_TRACES_EXPORTER": "none"}, False),
        (COLLECTOR | {"OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_traces_are_on_only_where_the_standard_variables_ask(
    given: dict[str, str], *, traces: bool
) -> None:
    """An endpoint asks, or the exporter's name; OTEL_SDK_DISABLED takes it back."""
    assert accepted(**given).traces is traces


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
    ],
)
def test_a_way_of_sending_traces_that_there_is_not_is_refused(name: str, bad: str) -> None:
    """Rather than to be traced in silence to nowhere."""
    assert refusal(**{name: bad}).startswith(f"{name}={bad} is not valid: it must be")
