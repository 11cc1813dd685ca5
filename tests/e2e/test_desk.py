"""The desk in a real browser, served by the service as an operator runs it."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser

from app.application.ports.keys import Scope
from app.infrastructure.sqlite.keys import SqliteKeyStore
from tests.e2e.at_the_desk import command, csv, events, insist, listed, press, register
from tests.support.browser import Tabs, Visit, visit
from tests.support.cassandra_node import Node
from tests.support.keys import add_key
from tests.support.measurements import IS_FULL
from tests.support.processes import NotReady, wait_until
from tests.support.service import Service
from tests.support.stores import KEYSPACE, make_keyspace

FIRST_VISIT_BYTES = 120_000
NAMES = ("Alpha Cargo", "Beta Lines", "شركة النقل السريع", "W" * 255)
COVERAGE = [{"service": "express", "countries": ["DE", "FR"]}]


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("cassandra", marks=pytest.mark.full)]
)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A registry with a few carriers, of which nobody needs a key, on each store."""
    settings = {"WORKERS": "1", "LOG_DIR": ""}
    if request.param == "cassandra":
        settings |= on_cassandra(request.getfixturevalue("cassandra_node"))
    with Service(tmp_path_factory.mktemp("desk"), "127.0.0.1", None, **settings) as service:
        for number, name in enumerate(NAMES):
            register(service, f"office{number}@example.com", name, coverage=COVERAGE)
        yield service


def on_cassandra(node: Node) -> dict[str, str]:
    """The settings for an empty registry there."""
    make_keyspace(node)
    return {
        "CASSANDRA_HOST": node.host,
        "CASSANDRA_PORT": str(node.port),
        "CASSANDRA_KEYSPACE": KEYSPACE,
    }


@pytest.fixture
def desk(browser: Browser, service: Service) -> Iterator[Visit]:
    """A window of 1280 px, in which nothing breaks the policy or asks another host."""
    with visit(browser, service.url) as visiting:
        yield visiting
        assert visiting.violations() == []
        assert visiting.complaints == []
        assert visiting.origins() == {service.url}


@pytest.mark.parametrize("width", [320, 640, 1280] if IS_FULL else [320])
def test_no_screen_has_barriers(browser: Browser, service: Service, width: int) -> None:
    """axe finds nothing, in light and dark; nothing is wider than the window or scrolls by mouse
    alone; also on the pages that say that something is wrong."""
    carrier_id = register(service, f"barriers{width}@example.com", coverage=COVERAGE)
    command(service, carrier_id, "suspend", {"reason": "Papers are missing"})
    listed(service, carrier_id)
    here = f"/desk/carriers/{carrier_id}"
    twin = register(service, f"twin{width}@example.org", phone="+498912345678")
    listed(service, twin_of := register(service, f"of@{width}.example.com", phone="+498912345678"))
    paths = (
        "/desk",
        "/desk/duplicates",
        f"/desk/duplicates/{twin}/{twin_of}",
        f"/desk/several/suspend?carrier={carrier_id}&carrier={twin}",
        "/desk/carriers?state=suspended,active",
        "/desk/carriers?q=nothing",
        f"{here}?country=DE&service=express",
        f"{here}/timeline?version=1",
        "/desk/register-carrier",
        "/desk/health",
        "/desk/keys",
        "/desk/findings",
        "/desk/sign-in",
        "/desk/nowhere",
    )
    with visit(browser, service.url, width, color_scheme="light") as visiting:

        def look() -> None:
            assert visiting.violations() == [], visiting.page.url
            assert not visiting.overflows(), visiting.page.url
            assert visiting.barriers() == [], visiting.page.url
            assert visiting.scrolled_by_mouse_alone() == [], visiting.page.url
            visiting.page.emulate_media(color_scheme="dark")
            assert visiting.barriers("color-contrast") == [], visiting.page.url
            visiting.page.emulate_media(color_scheme="light")

        for path in paths:
            visiting.go(path)
            look()
        page = visiting.page
        visiting.go(f"{here}/timeline")
        command(service, carrier_id, "rename", {"name": "Renamed"})
        page.locator(".news").wait_for()
        look()
        visiting.go("/desk/imports")
        look()
        page.set_input_files("#file", csv(f"Beta,beta{width}@example.com\nGamma,nonsense\n"))
        for name in ("Show the plan", "Apply 1 row"):
            press(page, name)
            look()
        former = page.get_by_role("link", name=re.compile("^import ")).get_attribute("href")
        for name in ("Take it back", "Take it back"):
            press(page, name)
            look()
        visiting.go(str(former))
        look()
        visiting.go(f"{here}/rename")
        page.fill("#f-name", " ")
        press(page, "Review")
        look()
        page.fill("#f-name", "Mine")
        press(page, "Review")
        look()
        command(service, carrier_id, "rename", {"name": "Theirs"})
        press(page, "Rename")
        look()
        assert page.inner_text("h1") == "Rename: somebody was faster"
        assert visiting.origins() == {service.url}


