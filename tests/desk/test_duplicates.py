"""Duplicates at the desk: pairs that may be one company, beside each other, and told apart."""

import pytest
from flask.testing import FlaskClient

from app.application.ports.keys import Scope
from tests.desk.conftest import Office, registered, settle
from tests.support.answers import data
from tests.support.forms import form_to

USDOT = [{"scheme": "usdot", "value": "86876"}]


def pair(client: FlaskClient) -> tuple[str, str]:
    """The ids of two carriers that are likely one, as the lists hold them."""
    first = registered(client, "Müller Transport GmbH", identifiers=USDOT, phone="+498912345678")
    second = registered(client, "Muller Transport", identifiers=USDOT)
    settle(client, second)
    return first, second


def test_pairs_are_listed_with_score_and_reasons(client: FlaskClient) -> None:
    """Each leads to the two beside each other."""
    first, second = pair(client)
    page = client.get("/desk/duplicates").text
    assert "Müller Transport GmbH" in page
    assert "98 %" in page
    assert "Both have the identifier usdot:86876" in page
    assert f'href="/desk/duplicates/{first}/{second}"' in page


def test_the_score_is_in_the_address(client: FlaskClient) -> None:
    """As the API has it; what is none is explained."""
    pair(client)
    assert "98 %" not in client.get("/desk/duplicates?min_score=99").text
    for query in ("min_score=x", "min_score=101", "cursor=x", "nonsense=1"):
        answer = client.get(f"/desk/duplicates?{query}")
        assert answer.status_code == 400
        assert "Begin without a filter" in answer.text


def test_pages_of_pairs_follow_each_other(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the last."""
    monkeypatch.setattr("app.desk.duplicates.LIMIT", 1)
    registered(client, "Alpha Cargo", phone="+498987654321")
    registered(client, "Alpha Cargo AG", phone="+498987654321")
    pair(client)
    first = client.get("/desk/duplicates").text
    assert "Alpha Cargo AG" in first
    assert "Muller" not in first
    address = first.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    second = client.get(address.replace("&amp;", "&")).text
    assert "Muller" in second
    assert "Alpha" not in second


def test_the_two_stand_beside_each_other(client: FlaskClient) -> None:
    """Field by field, with what differs."""
    first, second = pair(client)
    page = client.get(f"/desk/duplicates/{first}/{second}").text
    assert "+498912345678" in page
    assert "The names, without legal forms, are the same" in page
    assert page.index("Müller Transport GmbH") < page.index("Muller Transport</a>")
    assert '<tr class="differs"><th scope="row">Phone' in page
    assert '<tr><th scope="row">Identifiers' in page


def test_somebody_tells_them_apart(client: FlaskClient) -> None:
    """With a reason, after a review; then the list leaves them out."""
    first, second = pair(client)
    address = f"/desk/carriers/{first}/not-a-duplicate"
    form = form_to(client.get(f"/desk/duplicates/{first}/{second}").text, address)
    answer = client.post(form.action, data=form.filled(reason="Two towns", step="review"))
    review = form_to(answer.text, address)
    assert client.post(address, data=review.filled(step="confirm")).status_code == 303
    told = data(client.get(f"/carriers/{first}/history"))["events"][-1]
    assert (told["type"], told["data"]) == (
        "CarrierDistinguished",
        {"other": second, "reason": "Two towns"},
    )
    settle(client, first)
    assert "98 %" not in client.get("/desk/duplicates").text
    beside = client.get(f"/desk/duplicates/{first}/{second}").text
    assert "not taken for one company" in beside
    assert "not-a-duplicate" not in beside


@pytest.mark.parametrize("stays", [0, 1])
def test_somebody_makes_one_of_them(client: FlaskClient, stays: int) -> None:
    """Whichever stays, it takes what is ticked, after a review; the other one says where it went,
    and can be taken out again."""
    both = pair(client)
    survivor, merged = both[stays], both[1 - stays]
    beside, address = f"/desk/duplicates/{both[0]}/{both[1]}", f"/desk/carriers/{merged}/merge"
    form = form_to(client.get(beside).text, address)
    ticked = {**form.filled(reason="One company", step="review"), "take": ["name", "phone"]}
    review = form_to(client.post(form.action, data=ticked).text, address)
    assert data(client.get(f"/carriers/{merged}"))["state"] == "active"
    assert client.post(address, data=review.filled(step="confirm")).status_code == 303
    shown = data(client.get(f"/carriers/{merged}"))
    assert (shown["state"], shown["merged_into"]) == ("merged", survivor)
    taken = data(client.get(f"/carriers/{survivor}"))
    assert (taken["name"], taken["phone"]) == (shown["name"], shown["phone"])
    assert taken["email"] != shown["email"]
    assert "Make one of them" not in client.get(beside).text
    assert f"/desk/carriers/{merged}/unmerge" in client.get(f"/desk/carriers/{merged}").text


def test_no_pairs_is_said(client: FlaskClient) -> None:
    """Rather than an empty table."""
    assert "No two carriers look like one company" in client.get("/desk/duplicates").text


def test_what_is_no_carrier_has_no_pair(client: FlaskClient) -> None:
    """The page says so."""
    first, _ = pair(client)
    nobody = "00000000-0000-4000-8000-000000000000"
    assert client.get(f"/desk/duplicates/{first}/{nobody}").status_code == 404
    assert client.get(f"/desk/duplicates/{nobody}/{first}").status_code == 404
    assert client.get(f"/desk/duplicates/{first}/{first}").status_code == 200


def test_the_start_page_counts_them(client: FlaskClient) -> None:
    """As something that waits for somebody."""
    assert "/desk/duplicates" not in _main(client.get("/desk").text)
    pair(client)
    page = _main(client.get("/desk").text)
    assert "1 pair of carriers" in page
    assert "Nothing waits for you" not in page


def test_the_start_page_looks_for_them_once(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the view moves."""
    first, _ = pair(client)
    client.get("/desk")
    with monkeypatch.context() as patch:
        patch.delattr("app.desk.duplicates.page_of_pairs")
        assert "1 pair of carriers" in client.get("/desk").text
    registered(client, "Müller Transport", phone="+498912345678")
    settle(client, first)
    assert "3 pairs of carriers" in _main(client.get("/desk").text)


def test_who_may_only_read_sees_no_action(office: Office) -> None:
    """But the pairs."""
    first, second = pair(office.program())
    page = office.signed_in("eva", Scope.READ).get(f"/desk/duplicates/{first}/{second}").text
    assert "Both have the identifier" in page
    assert "not-a-duplicate" not in page
    assert "/merge" not in page


def _main(page: str) -> str:
    return page.partition("<main")[2]
