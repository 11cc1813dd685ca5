"""`carriers top`: what a running service does at this moment.

    GET /metrics → Source → Reading ┐
                                    ├→ Interval → Summary → lines → terminal, pipe, or JSON
                a moment later: Reading ┘

`source`, `screen` and `command` do the I/O; all else is pure. Nothing here opens a store.
"""

from app.cli.top.command import top

COMMANDS = (top,)
