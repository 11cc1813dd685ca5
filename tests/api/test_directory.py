"""GET /carriers: the parameters, the pages, and who has just written."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from app.application.consistency import token_of
from app.application.directory.pages import Directory, SearchTooLong
from app.application.services import Services
from tests.support.answers import another, data, failure, refused
from tests.support.directory import covers

ODD_NAME = "Grün & Söhne, 100%"


def register(client: FlaskClient, name: str, **profile: Any) -> str:  # noqa: ANN401
    """Register a carrier; its token."""
    answer = client.post("/register-carrier", json={**another(), "name": name, **profile})
    assert answer.status_code == 201, answer.text
    return answer.headers["Consistency-Token"]


def listed(client: FlaskClient, query: str, token: str | None = None) -> list[str]:
    """The names that are found."""
    headers = {} if token is None else {"Consistency-Token": token}
    return [
        each["name"] for each in data(client.get(f"/carriers{query}", headers=headers))["carriers"]
    ]


@pytest.fixture
def filled(client: FlaskClient) -> Iterator[FlaskClient]:
    """A client of a service that knows four carriers, which can be found."""
    register(client, "Zeta", coverage=covers(air=["DE"], parcel=["FR"]))
    register(client, "Älpha", coverage=covers(air=["worldwide"]), aliases=["Omega Lines"])
    register(client, ODD_NAME, identifiers=[{"scheme": "own", "value": "a,b:c"}])
    token = register(client, "beta", identifiers=[{"scheme": "scac", "value": "BETA"}])
    location = client.get("/carriers?q=beta", headers={"Consistency-Token": token})
    carrier_id = data(location)["carriers"][0]["carrier_id"]
    answer = client.post(f"/carriers/{carrier_id}/suspend", json={"reason": "late"})
    listed(client, "", answer.headers["Consistency-Token"])
    yield client


HOSTILE = (
    "Robert'); DROP TABLE events;--",
    '" OR 1=1 --',
    "x' UNION SELECT digest FROM api_keys --",
    'NEAR("a" OR b*)',
)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_looks_like_a_statement_is_text(filled: FlaskClient, text: str) -> None:
    """As a name, in a search and as an identifier: it finds what is called so, and nothing else,
    and everything is there afterwards."""
    before = listed(filled, "")
    visible = text.replace(" ", "/**/")
    token = register(filled, text, identifiers=[{"scheme": "own", "value": visible}])
    assert listed(filled, f"?q={quote(text)}", token) == [text]
    assert listed(filled, f"?identifier={quote(f'own:{visible}')}") == [text]
    assert sorted(listed(filled, "")) == sorted([*before, text])


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Älpha", "beta", ODD_NAME, "Zeta"]),
        ("?sort=registered_at", ["Zeta", "Älpha", ODD_NAME, "beta"]),
        ("?state=suspended", ["beta"]),
        ("?status=suspended", ["beta"]),
        ("?status=active,suspended&limit=2", ["Älpha", "beta"]),
        ("?status=retired", []),
        ("?country=de", ["Älpha", "Zeta"]),
        ("?country=FR,IT", ["Älpha", "Zeta"]),
        ("?service=parcel", ["Zeta"]),
        ("?country=FR&service=air", ["Älpha"]),
        ("?identifier=scac:beta", ["beta"]),
        ("?identifier=own:a,b:c,scac:BETA", ["beta", ODD_NAME]),
        ("?q=ALP", ["Älpha"]),
        ("?q=lines+omeg", ["Älpha"]),
        ("?q=sohne", [ODD_NAME]),
        ("?q=contact+ze", ["Zeta"]),
        ("?q=ze&status=suspended", []),
    ],
)
def test_what_is_asked_for_is_found(filled: FlaskClient, query: str, names: list[str]) -> None:
    """By each parameter, and by all that are given."""
    found = listed(filled, query)
    assert sorted(found) == sorted(names) if "registered" in query else found == names


def test_a_carrier_is_listed_as_it_is_shown(filled: FlaskClient) -> None:
    """The same members with the same values."""
    for each in data(filled.get("/carriers"))["carriers"]:
        assert each == data(filled.get(f"/carriers/{each['carrier_id']}"))


@pytest.mark.parametrize(
    ("query", "details"),
    [
        ("foo=1", {"foo": "The foo parameter is unknown"}),
        ("q=a&q=b", {"q": "The q parameter is given more than once"}),
        ("limit=101", {"limit": "The limit parameter must be a whole number from 1 to 100"}),
        (
            "sort=size",
            {"sort": "The sort parameter must be one of name, registered_at, next_expiry"},
        ),
        (
            "status=active,gone",
            {
                "status": "The status parameter must be one of active, suspended, retired, merged,"
                " or up to 20 of them separated by commas"
            },
        ),
        (
            "state=gone",
            {
                "state": "The state parameter must be one of active, suspended, retired, merged,"
                " or up to 20 of them separated by commas"
            },
        ),
        (
            "state=active&status=active",
            {"status": "Give either the state or the status parameter, not both"},
        ),
        (
            "country=XX",
            {
                "country": "The country parameter must be one of the ISO 3166 alpha-2 codes, such"
                " as DE, or up to 20 of them separated by commas"
            },
        ),
        ("identifier=scac:12345", {"identifier": "The SCAC must be 2 to 4 letters"}),
        (
            "identifier=BETA",
            {"identifier": "The scheme must be one of scac, usdot, mc, smdg, vat, duns, lei, own"},
        ),
        (
            "q=--",
            {
                "q": "The q parameter must be 1 to 100 characters with a letter or a digit among"
                " them"
            },
        ),
        (
            "cursor=abc",
            {"cursor": "The cursor parameter must be the next of a page of the same query"},
        ),
    ],
)
def test_what_cannot_be_asked_for_is_refused(
    client: FlaskClient, query: str, details: dict[str, str]
) -> None:
    """With a sentence that says what can."""
    assert failure(client.get(f"/carriers?{query}"), 400) == ("Validation failed", details)


@pytest.mark.parametrize(
    "query",
    [
        "status=",
        "status=Active",
        "country=worldwide",
        "country=" + ",".join(["DE"] * 21),
        "service=AIR",
        "identifier=" + ",".join(f"own:{number}" for number in range(21)),
        "identifier=own:",
        "q=",
        "q=" + "a" * 101,
        "cursor=",
        "country=DE,FR,IT,AT,CH&service=air,ocean,rail,ltl,ftl,parcel,express,freight,hazmat,cold-chain,last-mile",
    ],
)
def test_there_are_bounds(client: FlaskClient, query: str) -> None:
    """To values, to how many there are of them, and to pairs of them."""
    _, details = failure(client.get(f"/carriers?{query}"), 400)
    assert list(details) == [query.partition("=")[0]]


def test_pages_follow_each_other(filled: FlaskClient) -> None:
    """By `next`, and by the Link header, in which everything is encoded."""
    query = f"?q={quote('s o')}&limit=1&sort=name"
    register(filled, "Omega Söhne")
    listed(filled, "", register(filled, "Süd + Ost"))
    found = []
    while query:
        answer = filled.get(f"/carriers{query}")
        page = data(answer)
        found += [each["name"] for each in page["carriers"]]
        assert ("Link" in answer.headers) is (page["next"] is not None)
        link, _, relation = answer.headers.get("Link", '<>; rel="next"').partition("; ")
        query = link[1:-1]
        assert relation == 'rel="next"'
        assert not page["next"] or query.endswith(f"&cursor={page['next']}")
    assert found == ["Omega Söhne", "Süd + Ost"]


def test_a_page_that_has_not_changed_has_no_body(filled: FlaskClient) -> None:
    """304 as long as nothing in the view has; the ETag of another query is of no use."""
    first = filled.get("/carriers?q=ze")
    known = {"If-None-Match": first.headers["ETag"]}
    again = filled.get("/carriers?q=ze", headers=known)
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert filled.get("/carriers?q=al", headers=known).status_code == 200
    token = register(filled, "other")
    changed = filled.get("/carriers?q=ze", headers={**known, "Consistency-Token": token})
    assert changed.status_code == 200


def test_who_has_just_written_is_not_told_that_nothing_has_changed(filled: FlaskClient) -> None:
    """With a token the page is given whatever the client knows: a row can be in the view before
    the view's tag is another one."""
    token = register(filled, "other")
    for path in ("/carriers", "/carriers.csv"):
        first = filled.get(path, headers={"Consistency-Token": token})
        known = {"If-None-Match": first.headers["ETag"]}
        assert filled.get(path, headers=known).status_code == 304
        again = filled.get(path, headers={**known, "Consistency-Token": token})
        assert (again.status_code, again.data) == (200, first.data)


