"""How gunicorn serves a peer: as it serves ours, without our hooks and our log."""

import runpy
from pathlib import Path

_ours = runpy.run_path(str(Path("config") / "gunicorn.conf.py"))

_SAME = (
    "bind",
    "threads",
    "preload_app",
    "graceful_timeout",
    "timeout",
    "keepalive",
    "control_socket_disable",
    "accesslog",
)
workers = _ours["_settings"].workers  # ours has a follower besides
worker_class = "gthread"  # ours is made for our application
globals().update({name: _ours[name] for name in _SAME if name in _ours})
