"""What somebody does at the desk to import a file, form by form."""

import io
import re

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.answers import data
from tests.support.forms import Form, form_to, forms_in

FILE = "Company;E-Mail;Phone\nAlpha;alpha@example.com;\nBeta;nonsense;+49 89 12345678\n"


def uploaded(client: FlaskClient, text: str | bytes = FILE, **typed: str) -> TestResponse:
    """What comes of choosing a file."""
    form = form_to(client.get("/desk/imports").text, "/desk/imports")
    body = text.encode() if isinstance(text, str) else text
    sent = {**form.filled(**typed), "step": "upload", "file": (io.BytesIO(body), "carriers.csv")}
    return client.post("/desk/imports", data=sent, content_type="multipart/form-data")


def pressed(client: FlaskClient, page: TestResponse, step: str, **typed: str) -> TestResponse:
    """What comes of a button of the page's form, after something was typed."""
    button = re.search(rf'<button[^>]*name="step" value="{step}"[^>]*>', page.text)
    assert button, page.text
    (form,) = (each for each in forms_in(page.text) if each.action.startswith("/desk/imports"))
    elsewhere = re.search('formaction="([^"]+)"', button[0])
    address = elsewhere[1] if elsewhere else form.action
    return client.post(address, data={**form.filled(**typed), "step": step})


def plan(page: TestResponse) -> Form:
    """The form of the plan."""
    assert page.status_code == 200, page.text
    return form_to(page.text, "/desk/imports")


def events(client: FlaskClient) -> int:
    """How many events there are in all."""
    head: int = data(client.get("/events?limit=1"))["head"]
    return head