def test_the_list_follows_what_is_typed(desk: Visit, service: Service) -> None:
    """Without loading the page again; the address can be sent to somebody. What changes meanwhile
    is counted beside it and moves nothing; it is shown to who asks for it."""
    listed(service, carrier_id := register(service, "typed@example.com", "Zeta Freight"))
    desk.go("/desk/carriers")
    desk.page.evaluate("document.body.dataset.same = 'yes'")
    desk.page.keyboard.press("/")
    desk.page.keyboard.type("zeta")
    desk.until("document.querySelectorAll('.rows tbody tr').length === 1")
    assert desk.page.inner_text(".rows tbody th") == "Zeta Freight"
    desk.until("location.search.includes('q=zeta')")
    assert desk.page.evaluate("document.body.dataset.same") == "yes"
    assert "UTC" not in desk.page.inner_text(".rows td.registered_at")
    assert "UTC" in (desk.page.get_attribute(".rows td.registered_at time", "title") or "")
    command(service, carrier_id, "rename", {"name": "Zeta Lines"})
    desk.page.get_by_role("link", name="1 new change — show").wait_for()
    assert desk.page.inner_text(".rows tbody th") == "Zeta Freight"
    with desk.page.expect_navigation():
        desk.page.locator(".news").click()
    assert desk.page.inner_text(".rows tbody th") == "Zeta Lines"
    assert not desk.page.is_visible(".news")
    desk.go(desk.page.evaluate("location.pathname + location.search"))
    assert desk.page.locator(".rows tbody tr").count() == 1


def onlookers(service: Service) -> int:
    """How many pages are told of changes now."""
    found = re.search(
        r'feed_listeners\{way="stream"\} (\d+)', service.ask("GET", "/metrics").body.decode()
    )
    return int(found[1]) if found else 0


def test_a_tab_that_nobody_sees_is_told_nothing(browser: Browser, service: Service) -> None:
    """It gives its place back, and takes one again once it is seen."""
    with closing(Tabs(browser)) as tabs:
        desk = tabs.open(f"{service.url}/desk/carriers")
        wait_until(lambda: onlookers(service) == 1, 10, "the page is told of changes")
        tabs.open("about:blank")
        wait_until(lambda: onlookers(service) == 0, 10, "the hidden page is told nothing")
        with pytest.raises(NotReady):  # for longer than a page waits that is seen
            wait_until(lambda: onlookers(service), 1.5, "the hidden page is told of changes")
        tabs.show(desk)
        wait_until(lambda: onlookers(service) == 1, 10, "the page is told of changes again")