def test_every_command_answers_with_a_token(client: FlaskClient) -> None:
    """Which finds what it has done at once; a replay has it too, a dry run has none."""
    keyed = {"Idempotency-Key": "one"}
    body = another()
    answer = client.post("/register-carrier", json=body, headers=keyed)
    token = answer.headers["Consistency-Token"]
    assert (
        client.post("/register-carrier", json=body, headers=keyed).headers["Consistency-Token"]
        == token
    )
    assert listed(client, "", token) == ["FedEx"]
    location = answer.headers["Location"]
    for number in range(5):
        renamed = client.post(f"{location}/rename", json={"name": f"name {number}"})
        assert listed(client, "", renamed.headers["Consistency-Token"]) == [f"name {number}"]
    dry = client.post(f"{location}/rename?dry_run=true", json={"name": "other"})
    assert "Consistency-Token" not in dry.headers


def test_a_token_that_nobody_was_given_is_refused(client: FlaskClient) -> None:
    """It would be waited for in vain."""
    for token in ("", "abc", "A" * 32, "A" * 54):
        answer = client.get("/carriers", headers={"Consistency-Token": token})
        assert refused(answer, 400) == "The Consistency-Token is not one of a command's answer"


def test_what_is_not_there_in_time_is_asked_for_later(
    client: FlaskClient, services: Services
) -> None:
    """503 with Retry-After; at once if as many wait as may."""
    token = token_of({"550e8400-e29b-41d4-a716-446655440000": 1})
    assert client.get("/carriers").status_code == 200  # the view is made by now
    with ExitStack() as held:
        for _ in range(4):
            held.enter_context(services.directory.place())
        answer = client.get("/carriers", headers={"Consistency-Token": token})
    message, details = failure(answer, 503)
    assert "too many wait" in message
    assert details == {"outcome": "not-started"}
    assert answer.headers["Retry-After"] == "1"


def test_a_search_that_takes_too_long_says_what_would_help(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To ask the same again would not."""

    def page(*_: object) -> None:
        raise SearchTooLong

    monkeypatch.setattr(Directory, "page", page)
    answer = client.get("/carriers?q=cargo group")
    sentence, details = failure(answer, 503)
    assert "use fewer or narrower filters" in sentence
    assert details == {"outcome": "not-started"}
