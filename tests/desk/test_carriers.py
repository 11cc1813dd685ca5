"""The list of carriers: what the address says is what the page shows."""

import re
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.application.directory.pages import Directory
from app.application.directory.query import Query
from tests.desk.conftest import registered, settle
from tests.support.answers import data

COVERAGE = [{"service": "express", "countries": ["DE", "FR"]}]
STATES = {"Active": 2, "Suspended": 0, "Retired": 0, "Merged": 0}


def test_an_empty_registry_says_what_to_do(client: FlaskClient) -> None:
    """Not just that there is nothing."""
    page = client.get("/desk/carriers").text
    assert "There are no carriers yet" in page
    assert "/desk/register-carrier" in page


def test_carriers_are_searched_and_filtered_by_the_address(client: FlaskClient) -> None:
    """An address can be sent to somebody else."""
    registered(client, "Alpha Cargo", coverage=COVERAGE)
    settle(client, registered(client, "Beta Lines"))
    assert "Alpha Cargo" in client.get("/desk/carriers").text
    found = client.get("/desk/carriers?q=alp&country=DE&state=active").text
    assert "Alpha Cargo" in found
    assert "Beta Lines" not in found
    assert "No carrier fits" in client.get("/desk/carriers?q=gamma").text


def test_what_a_form_has_left_empty_is_no_filter(client: FlaskClient) -> None:
    """A browser sends empty fields as well."""
    settle(client, registered(client, "Alpha Cargo"))
    assert "Alpha Cargo" in client.get("/desk/carriers?q=&state=&sort=name").text


@pytest.mark.parametrize(
    "query",
    ["state=asleep", "q=%21", "country=XX", "sort=size", "cursor=x", "nonsense=1", "limit=0"],
)
def test_a_filter_that_is_none_is_explained(client: FlaskClient, query: str) -> None:
    """In the sentence of the API, on a page that leads on."""
    answer = client.get(f"/desk/carriers?{query}")
    assert answer.status_code == 400
    assert "This filter cannot be read" in answer.text


