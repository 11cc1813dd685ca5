"""What clients can send that is no proper request: a status, a sentence, and never a 500."""

import gzip

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.application.services import Services
from app.infrastructure.sqlite.keys import SqliteKeyStore
from config.settings import Settings
from tests.support.answers import FEDEX_BODY, another_body, data, failure, invalid, refused
from tests.support.keys import add_key, bearer

JSON = "application/json"
VALID = b'"email":"contact@fedex.com"'


def post(
    client: FlaskClient, body: bytes, content_type: str | None = JSON, **headers: str
) -> TestResponse:
    """Send these bytes to be registered."""
    return client.post("/register-carrier", data=body, content_type=content_type, headers=headers)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "The body is not valid JSON"),
        (b"  ", "The body is not valid JSON"),
        (b"{", "The body is not valid JSON"),
        (b'{"name":"FedEx",}', "The body is not valid JSON"),
        (b"{'name':'FedEx'}", "The body is not valid JSON"),
        (b"{/* */}", "The body is not valid JSON"),
        (FEDEX_BODY + b"x", "The body is not valid JSON"),
        (FEDEX_BODY * 2, "The body is not valid JSON"),
        (b"\xef\xbb\xbf" + FEDEX_BODY, "The body is not valid JSON"),
        (b'{"name":"a\tb",' + VALID + b"}", "The body is not valid JSON"),
        (b'{"name":"a\0b",' + VALID + b"}", "The body is not valid JSON"),
        (b'{"name":"\\x41"}', "The body is not valid JSON"),
        (b'{"name":01}', "The body is not valid JSON"),
        (FEDEX_BODY.decode().encode("utf-16"), "The body must be UTF-8"),
        (b'{"name":"M\xfcller"}', "The body must be UTF-8"),
        (b'{"name":"\xed\xa0\x80"}', "The body must be UTF-8"),
        (b'{"name":"\xc0\xaf"}', "The body must be UTF-8"),
        (b'{"name":NaN}', "The body holds NaN, which JSON does not have"),
        (b'{"name":Infinity}', "The body holds Infinity, which JSON does not have"),
        (b'{"name":-Infinity}', "The body holds -Infinity, which JSON does not have"),
        (b'{"name":1e999}', "The body holds a number that is too large"),
        (b'{"name":' + b"9" * 100_000 + b"}", "The body holds a number that is too large"),
        (b'{"name":"a","name":"b"}', 'The body names the key "name" twice'),
        (b'{"name":"a","n\\u0061me":"b"}', 'The body names the key "name" twice'),
        (b'{"x":{"y":[{"z":1,"z":1}]}}', 'The body names the key "z" twice'),
        (b'{"' + b"k" * 999 + b'":1,"' + b"k" * 999 + b'":1}', f'"{"k" * 80}" twice'),
        (b'{"name":"\\ud800",' + VALID + b"}", "half a surrogate pair"),
        (b'{"name":"\\ude00\\ud83d",' + VALID + b"}", "half a surrogate pair"),
        (b'{"\\ud800":1}', "half a surrogate pair"),
        (b'[["\\udfff"]]', "half a surrogate pair"),
        (b"[" * 100_000, "The body is nested too deeply"),
        (b"[" * 100_000 + b"]" * 100_000, "The body is nested too deeply"),
        (b'{"a":' * 49_000 + b"1" + b"}" * 49_000, "The body is nested too deeply"),
        (b'{"name":' + b"[" * 99_999 + b"]" * 99_999 + b"}", "The body is nested too deeply"),
    ],
)
def test_a_body_that_is_no_strict_json_is_bad(
    client: FlaskClient, body: bytes, sentence: str
) -> None:
    """400 with one sentence."""
    assert sentence in refused(post(client, body), 400)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", "line 1, column 1"),
        (b'{"name": "FedEx",\n "email": contact}', "line 2, column 11"),
        (b'{\r\n\r\n"name": \xc3\xa9\r\n}', "line 3, column 9"),
        (b'{"a": "\xc3\xa9", x}', "line 1, column 12"),
    ],
)
def test_where_a_body_stops_to_be_json_is_said(
    client: FlaskClient, body: bytes, where: str
) -> None:
    """Line and column, in characters, as editors count them."""
    assert refused(post(client, body), 400) == f"The body is not valid JSON: see {where}"


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br, identity", "identity,deflate", "x"])
def test_a_body_in_a_coding_is_refused(client: FlaskClient, coding: str) -> None:
    """415, and which codings are taken (RFC 9110, 12.5.3): none. What the bytes are is not
    guessed."""
    answer = post(client, gzip.compress(FEDEX_BODY), **{"Content-Encoding": coding})
    assert refused(answer, 415).startswith("The Content-Encoding header names a coding")
    assert answer.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("coding", ["identity", "", " Identity , identity"])
