"""The settings, read once at the start. Only this module reads the environment.

The names and defaults of the first eight are the original registry's. A `.env` file in the working
directory supplies variables that the environment does not set.
"""

import ipaddress
import os
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from environs import Env, EnvError

from config import env_file as dotenv

ENVIRONMENTS = ("production", "development", "testing")
LOG_LEVELS = ("debug", "info", "warning", "error", "critical")
STORES = ("sqlite", "cassandra")
VIEWS_SUFFIX = ".views.sqlite3"

_DATACENTERS = re.compile(r"[\w.-]+:[1-9]\d?(,[\w.-]+:[1-9]\d?)*")
_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\]")
# Browsers leave out a port that is the scheme's own.
_ORIGIN = re.compile(
    rf"(?!http://.*:80$)(?!https://.*:443$)https?://({_HOST_NAME.pattern})(:[1-9][0-9]{{0,4}})?"
)
_URL_OR_NOTHING = re.compile(r"(https?://\S+)?", re.IGNORECASE)
_OTEL_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_OTEL_PROTOCOLS = ("OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
_QUOTA = re.compile(r"([1-9]\d{0,5})/([1-9]\d{0,4})", re.ASCII)
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")

Value = TypeVar("Value")


class SettingsError(ValueError):
    """A setting is invalid; the message is one line: variable, given value, allowed values."""


@dataclass(frozen=True)
class Settings:
    """An operator's settings. Sizes are in bytes, times in seconds."""

    app_env: str = "production"
    app_debug: bool = False
    app_log_level: str = "info"
    cassandra_hosts: tuple[str, ...] = ()
    cassandra_port: int = 9042
    cassandra_keyspace: str = "event_store"
    max_request_size: int = 1_048_576
    request_timeout: float = 30.0

    event_store: str = "sqlite"
    sqlite_path: Path = Path("var/events.sqlite3")
    log_dir: Path | None = Path("logs")
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 2
    threads: int = 8
    listeners: int = 8
    heartbeat: float = 15.0
    follower: bool = True
    """Whether gunicorn starts a process that follows the feed, beside the workers."""
    workers_follow: bool | None = None
    """None: unless a follower is started beside them."""
    allow_anonymous: bool = False
    allowed_hosts: tuple[str, ...] = ()
    forwarded_allow_ips: tuple[str, ...] = ("127.0.0.1", "::1")
    log_client_address: bool = False
    key_quota: tuple[int, int] | None = None
    address_quota: tuple[int, int] | None = None
    """Requests, and the seconds in which as many come back; None for no limit."""
    cors_origins: tuple[str, ...] = ()
    traces: bool = False
    """Whether the standard OTEL_* variables ask for traces; OpenTelemetry reads the others."""

    cassandra_local_dc: str | None = None
    cassandra_replication: str = "1"
    cassandra_username: str | None = None
    cassandra_password: str | None = field(default=None, repr=False)
    cassandra_tls_ca: Path | None = None
    cassandra_tls_cert: Path | None = None
    cassandra_tls_key: Path | None = None
    cassandra_tls_check_hostname: bool = False

    warnings: tuple[str, ...] = field(default=(), repr=False, compare=False)
    """Sentences about likely mistakes in the `.env` file, which do not stop the start."""

    @classmethod
    def from_env(cls, env_file: Path | None = Path(".env")) -> "Settings":
        """Read the environment, then `env_file` where it exists. Raises SettingsError."""
        read = _Reader(env_file)
        hosts = tuple(filter(None, map(str.strip, read.text("CASSANDRA_HOST", "").split(","))))
        workers_follow = read.boolean_or_none("WORKERS_FOLLOW")
        settings = cls(
            app_env=read.one_of("APP_ENV", ENVIRONMENTS, cls.app_env),
            app_debug=read.boolean("APP_DEBUG", default=cls.app_debug),
            app_log_level=read.one_of("APP_LOG_LEVEL", LOG_LEVELS, cls.app_log_level),
            cassandra_hosts=hosts,
            cassandra_port=read.whole("CASSANDRA_PORT", 1, 65535, cls.cassandra_port),
            cassandra_keyspace=read.matching(
                "CASSANDRA_KEYSPACE",
                re.compile(r"[a-z][a-z0-9_]{0,47}"),
                "a lower-case letter, then up to 47 lower-case letters, digits or underscores",
                cls.cassandra_keyspace,
            ),
            max_request_size=read.whole("MAX_REQUEST_SIZE", 1024, 2**30, cls.max_request_size),
            request_timeout=read.seconds("REQUEST_TIMEOUT", 0.1, 600, cls.request_timeout),
            event_store=read.one_of("EVENT_STORE", STORES, "cassandra" if hosts else "sqlite"),
            sqlite_path=read.database("SQLITE_PATH", cls.sqlite_path),
            log_dir=read.folder_or_none("LOG_DIR", cls.log_dir),
            host=read.text("HOST", cls.host),
            port=read.whole("PORT", 1, 65535, cls.port),
            workers=read.whole("WORKERS", 1, 256, cls.workers),
            threads=read.whole("THREADS", 1, 256, cls.threads),
            listeners=read.whole("LISTENERS", 1, 256, cls.listeners),
            # At most 50: keys in memory are up to 10 s old, and a stream whose key is revoked must
            # end within 60 s.
            heartbeat=read.seconds("HEARTBEAT", 0.1, 50, cls.heartbeat),
            follower=read.boolean("FOLLOWER", default=workers_follow is not True),
            workers_follow=workers_follow,
            allow_anonymous=read.boolean("ALLOW_ANONYMOUS", default=cls.allow_anonymous),
            allowed_hosts=read.names(
                "ALLOWED_HOSTS", _HOST_NAME, "host names without a port, separated by commas"
            ),
            forwarded_allow_ips=read.networks("FORWARDED_ALLOW_IPS", cls.forwarded_allow_ips),
            log_client_address=read.boolean("LOG_CLIENT_ADDRESS", default=cls.log_client_address),
            key_quota=read.quota("KEY_QUOTA"),
            address_quota=read.quota("ADDRESS_QUOTA"),
            cors_origins=read.names(
                "CORS_ORIGINS",
                _ORIGIN,
                "origins as browsers send them, such as https://app.example or"
                " http://localhost:5173, separated by commas: no path, no default port, and no *",
            ),
            traces=read.traces(),
            cassandra_local_dc=read.text("CASSANDRA_LOCAL_DC", "") or None,
            cassandra_replication=read.matching(
                "CASSANDRA_REPLICATION",
                re.compile(rf"[1-9]\d?|{_DATACENTERS.pattern}"),
                "a number of copies, such as 3, or copies per datacenter, such as dc1:3,dc2:3",
                cls.cassandra_replication,
            ),
            cassandra_username=read.text("CASSANDRA_USERNAME", "") or None,
            cassandra_password=read.secret("CASSANDRA_PASSWORD"),
            cassandra_tls_ca=read.file("CASSANDRA_TLS_CA"),
            cassandra_tls_cert=read.file("CASSANDRA_TLS_CERT"),
            cassandra_tls_key=read.file("CASSANDRA_TLS_KEY"),
            cassandra_tls_check_hostname=read.boolean(
                "CASSANDRA_TLS_CHECK_HOSTNAME", default=cls.cassandra_tls_check_hostname
            ),
        )
        # Last: the reader knows a setting only once it was read.
        settings = replace(settings, warnings=read.warnings())
        settings._refuse_contradictions()
        settings._refuse_unreadable_certificates()
        return settings

    def _refuse_contradictions(self) -> None:
        if self.app_env == "production" and self.app_debug:
            raise SettingsError(
                "APP_DEBUG=true is not allowed with APP_ENV=production: set it to false."
            )
        if self.event_store == "cassandra" and not self.cassandra_hosts:
            raise SettingsError(
                "CASSANDRA_HOST is empty but EVENT_STORE=cassandra: name one or several hosts,"
                " separated by commas."
            )
        if (self.cassandra_username is None) != (self.cassandra_password is None):
            raise SettingsError(
                "CASSANDRA_USERNAME and CASSANDRA_PASSWORD go together: set both or none."
            )
        if (self.cassandra_tls_cert is None) != (self.cassandra_tls_key is None):
            raise SettingsError(
                "CASSANDRA_TLS_CERT and CASSANDRA_TLS_KEY go together: set both or none."
            )
        if self.cassandra_tls_cert is not None and self.cassandra_tls_ca is None:
            raise SettingsError(
                "CASSANDRA_TLS_CERT is set but CASSANDRA_TLS_CA is not: name the file of the CA"
                " that signed the nodes' certificates."
            )
        if self.cassandra_tls_check_hostname and self.cassandra_tls_ca is None:
            raise SettingsError(
                "CASSANDRA_TLS_CHECK_HOSTNAME is true but CASSANDRA_TLS_CA is not set: name the"
                " file of the CA that signed the nodes' certificates."
            )

    @property
    def views_path(self) -> Path:
        """The file of the views on SQLite, beside the events' file. It can be deleted, as views are
        rebuilt from the events. Its name contains the events' file's whole name, so that two
        registries in a folder never share it."""
        return self.sqlite_path.with_name(self.sqlite_path.name + VIEWS_SUFFIX)

    @property
    def former_views_path(self) -> Path:
        """The file of the views in earlier releases."""
        return self.sqlite_path.with_suffix(VIEWS_SUFFIX)

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach HOST."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    @property
    def wants_proxy(self) -> bool:
        """Whether others can reach HOST and, as far as the settings tell, without a proxy:
        FORWARDED_ALLOW_IPS trusts none beyond this machine."""
        trusted = self.forwarded_allow_ips
        has_proxy = any(each == "*" or not _is_loopback(each) for each in trusted)
        return not self.on_loopback and not has_proxy

    @property
    def keyless(self) -> bool:
        """Whether callers need no API key while none was ever created."""
        return self.on_loopback or self.allow_anonymous

    @property
    def keyless_hosts(self) -> frozenset[str] | None:
        """The host names in requests without a key that are accepted; None accepts any."""
        if self.on_loopback:
            own = f"[{self.host}]" if ":" in self.host else self.host
            return frozenset({*_LOOPBACK_NAMES, own.lower(), *self.allowed_hosts})
        return frozenset(self.allowed_hosts) or None

    def _refuse_unreadable_certificates(self) -> None:
        """Load the certificates now: otherwise a wrong file would be noticed only on connecting.
        Raises SettingsError."""
        if self.cassandra_tls_ca is None:
            return
        context = ssl.create_default_context()
        try:
            context.load_verify_locations(cafile=self.cassandra_tls_ca)
        except (ssl.SSLError, OSError) as error:
            raise _refusal(
                "CASSANDRA_TLS_CA", self.cassandra_tls_ca, "a file of certificates in PEM"
            ) from error
        if self.cassandra_tls_cert is not None:
            try:
                context.load_cert_chain(self.cassandra_tls_cert, self.cassandra_tls_key)
            except (ssl.SSLError, OSError) as error:
                raise _refusal(
                    "CASSANDRA_TLS_CERT",
                    self.cassandra_tls_cert,
                    "a certificate in PEM that CASSANDRA_TLS_KEY is the key of",
                ) from error

    @property
    def replication(self) -> dict[str, str | int]:
        """The replication options of a new keyspace, as CQL names them."""
        if _DATACENTERS.fullmatch(self.cassandra_replication):
            pairs = (pair.split(":") for pair in self.cassandra_replication.split(","))
            return {"class": "NetworkTopologyStrategy"} | {name: int(n) for name, n in pairs}
        return {"class": "SimpleStrategy", "replication_factor": int(self.cassandra_replication)}


class _Reader:
    """Reads one variable at a time through environs. An empty variable counts as not set, except
    LOG_DIR."""

    def __init__(self, env_file: Path | None) -> None:
        self._env = Env()
        self._names: set[str] = set()
        self._file = env_file
        try:
            self._entries = [] if env_file is None else dotenv.load(env_file)
        except dotenv.BadEnvFile as error:
            raise SettingsError(str(error)) from error

    def warnings(self) -> tuple[str, ...]:
        if self._file is None:
            return ()
        return tuple(dotenv.warnings_of(self._file, self._entries, self._names))

    def text(self, name: str, default: str) -> str:
        self._names.add(name)
        return self._env.str(name, "").strip() or default

    def boolean(self, name: str, *, default: bool) -> bool:
        return bool(self._parsed(name, self._env.bool, default, "true or false"))

    def boolean_or_none(self, name: str) -> bool | None:
        """None if it is not set."""
        return self.boolean(name, default=False) if self.text(name, "") else None

    def whole(self, name: str, minimum: int, maximum: int, default: int) -> int:
        allowed = f"a whole number from {minimum} to {maximum}"
        value: int = self._parsed(name, self._env.int, default, allowed)
        return self._checked(name, value, allowed, ok=minimum <= value <= maximum)

    def seconds(self, name: str, minimum: float, maximum: float, default: float) -> float:
        allowed = f"a number of seconds from {minimum} to {maximum}"
        value: float = self._parsed(name, self._env.float, default, allowed)
        self._checked(name, self.text(name, ""), allowed, ok=minimum <= value <= maximum)
        return value

    def one_of(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        value = self.text(name, default).lower()
        return self._checked(name, value, " or ".join(allowed), ok=value in allowed)

    def matching(self, name: str, pattern: re.Pattern[str], allowed: str, default: str) -> str:
        value = self.text(name, default)
        return self._checked(name, value, allowed, ok=pattern.fullmatch(value) is not None)

    def quota(self, name: str) -> tuple[int, int] | None:
        parts = _QUOTA.fullmatch(self.text(name, ""))
        allowed = "requests/seconds, such as 600/60: 1 to 999999 requests in 1 to 99999 seconds"
        self._checked(name, self.text(name, ""), allowed, ok=bool(parts) or not self.text(name, ""))
        return (int(parts[1]), int(parts[2])) if parts else None

    def names(self, name: str, pattern: re.Pattern[str], allowed: str) -> tuple[str, ...]:
        parts = map(str.strip, self.text(name, "").lower().split(","))
        return tuple(
            self._checked(name, part, allowed, ok=pattern.fullmatch(part) is not None)
            for part in parts
            if part
        )

    def networks(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        allowed = "* or addresses and networks, separated by commas"
        parts = [part.strip() for part in self.text(name, ",".join(default)).split(",")]
        for part in filter(None, parts):
            self._checked(name, part, allowed, ok=part == "*" or _is_network(part))
        return tuple(filter(None, parts))

    def database(self, name: str, default: Path) -> Path:
        """The path of a database file; SQLite would give some names another meaning."""
        value = self.text(name, str(default))
        means_a_file = not value.startswith((":", "file:")) and not value.endswith(
            (os.sep, VIEWS_SUFFIX)
        )
        ok = means_a_file and not Path(value).is_dir()
        self._checked(name, value, f"the path of a file, such as {default}", ok=ok)
        return Path(value)

    def file(self, name: str) -> Path | None:
        value = self.text(name, "")
        self._checked(
            name, value, "the path of a file that exists", ok=not value or Path(value).is_file()
        )
        return Path(value) if value else None

    def folder_or_none(self, name: str, default: Path | None) -> Path | None:
        """The path of a folder; None for an empty variable, which means no folder."""
        value: str | None = self._env.str(name, None)
        if value is None:
            return default
        return Path(value.strip()) if value.strip() else None

    def secret(self, name: str) -> str | None:
        """The variable's value, or the only line of the file that `<name>_FILE` names."""
        value, file = self.text(name, ""), self.text(f"{name}_FILE", "")
        if not file:
            return value or None
        if value:
            raise SettingsError(f"{name} and {name}_FILE are both set: set one of them.")
        try:
            return secret_in(Path(file))
        except (OSError, ValueError) as error:
            allowed = "the path of a readable file with one line in it, the secret"
            raise _refusal(f"{name}_FILE", file, allowed) from error

    def traces(self) -> bool:
        """Whether OpenTelemetry's variables ask for traces: an endpoint does, or
        OTEL_TRACES_EXPORTER=otlp. By its own rules they would be on without any."""
        is_disabled = self.boolean("OTEL_SDK_DISABLED", default=False)
        for name in _OTEL_PROTOCOLS:
            self.one_of(name, ("http/protobuf",), "http/protobuf")
        allowed = "a URL that begins with http:// or https://"
        endpoints = [self.matching(name, _URL_OR_NOTHING, allowed, "") for name in _OTEL_ENDPOINTS]
        default = "otlp" if any(endpoints) else "none"
        exporter = self.one_of("OTEL_TRACES_EXPORTER", ("otlp", "none"), default)
        return exporter == "otlp" and not is_disabled

    def _parsed(self, name: str, parse: Callable[[str], Any], default: object, allowed: str) -> Any:  # noqa: ANN401
        if not self.text(name, ""):
            return default
        try:
            return parse(name)
        except EnvError as error:
            raise _refusal(name, self.text(name, ""), allowed) from error

    @staticmethod
    def _checked(name: str, value: Value, allowed: str, *, ok: bool) -> Value:
        if not ok:
            raise _refusal(name, value, allowed)
        return value


def secret_in(file: Path) -> str:
    """The only line of a file. Raises OSError, and ValueError for no or several lines, or bytes
    that are not UTF-8."""
    (line,) = file.read_text(encoding="utf-8").strip().splitlines()
    return line


def _is_loopback(network: str) -> bool:
    return ipaddress.ip_network(network, strict=False).is_loopback


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def _refusal(name: str, given: object, allowed: str) -> SettingsError:
    line = "\\n".join(str(given).splitlines())
    return SettingsError(f"{name}={line} is not valid: it must be {allowed}.")
