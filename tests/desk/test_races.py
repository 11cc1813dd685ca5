"""Two people change one carrier: the slower one sees both changes beside each other."""

import pytest
from flask.testing import FlaskClient

from tests.desk.conftest import registered
from tests.desk.steps import address_of, reviewed, sent
from tests.support.answers import data
from tests.support.forms import Form, form_to


def raced(client: FlaskClient, name: str, typed: dict[str, str], theirs: dict[str, object]) -> Form:
    """The page that shows both changes, after somebody else was faster."""
    carrier_id = registered(client, "Alpha Cargo", phone="+498912345678")
    address = address_of(name, carrier_id)
    review = reviewed(client, address, **typed)
    data(client.post(f"/carriers/{carrier_id}/{name}", json=theirs))
    answer = sent(client, review, "confirm")
    assert answer.status_code == 412, answer.text
    assert "Since you opened this" in answer.text
    return form_to(answer.text, address)


@pytest.mark.parametrize(("kept", "name"), [("mine", "Alpha Mine"), ("theirs", "Alpha Theirs")])
def test_somebody_was_faster(client: FlaskClient, kept: str, name: str) -> None:
    """Both values stand beside each other, and one of them counts, field by field."""
    form = raced(client, "rename", {"name": "Alpha Mine"}, {"name": "Alpha Theirs"})
    answer = sent(client, form, "merge", keep_name=kept)
    if kept == "mine":
        sent(client, form_to(answer.text, form.action), "confirm")
    else:
        assert "This would change nothing" in answer.text
    shown = data(client.get(f"/carriers/{form.action.split('/')[3]}"))
    assert shown["name"] == name


def test_what_others_did_to_other_fields_stays(client: FlaskClient) -> None:
    """A form holds all parts of a profile; those that nobody has touched in it are theirs."""
    form = raced(
        client,
        "update-profile",
        {"website": "https://mine.example.com"},
        {"phone": "+498987654321", "aliases": ["Theirs"]},
    )
    review = sent(client, form, "merge")
    done = sent(client, form_to(review.text, form.action), "confirm")
    assert done.status_code == 303
    shown = data(client.get(f"/carriers/{form.action.split('/')[3]}"))
    assert shown["website"] == "https://mine.example.com"
    assert shown["phone"] == "+498987654321"
    assert shown["aliases"] == ["Theirs"]
