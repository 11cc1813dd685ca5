"""Imports at the desk: a file, its plan, what is mended in it, what comes of it, and its undoing;
all that is kept in between is in the forms."""

import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from app.application.ports.errors import OutcomeUnknown
from app.application.ports.keys import Scope
from app.application.services import Services
from tests.desk.conftest import Office, registered
from tests.desk.importing import FILE, events, plan, pressed, uploaded
from tests.support.answers import data
from tests.support.forms import form_to


def test_the_plan_says_what_each_row_would_do(client: FlaskClient) -> None:
    """Create, change from old to new, nothing, or why it is refused; and nothing is done."""
    known = registered(client, "Gamma", phone="+498912345678")
    email = data(client.get(f"/carriers/{known}"))["email"]
    before = events(client)
    page = uploaded(client, f"{FILE}Gamma Lines;{email};\nDelta;{email};\n")
    form = plan(page)
    assert form.fields["column-0"] == "name"
    assert "1 to change, 1 to create, 2 refused" in page.text
    assert "Gamma Lines" in page.text
    assert ">Gamma<" in page.text
    assert "<bdi>E-Mail</bdi></strong>: The email must be a valid email address" in page.text
    assert "Row 4 means the same carrier" in page.text
    assert events(client) == before


def test_it_is_applied_row_by_row_and_once(client: FlaskClient) -> None:
    """However often the button is pressed."""
    page = uploaded(client)
    done = pressed(client, page, "apply")
    assert "1 of 2 rows done, 1 refused" in done.text
    before = events(client)
    again = pressed(client, page, "apply")
    assert "1 of 2 rows done, 1 refused" in again.text
    assert events(client) == before
    assert "done already" in uploaded(client).text


def test_it_is_the_import_that_programs_would_make_of_the_file(client: FlaskClient) -> None:
    """So what was applied here is done there as well."""
    pressed(client, uploaded(client), "apply")
    answer = client.post("/imports", data=FILE, headers={"Content-Type": "text/csv"})
    assert [each["done"] for each in data(answer)["rows"]] == [True, False]
    assert events(client) == 1


def test_bad_rows_are_mended_in_place(client: FlaskClient) -> None:
    """The page has fields for their cells, and the plan is made again."""
    page = uploaded(client)
    assert plan(page).fields["cell-3-1"] == "nonsense"
    mended = pressed(client, page, "plan", cell_3_1="beta@example.com")
    assert "2 to create" in mended.text
    assert "refused" not in mended.text.partition("<main")[2]
    assert "2 of 2 rows done" in pressed(client, mended, "apply").text


def test_what_was_mended_is_shown_before_it_is_done(client: FlaskClient) -> None:
    """Nobody has seen its plan yet."""
    before = events(client)
    page = pressed(client, uploaded(client), "apply", cell_3_1="beta@example.com")
    assert "look at what would be done now" in page.text
    assert events(client) == before
    assert "2 of 2 rows done" in pressed(client, page, "apply").text


def test_columns_are_taken_for_something_else(client: FlaskClient) -> None:
    """Two for one field, or none that identifies, is explained on the same page."""
    page = uploaded(client, "Nickname,Mail,Mail 2\nAlpha,alpha@example.com,b@example.com\n")
    assert "The name field is required" in page.text
    page = pressed(client, page, "plan", column_0="name")
    assert "1 to create" in page.text
    both = pressed(client, page, "plan", column_2="email")
    assert both.status_code == 422
    assert "are both taken for email" in both.text
    chosen = form_to(both.text, "/desk/imports")
    assert [chosen.fields[f"column-{each}"] for each in range(3)] == ["name", "email", "email"]
    other = pressed(client, both, "plan", column_1="")
    assert "b@example.com" in other.text.partition("Before and after")[2]
    none = pressed(client, page, "plan", column_1="")
    assert "No column says which carrier a row means" in none.text


def test_what_the_columns_are_taken_for_is_kept_and_used_again(client: FlaskClient) -> None:
    """Under a name that the next file's form offers."""
    page = uploaded(client, "Nickname,Mail\nAlpha,alpha@example.com\n")
    unnamed = pressed(client, page, "keep", column_0="name")
    assert "must be 1 to 100 characters" in unnamed.text
    kept = pressed(client, unnamed, "keep", keep_mapping="nicknames")
    assert "is kept as nicknames" in kept.text
    assert "1 to create" in kept.text
    again = uploaded(client, "Mail,Nickname\nb@example.com,Beta\n", mapping="nicknames")
    assert "1 to create" in again.text
    other = uploaded(client, mapping="nicknames")
    assert "The file has no column Nickname" in other.text


def test_refused_rows_are_taken_as_a_file(client: FlaskClient) -> None:
    """As `carriers import --refused` writes it."""
    answer = pressed(client, uploaded(client), "refused")
    assert answer.mimetype == "text/csv"
    assert answer.data.decode("utf-8-sig").splitlines() == [
        "Company;E-Mail;Phone;refused_because",
        "Beta;nonsense;'+49 89 12345678;E-Mail: The email must be a valid email address",
    ]