def test_a_body_as_it_is_may_say_so(client: FlaskClient, coding: str) -> None:
    """That is no coding."""
    answer = post(client, another_body(), **{"Content-Encoding": coding})
    assert answer.status_code == 201


@pytest.mark.parametrize("key", ["\\ud800", "\\udfff", "a\\ud800\\ud800"])
def test_a_key_that_is_no_text_given_twice_is_bad(client: FlaskClient, key: str) -> None:
    """Both at once: the answer cannot repeat such a key, and is no 500."""
    refused(post(client, f'{{"{key}":1,"{key}":2}}'.encode()), 400)


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b"true", b'"text"', b"[{}]", b"1.5"])
def test_a_body_is_an_object(client: FlaskClient, body: bytes) -> None:
    """Other JSON breaks a rule of the schema."""
    assert invalid(post(client, body)) == {"body": "The body must be a JSON object"}


def test_nul_in_a_value_breaks_a_rule(client: FlaskClient) -> None:
    """Well-formed JSON, but not a name and not an address."""
    assert invalid(post(client, b'{"name":"a\\u0000","email":"a\\u0000@b.com"}')) == {
        "name": "The name must not contain control characters",
        "email": "The email must be a valid email address",
    }


def test_deep_json_within_the_limit_is_looked_at(client: FlaskClient) -> None:
    """Nesting that the parser can follow is no error of its own."""
    body = b'{"name":' + b"[" * 500 + b"]" * 500 + b"," + VALID + b"}"
    assert invalid(post(client, body)) == {"name": "The name must be text"}


def test_a_number_of_many_digits_is_looked_at(client: FlaskClient) -> None:
    """Fractions and small exponents cost nothing."""
    for number in (b"0." + b"1" * 200_000, b"1e-99999", b"-0", b"9" * 4300):
        body = b'{"name":' + number + b"," + VALID + b"}"
        assert invalid(post(client, body)) == {"name": "The name must be text"}


@pytest.mark.parametrize(
    "query",
    ["carriers?q=m%FCller", "carriers?q=%ED%A0%80", "events?%ff", "statistics?days=1&a=%c3"],
)
def test_a_query_that_is_not_utf_8_is_bad(client: FlaskClient, query: str) -> None:
    """It would be searched for its percent signs, in silence."""
    assert refused(client.get(f"/{query}"), 400) == "The query must be UTF-8"


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application",
        "/",
        ";",
        "application/json, application/json",
        "application/vnd.api+json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/json",
    ],
)
def test_a_wrong_content_type_is_refused(client: FlaskClient, content_type: str | None) -> None:
    """415, before the body is looked at."""
    for body in (FEDEX_BODY, b"{", b""):
        sentence = refused(post(client, body, content_type), 415)
        assert sentence == "The Content-Type must be application/json"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "APPLICATION/JSON",
        "application/json;",
        "application/json; charset=utf-8",
        "application/json; charset=latin-1",
        'application/json; a="',
        "application/json; charset*=utf-8''%ff",
    ],
)
def test_parameters_of_the_content_type_do_not_matter(
    client: FlaskClient, content_type: str
) -> None:
    """RFC 8259: application/json has none, and a body is UTF-8 whatever they say."""
    data(post(client, FEDEX_BODY, content_type), 201)
    refused(post(client, b'{"name":"M\xfcller"}', content_type), 400)