def test_everything_is_reached_by_keyboard(desk: Visit, service: Service) -> None:
    """The list of keys says which there are."""
    listed(service, register(service, "keys@example.com"))
    desk.go("/desk/carriers")
    desk.page.keyboard.press("?")
    assert desk.page.locator("#keys").is_visible()
    desk.page.keyboard.press("Escape")
    desk.page.keyboard.press("j")
    desk.page.keyboard.press("j")
    first = desk.page.locator(".rows tbody th a").nth(1)
    assert first.evaluate("(link) => link === document.activeElement")
    desk.page.keyboard.press("Enter")
    desk.page.wait_for_url(f"{service.url}/desk/carriers/*")
    desk.page.keyboard.press("g")
    desk.page.keyboard.press("h")
    desk.page.wait_for_url(f"{service.url}/desk/health")
    assert desk.page.inner_text("h1") == "Health"


def test_screens_follow_each_other_in_one_page(desk: Visit, service: Service) -> None:
    """Each is at its own address, announced by its heading, and told of changes once. The way back
    leads to where one was. What cannot be swapped in is loaded: errors, and another release."""
    for each in range(25):
        carrier_id = register(service, f"boost{each}@example.com", f"Boost {each}")
    listed(service, carrier_id)
    page, path = desk.page, "/desk/carriers?q=boost"
    desk.go(path)
    page.evaluate("document.body.dataset.same = 'yes'")
    page.locator(".rows tbody th a").last.scroll_into_view_if_needed()
    was = page.evaluate("scrollY")
    page.locator(".rows tbody th a").last.click()
    page.wait_for_url(f"{service.url}/desk/carriers/*")
    assert page.title().startswith("Boost ")
    assert page.evaluate("[document.activeElement.tagName, scrollY]") == ["H1", 0]
    page.go_back()
    desk.until("document.querySelectorAll('.rows tbody tr').length === 25")
    assert page.url == service.url + path
    assert page.evaluate("[document.body.dataset.same, scrollY]") == ["yes", was]
    page.evaluate("document.querySelector('main').dataset.same = location.hash = 'content'")
    page.go_back()
    page.wait_for_url(service.url + path)
    page.keyboard.press("?")  # to open it twice is an error
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")
    wait_until(lambda: onlookers(service) == 1, 10, "the page is told of changes")
    assert page.evaluate("document.querySelector('main').dataset.same"), "no other page came"
    row = page.locator(".rows tbody th a").first
    row.evaluate("(link) => { link.href += '0'; htmx.process(link); }")
    row.click()
    page.get_by_role("heading", name="There is nothing here").wait_for()
    assert page.evaluate("document.body.dataset.same") == "yes"
    desk.complaints[:] = [each for each in desk.complaints if "404" not in each]
    page.go_back()
    icon = page.locator("[rel=icon]")
    icon.evaluate("(link) => link.setAttribute('href', '/desk/static/icon.svg?former')")
    row.click()
    page.get_by_role("heading", name="Boost").wait_for()
    assert page.evaluate("document.body.dataset.same") is None, "it is of another release"


def test_what_a_form_is_answered_is_left_by_the_browser(desk: Visit, service: Service) -> None:
    """It has no address to come back to, so it is the browser's to ask for it again."""
    page = desk.page
    desk.go("/desk/register-carrier")
    page.fill("#f-name", "Answer")
    page.fill("#f-email", "answer@example.com")
    press(page, "Review")
    page.evaluate("document.body.dataset.same = 'yes'")
    page.get_by_role("link", name="Carriers").click()
    page.wait_for_url(f"{service.url}/desk/carriers")
    assert page.evaluate("document.body.dataset.same") is None


def test_a_search_after_the_session_has_ended_asks_to_sign_in(desk: Visit) -> None:
    """It does not take the table away without a word."""
    moved = {"Location": "/desk/sign-in"}
    asked = "**/desk/carriers?q=gone*"
    desk.page.route(asked, lambda route: route.fulfill(status=303, headers=moved))
    desk.go("/desk/carriers")
    desk.page.fill("#q", "gone")
    desk.page.wait_for_url("**/desk/sign-in")
    assert desk.page.get_by_role("button", name="Sign in").is_visible()


