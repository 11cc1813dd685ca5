"""Beside the way of the data: the page that shows /openapi.json to people.

It loads nothing from elsewhere: three files of this package, and no script or style but theirs.
"""

from pathlib import Path

from flask import Blueprint, Response, request

_PAGES = Path(__file__).parent / "pages"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

blueprint = Blueprint("docs", __name__)


@blueprint.get("/docs")
def page() -> Response:
    """The page."""
    return _file("docs.html", "text/html")


@blueprint.get("/docs/docs.css")
def style() -> Response:
    """How it looks."""
    return _file("docs.css", "text/css")


@blueprint.get("/docs/docs.js")
def script() -> Response:
    """What fills it."""
    return _file("docs.js", "text/javascript")


def _file(name: str, media_type: str) -> Response:
    answer = Response((_PAGES / name).read_bytes(), headers=_HEADERS, mimetype=media_type)
    answer.add_etag()
    answer.make_conditional(request)
    return answer