def test_a_body_can_be_as_large_as_allowed(client: FlaskClient) -> None:
    """And not a byte larger: 413."""
    limit = 300_000
    data(post(client, FEDEX_BODY.rjust(limit)), 201)
    for size in (limit + 1, limit * 4):
        sentence = refused(post(client, FEDEX_BODY.rjust(size)), 413)
        assert sentence == "The body is larger than this service takes"


def test_a_body_without_a_length_is_refused(client: FlaskClient) -> None:
    """411: it would be cut off at the limit without a word."""
    answer = client.post(
        "/register-carrier",
        content_type=JSON,
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"CONTENT_LENGTH": ""},
    )
    assert refused(answer, 411) == "Send the body with a Content-Length"


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/register-carrier/",
        "/carrier",
        "/carriers/",
        "/health",
        "/%00",
        "/%ff%fe",
        "/../../etc/passwd",
        "/%2e%2e/",
        "/static/app.py",
        "/contact@fedex.com",
        "/" + "a" * 10_000,
        "/%e2%80%a8",
        "/nowhere//",
        "/health//live",
        "/health///live",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "BREW"])
def test_an_unknown_path_is_not_found(client: FlaskClient, path: str, method: str) -> None:
    """404 in the envelope for every method; no redirect, no page."""
    answer = client.open(base_url="http://localhost", path=path, method=method)
    assert refused(answer, 404) == "There is nothing at this address"


@pytest.mark.parametrize(
    ("path", "status"),
    [("/%63arriers", 200), ("/%2563arriers", 404), ("/carriers?state=%61ctive", 200)],
)
def test_a_path_is_decoded_once(client: FlaskClient, path: str, status: int) -> None:
    """What was encoded twice is another text, and no address."""
    assert client.get(path).status_code == status


def test_a_query_is_decoded_once(client: FlaskClient) -> None:
    """What was encoded twice is checked, and refused, as what is left of it."""
    _, details = failure(client.get("/carriers?state=%2561ctive"), 400)
    assert details.keys() == {"state"}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "BREW"])
@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/register-carrier", {"POST", "OPTIONS"}),
        ("/carriers/550e8400-e29b-41d4-a716-446655440000", {"GET", "HEAD", "OPTIONS"}),
        ("/health/live", {"GET", "HEAD", "OPTIONS"}),
        ("/metrics", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_an_unknown_method_is_refused(
    client: FlaskClient, path: str, allowed: set[str], method: str
) -> None:
    """405, with the methods that the address takes."""
    answer = client.open(path, method=method)
    assert "the Allow header names those" in refused(answer, 405)
    assert set(answer.headers["Allow"].split(", ")) == allowed


def test_options_names_the_methods(client: FlaskClient) -> None:
    """As HTTP says."""
    answer = client.options("/register-carrier")
    assert (answer.status_code, answer.data) == (200, b"")
    assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


@pytest.mark.parametrize("host", ["", "a b", "[::1", "x:999999", "<script>", "a@b", "\xff", "é.fr"])
def test_a_strange_host_changes_nothing(client: FlaskClient, settings: Settings, host: str) -> None:
    """Nothing that the service answers is made from it, where it is not refused at once."""
    answer = client.post(
        "/register-carrier",
        data=FEDEX_BODY,
        content_type=JSON,
        headers=bearer(add_key(SqliteKeyStore(settings.sqlite_path))),
        environ_overrides={"HTTP_HOST": host},
    )
    assert answer.headers["Location"].startswith("/carriers/")
    data(answer, 201)


def test_a_method_cannot_be_overridden(client: FlaskClient) -> None:
    """No header makes another request of this one."""
    data(post(client, FEDEX_BODY, **{"X-HTTP-Method-Override": "DELETE"}), 201)


def test_what_was_refused_was_not_registered(client: FlaskClient, services: Services) -> None:
    """No append is even tried."""
    before = appends(services)
    for body in (b"{", b"[]", b'{"name":"x","email":"x"}'):
        assert post(client, body).status_code in {400, 422}
    assert appends(services) == before
    post(client, FEDEX_BODY)
    assert appends(services) != before


def appends(services: Services) -> list[bytes]:
    """What /metrics says about appends."""
    lines = services.telemetry.exposition(True, None).splitlines()
    return [line for line in lines if line.startswith(b"event_store_appends_total")]
