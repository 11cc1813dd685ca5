"""What goes wrong at the desk, and what somebody does about it there, in a real browser: with
scripts, and the same without any."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page

from app.application.ports.keys import Scope
from app.application.projections import PROJECTIONS
from app.infrastructure.sqlite.event_store import SqliteEventStore
from app.infrastructure.sqlite.keys import SqliteKeyStore
from tests.e2e.at_the_desk import csv, events, insist, press, register
from tests.support.browser import Visit, visit
from tests.support.keys import add_key, bearer
from tests.support.processes import wait_until
from tests.support.service import Service
from tests.support.stores import commit, soon

SESSION = "carriers_desk"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that soon gives up on its store; nobody needs a key."""
    settings = {"WORKERS": "1", "LOG_DIR": "", "REQUEST_TIMEOUT": "3"}
    with Service(tmp_path_factory.mktemp("troubles"), "127.0.0.1", None, **settings) as service:
        yield service


SCRIPTS, NO_SCRIPTS = pytest.param(True, id="scripts"), pytest.param(False, id="no-scripts")
LESS_OFTEN = pytest.param(True, id="scripts", marks=pytest.mark.full)


@pytest.fixture(params=[SCRIPTS, NO_SCRIPTS])
def desk(request: pytest.FixtureRequest, browser: Browser, service: Service) -> Iterator[Visit]:
    """A window, with JavaScript or without."""
    with visit(browser, service.url, java_script_enabled=request.param) as visiting:
        yield visiting


