"""The list of carriers: what the address says is what the page shows."""

import pytest
from flask.testing import FlaskClient

from tests.desk.conftest import registered, settle

COVERAGE = [{"service": "express", "countries": ["DE", "FR"]}]


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


def test_facets_are_counted_and_taken_back(client: FlaskClient) -> None:
    """Each is an address that adds the value, or removes it again."""
    settle(client, registered(client, "Alpha Cargo", coverage=COVERAGE))
    page = client.get("/desk/carriers").text
    assert '/desk/carriers?service=express"' in page
    assert "Germany" in page
    chosen = client.get("/desk/carriers?service=express").text
    assert 'href="/desk/carriers" aria-current="true"' in chosen


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