def test_a_late_answer_lands_on_no_other_screen(desk: Visit) -> None:
    """What was asked for as somebody typed ends with the page on which it was typed."""
    desk.page.route("**/desk/carriers?q=late*", lambda _: None)  # never answered
    desk.go("/desk/carriers")
    desk.page.fill("#q", "late")
    desk.until("document.querySelector('form.htmx-request') !== null")
    desk.page.get_by_role("link", name="Needs attention").click()
    desk.page.wait_for_url("**/desk")
    assert any("htmx:sendAbort" in each for each in desk.complaints)
    desk.complaints.clear()


def test_a_carrier_can_be_printed(desk: Visit, service: Service) -> None:
    """Without what can only be pressed, dark on light."""
    desk.go(f"/desk/carriers/{register(service, 'print@example.com')}")
    desk.page.emulate_media(media="print", color_scheme="dark")
    assert desk.page.is_visible("h1")
    assert not desk.page.is_visible(".actions")
    assert not desk.page.is_visible(".bar")
    background = "getComputedStyle(document.querySelector('.card')).backgroundColor"
    assert desk.page.evaluate(background) == "rgb(255, 255, 255)"


def test_pressing_twice_registers_once(desk: Visit) -> None:
    """Faster than any answer."""
    desk.go("/desk/register-carrier")
    desk.page.fill("#f-name", "Delta Cargo")
    desk.page.fill("#f-email", "delta@example.com")
    press(desk.page, "Review")
    desk.page.get_by_role("button", name="Register", exact=True).dblclick(no_wait_after=True)
    desk.page.wait_for_selector(".note.done")
    assert desk.page.inner_text("h1") == "Delta Cargo"


def test_all_of_a_page_are_ticked_at_once(desk: Visit, service: Service) -> None:
    """And done together."""
    carriers = [register(service, f"iota{each}@example.com", f"Iota {each}") for each in range(2)]
    listed(service, carriers[-1])
    desk.go("/desk/carriers?q=iota")
    desk.page.check("[data-all]")
    press(desk.page, "Tag")
    desk.page.fill("#f-tags", "night")
    desk.page.get_by_role("button", name="Tag", exact=True).dblclick(no_wait_after=True)
    desk.page.wait_for_selector(".note[role=status]")
    assert "2 of 2" in desk.page.inner_text("main")
    for carrier_id in carriers:
        assert events(service, carrier_id) == ["CarrierRegistered", "CarrierProfileUpdated"]


def test_the_list_is_narrowed_and_taken_along(desk: Visit, service: Service) -> None:
    """By pressing a filter, choosing columns and sorting; the file has what is shown."""
    for each in range(2):
        covers = [{"service": "rail", "countries": ["PT"]}]
        carrier_id = register(service, f"rho{each}@example.com", f"Rho {each}", coverage=covers)
    listed(service, carrier_id)
    desk.go("/desk/carriers")
    page = desk.page
    page.locator("#facets").get_by_role("link", name="Rail").click()
    desk.until("document.querySelectorAll('.rows tbody tr').length === 2")
    page.get_by_text("Columns", exact=True).click()
    page.get_by_role("checkbox", name="Version").check()
    page.get_by_role("checkbox", name="E-mail").uncheck()
    press(page, "Show these")
    page.get_by_role("link", name="Registered").click()
    desk.until("location.search.includes('sort=registered_at')")
    header = page.locator(".rows thead th").all_inner_texts()
    assert header == ["Name", "State", "Services", "Countries", "Registered", "Version"]
    page.get_by_text("CSV", exact=True).click()
    with page.expect_download() as taken:
        page.get_by_role("link", name="These columns").click()
    first, *rows = taken.value.path().read_text().splitlines()
    assert first == "carrier_id,name,state,services,countries,registered_at,version"
    assert [row.split(",")[1] for row in rows] == ['"Rho 0"', '"Rho 1"']