def test_facets_are_counted_and_taken_back(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is an address that adds the value, or removes it again, and all that is asked for beside
    it stays."""
    monkeypatch.setattr("app.desk.facets.SECONDS", 20)
    settle(client, registered(client, "Alpha Cargo", coverage=COVERAGE))
    page = client.get("/desk/carriers").text
    assert '/desk/carriers?service=express"' in page
    assert "Germany" in page
    chosen = client.get("/desk/carriers?service=express").text
    assert 'href="/desk/carriers" aria-current="true"' in chosen
    assert "/desk/carriers?q=alp&amp;service=express" in client.get("/desk/carriers?q=alp").text


def test_facets_count_what_is_found(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each value among the carriers that fit the other filters, as if it were chosen alone: one
    that works worldwide counts for every country, and of a country and a service both must be
    offered together."""
    monkeypatch.setattr("app.desk.facets.SECONDS", 20)
    both = [{"service": "express", "countries": ["DE"]}, {"service": "air", "countries": ["FR"]}]
    everywhere = [{"service": "express", "countries": ["worldwide"]}]
    registered(client, "Alpha Cargo", coverage=both)
    gone = registered(client, "Beta Lines", coverage=everywhere)
    twin = registered(client, "Gamma Trans")
    data(client.post(f"/carriers/{twin}/merge", json={"into": gone, "reason": "One company"}))
    data(client.post(f"/carriers/{gone}/retire", json={"reason": "Gone"}))
    settle(client, registered(client, "Delta Cargo", coverage=everywhere))
    found = {"Active": 2, "Suspended": 0, "Retired": 1, "Merged": 1}
    for query, counts in {
        "": {**found, "Express": 3, "Air": 1, "Germany": 3, "France": 3},
        "?country=FR": {"Active": 2, "Retired": 1, "Express": 2, "Air": 1, "Germany": 3},
        "?service=air": {"Active": 1, "Express": 3, "Air": 1, "France": 1},
        "?state=active&q=cargo": {"Active": 2, "Express": 2, "Air": 1, "Germany": 2, "France": 2},
    }.items():
        shown = counted(client, query)
        assert {name: shown[name] for name in counts} == counts, query
    assert "Germany" not in counted(client, "?service=air")
    monkeypatch.setattr("app.desk.carriers.LIMIT", 1)
    assert "The first 1 of 2 carriers" in client.get("/desk/carriers?state=active").text


def test_too_many_carriers_have_no_count(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for those of the whole registry, which are known. What takes too long is not counted
    either."""
    monkeypatch.setattr("app.desk.facets.MOST", 1)
    monkeypatch.setattr("app.desk.carriers.LIMIT", 1)
    registered(client, "Alpha Cargo", coverage=COVERAGE)
    settle(client, registered(client, "Beta Lines", coverage=COVERAGE))
    assert counted(client, "") == {"Germany": 2, "France": 2, "Express": 2, **STATES}
    page = client.get("/desk/carriers?service=express").text
    assert "The first 1, there are more" in page
    assert "there is no number" in page
    assert counted(client, "?service=express") == {"Express": 2}
    looked_for = []

    def all_of(directory: Directory, query: Query, *bounds: Any) -> Any:  # noqa: ANN401
        looked_for.append(query)
        return whole(directory, query, *bounds)

    whole = Directory.all_of
    monkeypatch.setattr(Directory, "all_of", all_of)
    assert counted(client, "?service=express&state=active&country=DE") == {}
    assert len(looked_for) == 1, "of too many there are more without a filter"
    monkeypatch.setattr("app.desk.facets.MOST", 9)
    monkeypatch.setattr("app.desk.facets.SECONDS", 0)
    assert counted(client, "?service=express") == {}


def counted(client: FlaskClient, query: str) -> dict[str, int]:
    """The facets' values that have a number, by their names for people."""
    facet = r'class="what">([^<]+)</span><span class="count">([0-9,]+)<'
    page = client.get(f"/desk/carriers{query}").text
    return {name: int(count) for name, count in re.findall(facet, page)}


def test_columns_are_chosen_by_the_address(client: FlaskClient) -> None:
    """And the links of the page keep them."""
    settle(client, registered(client, "Alpha Cargo", phone="+498912345678"))
    page = client.get("/desk/carriers?column=phone&column=nonsense").text
    assert "+498912345678" in page
    assert "column=phone" in page
    assert "nonsense" not in page


def test_pages_follow_each_other(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each carrier is on one of them."""
    monkeypatch.setattr("app.desk.carriers.LIMIT", 2)
    names = [f"Carrier {letter}" for letter in "ABCDE"]
    for name in names:
        last = registered(client, name)
    settle(client, last)
    seen, address = [], "/desk/carriers?sort=name"
    while address:
        page = client.get(address).text
        seen += [name for name in names if f">{name}</a>" in page]
        links = page.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
        address = links.replace("&amp;", "&") if 'rel="next"' in page else ""
    assert seen == names


def test_the_file_holds_what_is_shown(client: FlaskClient) -> None:
    """The filter counts for it as well."""
    registered(client, "Alpha Cargo", coverage=COVERAGE)
    settle(client, registered(client, "Beta Lines"))
    answer = client.get("/desk/carriers.csv?service=express")
    assert answer.mimetype == "text/csv"
    assert "Alpha Cargo" in answer.text
    assert "Beta Lines" not in answer.text
    assert client.get("/desk/carriers.csv?state=asleep").status_code == 400


def test_the_file_has_the_columns_that_are_shown(client: FlaskClient) -> None:
    """In their order, behind what says which carrier it is; another one has all columns."""
    settle(client, registered(client, "Alpha Cargo", coverage=COVERAGE))
    page = client.get("/desk/carriers?q=alpha&column=phone&column=services")
    files = [unescape(each) for each in re.findall(r'href="(/desk/carriers.csv[^"]*)"', page.text)]
    header, row, *_ = client.get(files[0]).text.split("\r\n")
    assert header == "carrier_id,name,services,phone"
    assert row.endswith('"Alpha Cargo","express",""')
    assert client.get(files[1]).text.startswith("carrier_id,version,state,name,")