@contextmanager
def locked(service: Service) -> Iterator[None]:
    """Another process writes to the store all the while."""
    with closing(sqlite3.connect(service.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def another_address() -> str:
    """One that no carrier has."""
    return f"{uuid4().hex}@example.com"


def open_page(desk: Visit, path: str) -> Page:
    """The page at this address."""
    desk.page.goto(desk.origin + path)
    return desk.page


def test_a_change_goes_on_when_the_store_is_back(desk: Visit, service: Service) -> None:
    """The page says what is known, keeps what was typed, and does it once when asked again."""
    carrier_id = register(service, another_address(), "Before")
    page = open_page(desk, f"/desk/carriers/{carrier_id}/rename")
    page.fill("#f-name", "After")
    press(page, "Review")
    with locked(service):
        press(page, "Rename")
        assert "Press the button again" in page.get_by_role("alert").inner_text()
    press(page, "Rename")
    assert page.inner_text("h1") == "After"
    assert events(service, carrier_id) == ["CarrierRegistered", "CarrierRenamed"]


@pytest.mark.parametrize("desk", [LESS_OFTEN, NO_SCRIPTS], indirect=True)
def test_what_is_not_known_of_several_is_sent_again(desk: Visit, service: Service) -> None:
    """Each row says so, and each is done once."""
    carriers = [register(service, another_address()) for _ in range(2)]
    query = "&".join(f"carrier={each}" for each in carriers)
    page = open_page(desk, f"/desk/several/suspend?{query}")
    page.fill("#f-reason", "Papers are missing")
    with locked(service):
        press(page, "Suspend")
        assert page.get_by_text("Not known").count() == 2
    press(page, "Send again")
    assert page.get_by_text("Done", exact=True).count() == 2
    assert [events(service, each)[1:] for each in carriers] == [["CarrierSuspended"]] * 2


@pytest.mark.parametrize("desk", [LESS_OFTEN, NO_SCRIPTS], indirect=True)
def test_an_import_goes_on_when_the_store_is_back(desk: Visit, service: Service) -> None:
    """From the row at which the store failed."""
    page = open_page(desk, "/desk/imports")
    rows = [f"Row {each},{another_address()}" for each in range(2)]
    page.set_input_files("#file", csv("\n".join(rows)))
    press(page, "Show the plan")
    with locked(service):
        press(page, "Apply 2 rows")
        assert "Not all of it is done yet" in page.inner_text("h1")
    press(page, "Go on")
    assert "2 of 2 rows done" in page.inner_text("main")


def test_a_parked_stream_is_settled(desk: Visit, service: Service) -> None:
    """Tried again it is parked again, as nobody can read its event; discarded, for a reason, the
    lists follow the carrier again. What needs attention says so, until then."""
    carrier_id = register(service, another_address())
    identity, unreadable = commit()
    with closing(SqliteEventStore(service.database)) as store:
        store.append(carrier_id, 1, unreadable, identity, soon())

    def waits() -> bool:
        rows = open_page(desk, "/desk").locator("li", has_text=carrier_id)
        return rows.count() == len(PROJECTIONS)

    wait_until(waits, 10, "the stream is parked in every view")
    for button in ("Try again", "Discard the event"):
        for _ in PROJECTIONS:
            page = open_page(desk, "/desk/health")
            asking = page.locator("li", has_text=carrier_id).filter(has=page.get_by_role("button"))
            asking.first.get_by_role("textbox").fill("Nobody can read it")
            with page.expect_navigation():
                asking.first.get_by_role("button", name=button).click()
            assert page.get_by_role("status").inner_text().startswith("Asked for: ")
            wait_until(lambda: is_done(desk, carrier_id), 10, "the follower did it")
    assert open_page(desk, "/desk/health").get_by_text(carrier_id).count() == 0


def is_done(desk: Visit, carrier_id: str) -> bool:
    """Whether the follower has done what was asked for of the carrier's parked streams."""
    page = open_page(desk, "/desk/health")
    rows = page.locator("li", has_text=carrier_id)
    return rows.filter(has_text="Asked for").count() == 0


def test_a_day_without_scripts(browser: Browser, tmp_path: Path) -> None:
    """Sign in, with a cookie planted before; be too slow, choose; several at once; mend an import;
    create a key and revoke it; sign out. Whoever planted the cookie has no session."""
    with (
        Service(tmp_path, "127.0.0.1", None, WORKERS="1", LOG_DIR="") as service,
        visit(browser, service.url, java_script_enabled=False) as visiting,
    ):
        key = add_key(SqliteKeyStore(service.database), "root", Scope.ADMIN)
        page = signed_in(visiting, key)
        office = Office(service, page, bearer(key))
        office.is_too_slow()
        office.mends_an_import()
        office.tags_several()
        office.gives_a_key_and_takes_it_back()
        page.locator(".me summary").click()
        press(page, "Sign out")
        assert open_page(visiting, "/desk/keys").inner_text("h1") == "Sign in"


def signed_in(visiting: Visit, key: str) -> Page:
    """The page behind the sign-in; the session is another one than was planted."""
    visiting.page.context.add_cookies(
        [{"name": SESSION, "value": "planted", "url": visiting.origin}]
    )
    page = open_page(visiting, "/desk/keys")
    assert page.inner_text("h1") == "Sign in"
    page.fill("#key", "prefix.wrong")
    press(page, "Sign in")
    assert "key" in page.inner_text("#key-problem")
    page.fill("#key", key)
    press(page, "Sign in")
    assert page.inner_text("h1") == "Keys"
    sessions = [each for each in page.context.cookies() if each["name"] == SESSION]
    assert [each["value"] == "planted" for each in sessions] == [False]
    return page


@dataclass
class Office:
    """Somebody at a page that is signed in, and programs beside, with the header of a key."""

    service: Service
    page: Page
    key: Mapping[str, str]

    def ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - any JSON
        """The data of the answer to a program."""
        answer = self.service.ask(method, path, body, headers=self.key)
        assert answer.status in {200, 201}, answer.body
        return answer.json["data"]

    def go(self, path: str) -> None:
        """To this page."""
        self.page.goto(self.service.url + path)

    def is_too_slow(self) -> None:
        """Somebody else renames the carrier in between; both names are seen, and one is chosen."""
        body = {"name": "Alpha", "email": "alpha@example.com"}
        carrier_id = self.ask("POST", "/register-carrier", body)["carrier_id"]
        self.go(f"/desk/carriers/{carrier_id}/rename")
        self.page.fill("#f-name", "Mine")
        press(self.page, "Review")
        self.ask("POST", f"/carriers/{carrier_id}/rename", {"name": "Theirs"})
        press(self.page, "Rename")
        assert "somebody was faster" in self.page.inner_text("h1")
        insist(self.page)

    def mends_an_import(self) -> None:
        """One row is refused for its address, which is mended in the page."""
        self.go("/desk/imports")
        self.page.set_input_files("#file", csv("Beta,beta@example.com\nGamma,nonsense\n"))
        press(self.page, "Show the plan")
        assert "1 row is refused" in self.page.inner_text("main")
        self.page.locator("[aria-invalid=true]").fill("gamma@example.com")
        press(self.page, "Plan again")
        press(self.page, "Apply 2 rows")
        assert "2 of 2 rows done" in self.page.inner_text("main")

    def tags_several(self) -> None:
        """All that the list has, each with an outcome of its own."""

        def all_are_listed() -> bool:
            self.go("/desk/carriers")
            return self.page.locator("input[name=carrier]").count() == 3

        wait_until(all_are_listed, 10, "the list has all three")
        for box in self.page.locator("input[name=carrier]").all():
            box.check()
        press(self.page, "Tag")
        self.page.fill("#f-tags", "office")
        press(self.page, "Tag")
        assert self.page.get_by_text("Done", exact=True).count() == 3

    def gives_a_key_and_takes_it_back(self) -> None:
        """It lets a program in; how soon it does no more, test_keys.py tells."""
        self.go("/desk/keys")
        self.page.fill("#name", "tms")
        self.page.get_by_role("checkbox", name=re.compile("^Read ")).check()
        press(self.page, "Create it")
        key = bearer(self.page.locator("#secret").inner_text())
        assert self.service.ask("GET", "/carriers", headers=key).status == 200
        self.page.get_by_role("link", name="I have kept it").click()
        self.page.get_by_role("link", name="Revoke the key of tms").click()
        press(self.page, "Revoke it")
        assert "revoked" in self.page.get_by_role("status").inner_text()
