"""Beside the way of the data: gunicorn's own records join the root logger's JSON lines.

gunicorn.conf.py names this class as `logger_class`.
"""

import logging

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
