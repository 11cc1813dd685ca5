"""Beside the way of the data: gunicorn's own records join the root logger's JSON lines.

gunicorn.conf.py names this class as `logger_class`.
"""

import logging
from typing import Any

from gunicorn.config import Config
from gunicorn.glogging import Logger


class GunicornLogger(Logger):
    """gunicorn.error and gunicorn.access with no level or handlers of their own: root decides."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        for logger in (self.error_log, self.access_log):
            logger.handlers.clear()
            logger.propagate = True
            logger.setLevel(logging.NOTSET)

    def debug(self, msg: str, *args: object, **kwargs: Any) -> None:  # noqa: ANN401 - its signature
        """An exception of gunicorn's quotes what a client sent, a key perhaps: its type will do."""
        harmless = (type(arg).__name__ if isinstance(arg, Exception) else arg for arg in args)
        super().debug(msg, *harmless, **kwargs)
