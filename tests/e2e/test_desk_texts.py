"""Hostile texts in every field that takes a text, in a real browser: none is run.

Each text has a carrier of its own, of which everything is said with it: what a registration takes,
then each command that takes a text. A fortieth of the texts, chosen by the SEED that is printed;
all of them with SOAK=full.
"""

import os
import re
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.e2e.at_the_desk import csv, press, register
from tests.support.browser import Visit, visit
from tests.support.hostile_texts import HOSTILE
from tests.support.measurements import IS_FULL
from tests.support.policies import policy, requires
from tests.support.service import Service

SEED = int(os.environ.get("SEED", Random().randrange(10**6)))
TEXTS = HOSTILE if IS_FULL else Random(SEED).sample(HOSTILE, len(HOSTILE) // 40)
URL = "https://example.com/'onmouseover='globalThis.hostile=1'//"
NEXT = {"valid_from": "2026-01-01", "valid_to": "2099-12-31"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A registry whose policy lets changes wait, and asks for a document and for approval."""
    print(f"SEED={SEED}")
    folder = tmp_path_factory.mktemp("texts")
    with Service(folder, "127.0.0.1", None, WORKERS="1", LOG_DIR="") as service:
        asked = policy(requires(), approval_required=True, second_person_for=["name"])
        assert service.ask("PUT", "/policy", asked).status == 200
        yield service


@pytest.fixture
def desk(browser: Browser, service: Service) -> Iterator[Visit]:
    """A window that complains of each dialogue as well."""
    with visit(browser, service.url) as visiting:
        visiting.page.on("dialog", lambda dialog: visiting.complaints.append(dialog.message))
        yield visiting
        assert visiting.origins() == {service.url}


def profile(text: str) -> dict[str, Any]:
    """All of a registration that takes any text, or as much of it as fits."""
    return {
        "aliases": [text],
        "metadata": {text[:64]: text, "list": [text]},
        "bank_reference": text[:64],
        "contacts": [{"role": "claims", "name": text, "email": "claims@example.com"}],
        "identifiers": [{"scheme": "own", "value": re.sub(r"\W", "x", text)[:64]}],
        "coverage": [{"service": "express", "countries": ["DE"]}],
        "tracking_url": f"{URL}{{tracking_number}}",
    }


def said_of(text: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Each command that takes a text, in an order in which none is refused."""
    reason: dict[str, object] = {"reason": text}
    work = {"customer": text, "service": "express", **NEXT}
    paper = {"number": text, "issuer": text, **NEXT, "url": URL}
    yield "annotate", {"note": text}
    yield "note-incident", {"kind": "late", "happened_on": "2026-01-31", "note": text}
    yield "file-document", {"kind": "cargo-insurance", **paper}
    yield "file-document", {"kind": "contract", **paper}
    yield "replace-document", {"document_id": 1, **paper, **reason}
    yield "withdraw-document", {"document_id": 2, **reason}
    for name, undone in (("block", "unblock"), ("prefer", "unprefer")):
        yield name, {**work, **reason}
        yield name, {**work, **reason}
        yield undone, {f"{'block' if name == 'block' else 'preference'}_id": 1, **reason}
    for _ in range(2):
        yield "override-verdict", {"rule": "country", **work, **reason}
        yield "schedule-change", {"effective_on": "2099-01-01", "phone": "+498912345678", **reason}
        yield "rename", {"name": f"{text} changed"}
    yield "withdraw-override", {"override_id": 1, **reason}
    yield "cancel-scheduled-change", {"change_id": 1, **reason}
    yield "discard-change", {"proposal_id": 1, **reason}
    yield "vet", {"country": "DE", "service": "express", "customer": text}
    yield "reject", reason
    yield "suspend", reason
    yield "reinstate", reason
    yield "suspend", reason


def test_no_text_is_run(desk: Visit, service: Service) -> None:
    """On the pages of a carrier and of the lists, in forms, reviews, searches and imports."""
    sent = [said(service, number, text) for number, text in enumerate(TEXTS)]
    for text, carrier_id in zip(TEXTS, sent, strict=True):
        here = f"/desk/carriers/{carrier_id}"
        for path in (f"{here}?country=DE&service=express&customer=A", f"{here}/timeline"):
            look(desk, path, text)
    press_harmlessly(desk, f"{here}/annotate", text)
    for path in (
        f"{here}/timeline?version=5",
        f"{here}/update-profile",
        "/desk",
        "/desk/carriers",
        f"/desk/duplicates/{sent[0]}/{sent[1]}",
    ):
        look(desk, path, text)


def test_no_text_of_a_search_or_a_file_is_run(desk: Visit) -> None:
    """As typed to search, as the cells of a file, refused ones too, and as the name of a column."""
    page = desk.page
    for text in TEXTS:
        desk.go("/desk/carriers")
        page.fill("#q", text[:100])
        press(page, "Search")
        nothing_is_run(desk, text)
    # Whoever presses the button while the list follows what was typed ends that request; of what
    # has no letter nothing is searched.
    expected = re.compile(r"400 \(BAD REQUEST\)|htmx:(afterRequest|sendAbort), ")
    assert [each for each in desk.complaints if not expected.search(each)] == []
    desk.complaints.clear()
    quoted = ['"' + text.replace('"', '""') + '"' for text in TEXTS]
    rows = (f"{text},row{number}@example.com,{text}" for number, text in enumerate(quoted))
    refused = (f"{text},{text},x" for text in quoted)
    lines = "\n".join([f"Name,Email,{quoted[0]}", *rows, *refused])
    desk.go("/desk/imports")
    page.set_input_files("#file", {**csv(""), "buffer": lines.encode()})
    for button in ("Show the plan", f"Apply {len(TEXTS)} rows"):
        press(page, button)
        nothing_is_run(desk, TEXTS)
    assert f"{len(TEXTS)} of {2 * len(TEXTS)} rows done" in page.inner_text("main")
    assert desk.complaints == [], TEXTS


def said(service: Service, number: int, text: str) -> str:
    """The id of the carrier of which everything was said with the text."""
    carrier_id = register(service, f"of{number}@example.com", text, **profile(text))
    for name, body in said_of(text):
        answer = service.ask("POST", f"/carriers/{carrier_id}/{name}", body)
        assert answer.status in {200, 201}, (name, text, answer.body)
    token = {"Consistency-Token": answer.headers["Consistency-Token"]}
    assert service.ask("GET", "/carriers", headers=token).status == 200
    return carrier_id


def look(desk: Visit, path: str, text: str) -> None:
    """At a page that shows the text."""
    desk.go(path)
    nothing_is_run(desk, text)
    assert desk.complaints == [], text


def press_harmlessly(desk: Visit, path: str, text: str) -> None:
    """As typed into a form, and shown by its review."""
    desk.go(path)
    desk.page.fill("#f-note", text)
    press(desk.page, "Review")
    nothing_is_run(desk, text)


def nothing_is_run(desk: Visit, text: object) -> None:
    """Nor is anything kept from running by the policy alone."""
    assert desk.page.evaluate("globalThis.hostile") is None, text
    assert desk.violations() == [], text