def test_a_file_of_some_refused_rows_is_not_given_for_that_of_all(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If there is no time to look for them."""
    page = uploaded(client)
    monkeypatch.setattr("app.api.resources.imports.SHARE_OF_TIME", 0)
    answer = pressed(client, page, "refused")
    assert "There was no time to look for all refused rows" in answer.text


def test_what_was_refused_becomes_an_import_of_its_own(client: FlaskClient) -> None:
    """So the rows that are done need not be looked at again."""
    done = pressed(client, uploaded(client), "apply")
    rest = pressed(client, done, "rest")
    assert "Alpha" not in rest.text
    mended = pressed(client, rest, "plan", cell_2_1="beta@example.com")
    assert "1 of 1 row done" in pressed(client, mended, "apply").text


def test_a_carrier_that_was_changed_meanwhile_is_left_alone(client: FlaskClient) -> None:
    """What is done is what was shown."""
    known = registered(client, "Gamma")
    email = data(client.get(f"/carriers/{known}"))["email"]
    page = uploaded(client, f"Name,Email\nGamma Lines,{email}\n")
    data(client.post(f"/carriers/{known}/rename", json={"name": "Theirs"}))
    done = pressed(client, page, "apply")
    assert "has been changed since the plan was made" in done.text
    assert data(client.get(f"/carriers/{known}"))["name"] == "Theirs"


def test_it_is_taken_back(client: FlaskClient) -> None:
    """After a look at what that would do; also later, with the same file; once."""
    known = registered(client, "Gamma")
    email = data(client.get(f"/carriers/{known}"))["email"]
    text = f"Name,Email\nAlpha,alpha@example.com\nGamma Lines,{email}\n"
    pressed(client, uploaded(client, text), "apply")
    before = events(client)
    review = pressed(client, uploaded(client, text), "review")
    assert "1 to change, 1 to retire" in review.text
    assert events(client) == before
    for _ in range(2):
        assert "What was taken back" in pressed(client, review, "confirm").text
        assert data(client.get(f"/carriers/{known}"))["name"] == "Gamma"
        assert events(client) == before + 2


def test_what_there_was_no_time_for_is_gone_on_with(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same form, as after an interruption."""
    text = "Name,Email\n" + "".join(f"C{each},c{each}@example.com\n" for each in range(3))
    page = uploaded(client, text)
    with monkeypatch.context() as patch:
        patch.setattr("app.api.resources.imports.SHARE_OF_TIME", 0)
        first = pressed(client, page, "apply")
        assert "Row 3 of 4 is next" in first.text
        assert "data-goes-on" in first.text
        stuck = pressed(client, first, "apply")
        assert "data-goes-on" not in stuck.text
    assert "3 of 3 rows done" in pressed(client, first, "apply").text


def test_an_unknown_outcome_is_asked_for_again(
    client: FlaskClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same form does it once."""
    page, dispatch = uploaded(client), type(services.bus).dispatch

    def lost(bus: object, command: object, context: object) -> None:
        dispatch(bus, command, context)  # type: ignore[arg-type]
        raise OutcomeUnknown("the answer was lost")

    with monkeypatch.context() as patch:
        patch.setattr(type(services.bus), "dispatch", lost)
        answer = pressed(client, page, "apply")
    assert answer.status_code == 503
    before = events(client)
    assert "1 of 2 rows done" in pressed(client, answer, "apply").text
    assert events(client) == before


def test_the_same_file_under_another_name_is_another_import(client: FlaskClient) -> None:
    """Each row of an import is done once."""
    done = pressed(client, uploaded(client), "apply")
    (carrier_id,) = re.findall("/desk/carriers/([0-9a-f-]{36})", done.text)
    data(client.post(f"/carriers/{carrier_id}/rename", json={"name": "Other"}))
    page = uploaded(client)
    assert "done already" in page.text
    assert "1 to change" in pressed(client, page, "plan", name="second").text


def test_the_scopes_of_an_import_are_needed(office: Office) -> None:
    """To read is not enough; to take back, carriers have to be retired."""
    reader = office.signed_in("eva", Scope.READ)
    assert reader.get("/desk/imports").status_code == 403
    assert "/desk/imports" not in reader.get("/desk").text
    keeper = office.signed_in("kim", Scope.READ, Scope.REGISTER, Scope.PROFILE)
    done = pressed(keeper, uploaded(keeper), "apply")
    assert "1 of 2 rows done" in done.text
    assert "Take it back" not in done.text
    form = form_to(done.text, "/desk/imports")
    assert keeper.post("/desk/imports/undo", data=form.filled(step="confirm")).status_code == 403


def test_what_a_file_says_is_text(client: FlaskClient) -> None:
    """On every page that shows it."""
    nasty = "<script>alert('x')</script>"
    page = uploaded(client, f"Name,{nasty}\n{nasty},1\n,2\n")
    page = pressed(client, page, "plan", column_1="email")
    for each in (page, pressed(client, page, "plan", cell_2_1="a@example.com")):
        assert "<script>alert" not in each.text
        assert nasty in unescape(each.text)
