"""Beside the way of the data: what schemathesis cannot know. Loaded by its process, not by pytest.

CARRIERS names carriers that exist, so that not every command meets a 404.
"""

import os
import re
from typing import Any
from zlib import crc32

import schemathesis
from hypothesis import strategies as st

from app.api.http.command_context import VERSIONS
from app.api.openapi import TOKEN_EXAMPLE
from app.application.consistency import token_of

_CARRIERS = os.environ["CARRIERS"].split(",")

_EMAILS = st.from_regex(r"\A[a-z]{1,20}@[a-z]{3,10}\.(com|de)\Z")
_URLS = st.from_regex(r"\Ahttps://[a-z]{3,10}\.com(/[a-z]{0,9}){0,3}\Z")

schemathesis.openapi.format("uuid", st.sampled_from(_CARRIERS) | st.uuids().map(str))
schemathesis.openapi.format("idn-email", _EMAILS | st.emails())
schemathesis.openapi.format("uri", _URLS)
# Without it the walk along the schema makes letters and digits for a header, whatever its pattern.
schemathesis.openapi.format(
    "entity-tags",
    st.sampled_from(["*", '"1"', '"1", "2"']) | st.from_regex(rf"\A(?:\*|{VERSIONS})\Z"),
)
# Of what the service holds: for any other carrier a query would wait in vain.
schemathesis.openapi.format(
    "consistency-token", st.sampled_from([token_of({each: 1}) for each in _CARRIERS])
)


@schemathesis.hook
def before_call(context: object, case: Any, kwargs: dict[str, Any]) -> None:  # noqa: ANN401
    """Every other request asks for errors in the form of RFC 9457; which ones is settled. None
    waits for an event that nobody is going to append, or brings the description's token, which is
    of another feed."""
    if case.query and re.fullmatch("[1-9]|[12][0-9]|30", str(case.query.get("wait"))):
        case.query["wait"] = 0
    if case.headers is not None and case.headers.get("Consistency-Token") == TOKEN_EXAMPLE:
        case.headers["Consistency-Token"] = token_of({_CARRIERS[0]: 1})
    if crc32(str(case.id).encode()) % 2 and case.headers is not None:
        case.headers["Accept"] = "application/problem+json"