def test_what_is_refused_of_several_is_told(desk: Visit, service: Service) -> None:
    """Each is a command of its own: the others are done."""
    carriers = [register(service, f"tau{each}@example.com", f"Tau {each}") for each in range(2)]
    listed(service, carriers[-1])
    desk.go("/desk/carriers?q=tau")
    desk.page.check("[data-all]")
    press(desk.page, "Suspend")
    desk.page.fill("#f-reason", "Papers are missing")
    command(service, carriers[0], "retire", {"reason": "Gone"})
    press(desk.page, "Suspend")
    told = desk.page.inner_text("main")
    assert "1 of 2" in told
    assert "retired" in told
    assert events(service, carriers[1])[-1] == "CarrierSuspended"


def test_moments_are_in_the_zone_of_the_reader(browser: Browser, service: Service) -> None:
    """With UTC on hover."""
    here = f"/desk/carriers/{register(service, 'zone@example.com')}/timeline"
    shown = {}
    for zone in ("Pacific/Auckland", "Pacific/Honolulu"):
        with visit(browser, service.url, timezone_id=zone, locale="en-GB") as visiting:
            visiting.go(here)
            time = visiting.page.locator("time").first
            shown[zone] = time.inner_text()
            title = time.get_attribute("title") or ""
            utc = datetime.fromisoformat(time.get_attribute("datetime") or "")
            assert title == f"{utc:%Y-%m-%d %H:%M:%S} UTC"
            assert f"{utc.astimezone(ZoneInfo(zone)):%H:%M}" in shown[zone]
    assert len(set(shown.values())) == 2


def test_an_import_survives_impatience(desk: Visit, service: Service) -> None:
    """Its file of refused rows is taken, a row is mended, the button is pressed twice, and the page
    is loaded again."""
    desk.go("/desk/imports")
    desk.page.set_input_files("#file", csv("Kappa,kappa@example.com\nLambda,nonsense\n"))
    press(desk.page, "Show the plan")
    with desk.page.expect_download() as taken:
        desk.page.get_by_role("button", name="Refused rows as a file").click()
    assert "nonsense" in taken.value.path().read_text()
    desk.page.fill("[name=cell-3-1]", "lambda@example.com")
    press(desk.page, "Plan again")
    desk.page.get_by_role("button", name="Apply 2 rows").dblclick(no_wait_after=True)
    desk.page.wait_for_selector("h1:text('What was done')")
    desk.page.reload()
    assert "2 of 2 rows done" in desk.page.inner_text("main")
    desk.page.get_by_role("link", name=re.compile("^import ")).click()
    desk.page.wait_for_url("**/desk/imports/*")
    assert "2 to retire" in desk.page.inner_text("main")
    wait_until(lambda: named(service, "kappa", "lambda") == [1, 1], 10, "they are listed once")


def named(service: Service, *words: str) -> list[int]:
    """How many carriers each word finds."""
    answers = [service.ask("GET", f"/carriers?q={word}").json for word in words]
    return [len(each["data"]["carriers"]) for each in answers]


def test_two_people_change_one_carrier(desk: Visit, browser: Browser, service: Service) -> None:
    """The slower one sees what the faster one did, and chooses. The timeline has both, and its
    slider shows the carrier at each, beside today."""
    carrier_id = register(service, "two@example.com", "Epsilon")
    address = f"/desk/carriers/{carrier_id}/rename"
    with visit(browser, service.url) as other:
        for each, name in ((desk, "Mine"), (other, "Theirs")):
            each.go(address)
            each.page.fill("#f-name", name)
            press(each.page, "Review")
        press(other.page, "Rename")
        press(desk.page, "Rename")
        assert "Since you opened this" in desk.page.inner_text("main")
        insist(desk.page)
    assert events(service, carrier_id)[1:] == ["CarrierRenamed", "CarrierRenamed"]
    desk.go(f"/desk/carriers/{carrier_id}/timeline")
    desk.page.focus("#version")
    desk.page.keyboard.press("ArrowLeft")
    desk.page.get_by_role("heading", name="Version 2 beside today").wait_for()
    assert desk.page.inner_text("output") == "2"
    assert desk.page.url.endswith("?version=2")
    desk.complaints.clear()  # the browser tells of the 412


