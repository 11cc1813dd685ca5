"""A request's body that is a file, as bytes. `strict_json.py` is for all other bodies."""

from flask import request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from app.api.http.strict_json import UnsupportedCoding, is_identity

CSV = "text/csv"


def uploaded_csv() -> bytes:
    """The body of the current request. Raises UnsupportedMediaType or BadRequest."""
    codings = request.headers.get("Content-Encoding")
    if codings is not None and not is_identity(codings):
        raise UnsupportedCoding
    if request.mimetype != CSV:
        raise UnsupportedMediaType(f"The Content-Type must be {CSV}")
    body = request.get_data()
    if len(body) != (request.content_length or 0):
        raise BadRequest("The body ended early")
    return body
