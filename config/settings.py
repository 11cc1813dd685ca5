"""The settings, read once at the start. The only reader of the environment.

The names and defaults of the first eight are the seed document's. A `.env` file in the working
directory fills in what the environment does not set.
"""

import ipaddress
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from environs import Env, EnvError

ENVIRONMENTS = ("production", "development", "testing")
LOG_LEVELS = ("debug", "info", "warning", "error", "critical")
STORES = ("sqlite", "cassandra")

_DATACENTERS = re.compile(r"[\w.-]+:[1-9]\d?(,[\w.-]+:[1-9]\d?)*")
_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\]")
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")

Value = TypeVar("Value")


class SettingsError(ValueError):
    """One line: the variable, what was given, and what is allowed."""


@dataclass(frozen=True)
class Settings:
    """What an operator can decide. Sizes are in bytes, times in seconds."""

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
    log_dir: Path = Path("logs")
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 2
    threads: int = 8
    listeners: int = 8
    heartbeat: float = 15.0
    workers_follow: bool = True
    allow_anonymous: bool = False
    allowed_hosts: tuple[str, ...] = ()

    cassandra_local_dc: str | None = None
    cassandra_replication: str = "1"
    cassandra_username: str | None = None
    cassandra_password: str | None = field(default=None, repr=False)
    cassandra_tls_ca: Path | None = None
    cassandra_tls_cert: Path | None = None
    cassandra_tls_key: Path | None = None

    @classmethod
    def from_env(cls, env_file: Path | None = Path(".env")) -> "Settings":
        """Read the environment, then `env_file` where it exists. Raises SettingsError."""
        read = _Reader(env_file)
        hosts = tuple(filter(None, map(str.strip, read.text("CASSANDRA_HOST", "").split(","))))
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
            sqlite_path=Path(read.text("SQLITE_PATH", str(cls.sqlite_path))),
            log_dir=Path(read.text("LOG_DIR", str(cls.log_dir))),
            host=read.text("HOST", cls.host),
            port=read.whole("PORT", 1, 65535, cls.port),
            workers=read.whole("WORKERS", 1, 256, cls.workers),
            threads=read.whole("THREADS", 1, 256, cls.threads),
            listeners=read.whole("LISTENERS", 1, 256, cls.listeners),
            # At most 50: with the age of what is known of keys, a revoked one gets 60 s at most.
            heartbeat=read.seconds("HEARTBEAT", 0.1, 50, cls.heartbeat),
            workers_follow=read.boolean("WORKERS_FOLLOW", default=cls.workers_follow),
            allow_anonymous=read.boolean("ALLOW_ANONYMOUS", default=cls.allow_anonymous),
            allowed_hosts=read.names(
                "ALLOWED_HOSTS", _HOST_NAME, "host names without a port, separated by commas"
            ),
            cassandra_local_dc=read.text("CASSANDRA_LOCAL_DC", "") or None,
            cassandra_replication=read.matching(
                "CASSANDRA_REPLICATION",
                re.compile(rf"[1-9]\d?|{_DATACENTERS.pattern}"),
                "a number of copies, such as 3, or copies per datacenter, such as dc1:3,dc2:3",
                cls.cassandra_replication,
            ),
            cassandra_username=read.text("CASSANDRA_USERNAME", "") or None,
            cassandra_password=read.text("CASSANDRA_PASSWORD", "") or None,
            cassandra_tls_ca=read.file("CASSANDRA_TLS_CA"),
            cassandra_tls_cert=read.file("CASSANDRA_TLS_CERT"),
            cassandra_tls_key=read.file("CASSANDRA_TLS_KEY"),
        )
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

    @property
    def views_path(self) -> Path:
        """Where views are kept that are in SQLite: beside the events, in a file that can be
        deleted, as it is made again from them."""
        return self.sqlite_path.with_suffix(".views.sqlite3")

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach HOST."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    @property
    def keyless(self) -> bool:
        """Whether callers need no API key while none was ever created."""
        return self.on_loopback or self.allow_anonymous

    @property
    def keyless_hosts(self) -> frozenset[str] | None:
        """The Host names that such callers may use; None if any will do."""
        if self.on_loopback:
            own = f"[{self.host}]" if ":" in self.host else self.host
            return frozenset({*_LOOPBACK_NAMES, own.lower(), *self.allowed_hosts})
        return frozenset(self.allowed_hosts) or None

    def _refuse_unreadable_certificates(self) -> None:
        """A file that is no certificate would only be noticed by a thread that connects."""
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
    """Reads one variable at a time through environs; an empty one counts as not set."""

    def __init__(self, env_file: Path | None) -> None:
        self._env = Env()
        if env_file is not None and env_file.is_file():
            self._env.read_env(str(env_file), recurse=False)

    def text(self, name: str, default: str) -> str:
        return self._env.str(name, "").strip() or default

    def boolean(self, name: str, *, default: bool) -> bool:
        return bool(self._parsed(name, self._env.bool, default, "true or false"))

    def whole(self, name: str, least: int, most: int, default: int) -> int:
        allowed = f"a whole number from {least} to {most}"
        value: int = self._parsed(name, self._env.int, default, allowed)
        return self._checked(name, value, allowed, ok=least <= value <= most)

    def seconds(self, name: str, least: float, most: float, default: float) -> float:
        allowed = f"a number of seconds from {least} to {most}"
        value: float = self._parsed(name, self._env.float, default, allowed)
        self._checked(name, self.text(name, ""), allowed, ok=least <= value <= most)
        return value

    def one_of(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        value = self.text(name, default).lower()
        return self._checked(name, value, " or ".join(allowed), ok=value in allowed)

    def matching(self, name: str, pattern: re.Pattern[str], allowed: str, default: str) -> str:
        value = self.text(name, default)
        return self._checked(name, value, allowed, ok=pattern.fullmatch(value) is not None)

    def names(self, name: str, pattern: re.Pattern[str], allowed: str) -> tuple[str, ...]:
        parts = map(str.strip, self.text(name, "").lower().split(","))
        return tuple(
            self._checked(name, part, allowed, ok=pattern.fullmatch(part) is not None)
            for part in parts
            if part
        )

    def file(self, name: str) -> Path | None:
        value = self.text(name, "")
        self._checked(
            name, value, "the path of a file that exists", ok=not value or Path(value).is_file()
        )
        return Path(value) if value else None

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


def _refusal(name: str, given: object, allowed: str) -> SettingsError:
    line = "\\n".join(str(given).splitlines())
    return SettingsError(f"{name}={line} is not valid: it must be {allowed}.")
