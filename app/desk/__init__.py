"""The desk: pages for people, under `/desk`.

A page asks the same bus, directory and repository as the API, checks what comes in with the API's
schemas, and shows the API's representations as HTML. It works without JavaScript; `static/desk.js`
and htmx make it quicker. It imports `app.api` and what that imports, and nothing imports it but
`create_app`.
"""

from flask import Flask

from app.desk import (
    actions,
    attention,
    carrier,
    carriers,
    changes,
    duplicates,
    former_imports,
    health,
    imports,
    keys,
    several,
    signing_in,
    timeline,
    words,
)
from app.desk.frame import blueprint

__all__ = [
    "actions",
    "attention",
    "carrier",
    "carriers",
    "changes",
    "duplicates",
    "former_imports",
    "health",
    "imports",
    "install",
    "keys",
    "several",
    "signing_in",
    "timeline",
]
"""The modules that add their addresses to the blueprint as they are imported, and `install`."""


def install(app: Flask) -> None:
    """Give the application the desk's addresses."""
    words.install(app)
    app.register_blueprint(blueprint)