def test_the_whole_of_it_without_javascript(browser: Browser, service: Service) -> None:
    """Register, search, change, look back."""
    walk_through(browser, service)


def test_the_whole_of_it_on_cassandra(
    browser: Browser, cassandra_node: Node, tmp_path: Path
) -> None:
    """The same on the other store, on which the others here are run with SOAK=full."""
    settings = {**on_cassandra(cassandra_node), "WORKERS": "1", "LOG_DIR": ""}
    with Service(tmp_path, "127.0.0.1", None, **settings) as service:
        walk_through(browser, service)


def walk_through(browser: Browser, service: Service) -> None:
    """What somebody does on a day, without JavaScript."""
    with visit(browser, service.url, java_script_enabled=False) as visiting:
        page = visiting.page
        page.goto(f"{service.url}/desk/register-carrier")
        page.fill("#f-name", "Eta Haulage")
        page.fill("#f-email", "eta@example.com")
        page.fill("[name=coverage-0-countries]", "DE, FR")
        page.select_option("[name=coverage-0-service]", "express")
        press(page, "Review")
        press(page, "Register")
        carrier_id = page.url.partition("?")[0].rpartition("/")[2]
        listed(service, carrier_id)
        page.get_by_role("link", name="Suspend").click()
        page.fill("#f-reason", "Papers are missing")
        press(page, "Review")
        press(page, "Suspend")
        assert "Papers are missing" in page.inner_text("main")
        assert "UTC" in page.inner_text("main")
        page.get_by_role("link", name="All 3 events").click()
        page.fill("#version", "1")
        page.get_by_role("button", name="Show").first.click()
        assert "Version 1 beside today" in page.inner_text("main")
        assert page.locator(".news").is_hidden()
        page.goto(f"{service.url}/desk/imports")
        page.set_input_files("#file", csv("Mu,mu@example.com\nEta Haulage Ltd,eta@example.com\n"))
        press(page, "Show the plan")
        assert "1 to change, 1 to create" in page.inner_text("main")
        press(page, "Apply 2 rows")
        assert "2 of 2 rows done" in page.inner_text("main")
        page.goto(f"{service.url}/desk/carriers")
        page.fill("#q", "eta haul")
        press(page, "Search")
        page.get_by_role("link", name="Eta Haulage").click()
        assert page.inner_text("h1") == "Eta Haulage Ltd"
        twin = register(service, "twin@eta.example.com", "Eta Haulage Limited")
        listed(service, twin)
        page.goto(f"{service.url}/desk/duplicates/{carrier_id}/{twin}")
        asked = page.locator(f"form[action$='{twin}/merge']")
        asked.get_by_role("textbox").fill("One company")
        asked.get_by_role("button", name="Merge").click()
        press(page, "Merge")
        page.goto(f"{service.url}/desk/carriers/{twin}/unmerge")
        page.fill("#f-reason", "Two companies")
        press(page, "Review")
        press(page, "Unmerge")
        assert events(service, twin)[1:] == ["CarrierMerged", "CarrierUnmerged"]
        page.get_by_role("link", name="Health").click()
        assert "None: the lists follow every carrier" in page.inner_text("main")


