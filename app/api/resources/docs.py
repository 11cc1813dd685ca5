"""Beside the way of the data: the page /docs, which shows /openapi.json to people, and its files.

The pages load nothing from elsewhere: only files of this package, and no inline script or style.
"""

from pathlib import Path
from typing import Final

from flask import Blueprint, Response, abort, request

_PAGES = Path(__file__).parent / "pages"
_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_FILES: Final = {path.name: path for path in _PAGES.iterdir() if path.suffix in _TYPES}
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    # The files of a page belong together: after an upgrade a browser asks for each of them anew.
    "Cache-Control": "no-cache",
}

blueprint = Blueprint("docs", __name__)


@blueprint.get("/docs")
def page() -> Response:
    """The page."""
    return page_file("docs.html")


@blueprint.get("/docs/<name>")
def asset(name: str) -> Response:
    """A script, a style or a picture of the pages."""
    if name not in _FILES or name.endswith(".html"):
        abort(404)
    return page_file(name)


def page_file(name: str) -> Response:
    """A file of the pages, or 304 if the browser has it."""
    path = _FILES[name]
    answer = Response(path.read_bytes(), headers=_HEADERS, mimetype=_TYPES[path.suffix])
    answer.add_etag()
    answer.make_conditional(request)
    return answer
