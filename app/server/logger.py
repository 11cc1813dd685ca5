"""Beside the way of the data: gunicorn's own log records become JSON lines of the root logger.

gunicorn.conf.py names this class as `logger_class`.
"""

import logging
from typing import Any

from gunicorn.config import Config
from gunicorn.glogging import Logger


class GunicornLogger(Logger):
    """gunicorn.error and gunicorn.access without level or handlers: the root logger has both."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        for logger in (self.error_log, self.access_log):
            logger.handlers.clear()
            logger.propagate = True
            logger.setLevel(logging.NOTSET)

    def debug(self, msg: str, *args: object, **kwargs: Any) -> None:  # noqa: ANN401 - its signature
        """Log exceptions by their type only: gunicorn's quote what a client sent, perhaps a key."""
        harmless = (type(arg).__name__ if isinstance(arg, Exception) else arg for arg in args)
        super().debug(msg, *harmless, **kwargs)