def test_a_first_visit_is_light(browser: Browser, service: Service) -> None:
    """All of it together, as it goes over the line."""
    with visit(browser, service.url) as visiting:
        sizes: list[int] = []
        visiting.page.on(
            "requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"])
        )
        visiting.page.goto(f"{service.url}/desk/carriers", wait_until="networkidle")
        assert len(sizes) >= 4
        assert sum(sizes) < FIRST_VISIT_BYTES
        sizes.clear()
        visiting.page.goto(f"{service.url}/desk/health", wait_until="networkidle")
        assert sum(sizes) < 12_000, "what has not changed is not loaded again"


def test_signing_in_and_out(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A session is kept from scripts and other sites, and no log line holds what begins it. Who may
    only read sees nothing to press, and is out once the key is revoked."""
    folder = tmp_path_factory.mktemp("keys")
    with (
        Service(folder, WORKERS="1", LOG_DIR="") as service,
        visit(browser, service.url) as visiting,
    ):
        secret = add_key(SqliteKeyStore(service.database), "root", Scope.ADMIN)
        page = visiting.page
        visiting.go("/desk/health")
        assert page.inner_text("h1") == "Sign in"
        page.fill("#key", secret)
        press(page, "Sign in")
        assert page.inner_text("h1") == "Health"
        cookies = page.context.cookies()
        assert [(each["httpOnly"], each["sameSite"]) for each in cookies] == [(True, "Strict")] * 2
        assert page.evaluate("document.cookie") == ""
        reader_may_not(visiting, browser, service)
        page.locator(".me summary").click()
        assert (visiting.barriers(), visiting.overflows()) == ([], False)
        another_site_asks(visiting, service)
        page.get_by_role("link", name="Health").click()  # a page of the desk, with its cookie
        page.get_by_role("heading", name="Health").wait_for()
        page.locator(".me summary").click()
        press(page, "Sign out everywhere")
        visiting.go("/desk/health")
        assert page.inner_text("h1") == "Sign in"
        assert secret.partition(".")[2] not in json.dumps(service.log_lines())


def reader_may_not(admin: Visit, browser: Browser, service: Service) -> None:
    """A key that only reads is made, used in another browser, and revoked."""
    page = admin.page
    admin.go("/desk/keys")
    page.fill("#name", "eva")
    page.get_by_role("checkbox", name=re.compile("^Read ")).check()
    press(page, "Create it")
    secret = page.locator("main code").first.inner_text()
    with visit(browser, service.url) as reading:
        reading.go("/desk/carriers")
        reading.page.fill("#key", secret)
        press(reading.page, "Sign in")
        assert reading.page.inner_text("h1") == "Carriers"
        assert reading.page.get_by_role("link", name="Register").count() == 0
        assert reading.page.get_by_role("link", name="Import").count() == 0
        admin.go("/desk/keys")
        page.get_by_role("link", name="Revoke the key of eva").click()
        press(page, "Revoke it")
        wait_until(lambda: signs_in(reading), 10, "the session ends with its key")


def signs_in(visiting: Visit) -> bool:
    """Whether the page has to ask who looks at it."""
    visiting.go("/desk/health")
    return visiting.page.inner_text("h1") == "Sign in"


def another_site_asks(visiting: Visit, service: Service) -> None:
    """A page of another site sends a form to the desk, in the browser that is signed in: nothing is
    done, and nobody is signed out. Its link leads to what it names."""
    form = f'<form method="post" action="{service.url}/desk/sign-out-everywhere">'
    link = f'<a href="{service.url}/desk/health">Health</a>'
    html = f"{form}<input name=form_token value=x><button>Win</button></form>{link}"
    address = "http://other.example/"
    visiting.page.route(address, lambda route: route.fulfill(body=html, content_type="text/html"))
    visiting.page.goto(address)
    press(visiting.page, "Win")
    assert "Nothing was done" in visiting.page.inner_text("main")
    visiting.page.goto(address)
    visiting.page.get_by_role("link", name="Health").click()
    visiting.page.get_by_role("heading", name="Health").wait_for()
    assert visiting.page.url.endswith("/desk/health")
    visiting.page.unroute(address)
