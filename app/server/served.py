"""The settings that the server was started with, for its workers.

gunicorn's master reads the settings, and every worker inherits them at the fork. A worker that
replaces a dead one must not read an `.env` that has changed since: it would serve another registry,
or none. In a process without a server, the settings are read at the first use.
"""

from config.settings import Settings

_begun_with: Settings | None = None


def begin_with(settings: Settings) -> None:
    """Serve with these settings from now on, in this process and in the processes it forks."""
    global _begun_with  # noqa: PLW0603 - belongs to the process, as its environment does
    _begun_with = settings


def begun_with() -> Settings | None:
    """The settings that the server was started with; None in a process without a server."""
    return _begun_with


def settings() -> Settings:
    """The server's settings, or else those of the environment now. Raises SettingsError."""
    return _begun_with or Settings.from_env()
