"""The pages for people in a real browser, served by the service as an operator runs it."""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from app.application.ports.keys import Scope
from app.infrastructure.sqlite.keys import SqliteKeyStore
from tests.support.browser import Visit, visit
from tests.support.keys import add_key
from tests.support.measurements import IS_FULL
from tests.support.service import Service

REPRESENTATIVE = (
    "/",
    "/docs",
    "/docs#register_carrier",
    "/docs#list_events",
    "/docs#problems",
    "/docs#problem-stale-version",
    "/docs#schemas",
    "/docs#schema-Carrier",
    "/docs#nothing-of-this-name",
)
ANSWERED = "/docs#list_events"
"""Of these the one whose request is sent."""
SEND = ".try .buttons button"
SCHEMES = ("light", "dark")
# A window of 1280 px at 200 % has room for 640.
WINDOWS = ({"width": 1280}, {"width": 320}, {"width": 640, "device_scale_factor": 2})
NASTY = r'''<img src=x onerror="alert(1)"> 'O\'' """three""" $KEY `id` ö'''
STORED = """async () => [
    localStorage.length, sessionStorage.length, document.cookie,
    (await indexedDB.databases()).length, (await caches.keys()).length,
]"""
"""How much of each kind the browser keeps of the page."""
SEEN = list(itertools.product(SCHEMES, WINDOWS))
"""Each scheme in each window; in a short run a wide light one and a narrow dark one."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the service works."""
    return tmp_path_factory.mktemp("service")


@pytest.fixture(scope="module")
def key(folder: Path) -> str:
    """The only API key that the service has."""
    keys = SqliteKeyStore(folder / "var/events.sqlite3")
    return add_key(keys, "docs", Scope.READ, Scope.REGISTER)


@pytest.fixture(scope="module")
def service(folder: Path, key: str) -> Iterator[Service]:
    """A service that asks for a key."""
    with Service(folder, WORKERS="1") as started:
        yield started


@pytest.fixture(scope="module")
def origin(service: Service) -> str:
    """Where the service is."""
    return service.url


@pytest.fixture
def desk(browser: Browser, origin: str) -> Iterator[Visit]:
    """A window of 1280 px."""
    with visit(browser, origin) as visiting:
        yield visiting


def all_views(desk: Visit) -> list[str]:
    """The names of all that the contents of /docs lead to."""
    desk.go("/docs")
    names: list[str] = desk.page.eval_on_selector_all(
        "#contents a", "(all) => all.map((a) => a.hash)"
    )
    assert len(names) > 60
    return names


def press_send(desk: Visit, expected: str) -> str:
    """Send what is filled in, wait for this beginning of what is said, and give all of it."""
    desk.page.keyboard.press("Enter")
    said = "document.querySelector('.try [role=status]').innerText"
    desk.until(f"(expected) => {said}.startsWith(expected) && !{said}.includes('…')", expected)
    return desk.page.inner_text(".try [role=status]")


def run(*command: str, key: str) -> str:
    """What a copied text prints, with the key beside it in $KEY."""
    environment = {**os.environ, "KEY": key}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=20, check=True
    ).stdout


def test_every_view_is_whole_at_1280_px(desk: Visit) -> None:
    """No word is broken, no backtick is left raw, nothing is empty, undefined or too wide, and no
    view is longer than what somebody reads in one go."""
    for name in all_views(desk)[:: 1 if IS_FULL else 6]:
        desk.page.evaluate("(name) => { location.hash = name; }", name)
        desk.until(
            "(name) => document.querySelector('#contents a[aria-current]')?.hash === name", name
        )
        assert desk.page.evaluate("document.documentElement.scrollHeight") < 8_000, name
        desk.unfold()
        text = desk.page.inner_text("main")
        assert desk.broken_words() == [], name
        assert not any(each in text for each in ("`", "**", "undefined", "[object")), name
        assert not desk.overflows(), name
        assert desk.page.locator("main :is(th, dt, h1, h2, h3):empty").count() == 0, name
    assert desk.complaints == []


@pytest.mark.parametrize(("scheme", "window"), SEEN if IS_FULL else [SEEN[0], SEEN[4]])
def test_there_are_no_barriers(
    browser: Browser, origin: str, key: str, scheme: str, window: dict[str, int]
) -> None:
    """axe finds nothing in light and dark, on a desk, on a small telephone and at 200 %, in a form
    and its answer either; nothing is wider than the window or can be scrolled by mouse alone; the
    policy is broken nowhere and nothing is asked of another host."""
    with visit(browser, origin, color_scheme=scheme, **window) as visiting:
        for path in REPRESENTATIVE:
            visiting.go(path)
            assert visiting.violations() == [], path
            if path != "/":
                visiting.unfold()
            if path == ANSWERED:
                visiting.page.fill(".key", key)
                press_send(visiting, "200")
            assert not visiting.overflows(), path
            assert visiting.barriers() == [], path
            assert visiting.scrolled_by_mouse_alone() == [], path
        assert visiting.origins() == {origin}
        assert visiting.complaints == []


def test_colours_are_as_the_system_wants_them(browser: Browser, origin: str) -> None:
    """Dark on light, or light on dark."""
    shades = []
    for scheme in SCHEMES:
        with visit(browser, origin, color_scheme=scheme) as visiting:
            visiting.go("/docs")
            shades.append(visiting.page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert shades == ["rgb(255, 255, 255)", "rgb(20, 24, 27)"]


def test_one_operation_is_shown_at_a_time(desk: Visit) -> None:
    """A link to an operation shows that one alone, says so to who does not see it, and is where
    the reader goes on from."""
    desk.go("/docs")
    desk.page.click("#contents a[href='#rename']")
    assert desk.page.inner_text("h1") == "Give a carrier another name"
    assert desk.page.title().startswith("Give a carrier another name")
    assert desk.page.text_content(".request") == "POST /carriers/{carrier_id}/rename"
    assert desk.page.locator("#contents a[aria-current=page]").count() == 1
    assert desk.page.evaluate("document.activeElement.id") == "content"
    assert desk.page.evaluate("document.documentElement.scrollHeight") < 6_000
    desk.page.go_back()
    assert desk.page.inner_text("h1") == "Distributing Carriers"


def test_what_a_problem_says_leads_to_its_explanation(desk: Visit) -> None:
    """`type` of application/problem+json is such a link."""
    desk.go("/docs#problem-key-reused")
    assert desk.page.inner_text("h1") == "Key reused"
    assert desk.page.is_visible("#contents a[href='#problem-key-reused']")


def test_the_filter_finds_what_is_typed(desk: Visit) -> None:
    """In paths, names of parameters and errors; Enter goes to the first, Escape shows all again."""
    desk.go("/docs")
    all_of_them = desk.page.locator("#contents li:visible").count()
    desk.page.keyboard.press("Control+k")
    desk.page.keyboard.type("change-em")
    assert desk.page.locator("#contents li:visible").count() == 1
    assert desk.page.inner_text("#found") == "1 found"
    assert desk.barriers() == []
    desk.page.keyboard.press("Enter")
    desk.until("location.hash === '#change_email'")
    desk.page.fill("#filter", "stale")
    assert desk.page.is_visible("#contents a[href='#problem-stale-version']")
    desk.page.fill("#filter", "xyzzy")
    assert desk.page.inner_text("#found") == "Nothing found"
    desk.page.press("#filter", "Escape")
    assert desk.page.locator("#contents li:visible").count() == all_of_them


def test_the_keyboard_skips_the_contents(desk: Visit) -> None:
    """The first stop leads past them, and the address stays."""
    desk.go("/docs#rename")
    desk.page.keyboard.press("Tab")
    assert desk.page.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert desk.page.locator(".skip").bounding_box()["y"] >= 0  # type: ignore[index]
    desk.page.keyboard.press("Enter")
    assert desk.page.evaluate("document.activeElement.id") == "content"
    assert desk.page.url.endswith("#rename")


def test_links_in_text_are_underlined(desk: Visit) -> None:
    """Colour alone tells nothing to who does not see it."""
    for path in ("/", "/docs#register_carrier", "/docs#problems"):
        desk.go(path)
        lines = desk.page.eval_on_selector_all(
            "main a", "(all) => all.map((a) => getComputedStyle(a).textDecorationLine)"
        )
        assert set(lines) == {"underline"}, path


def test_on_a_telephone_the_contents_open_on_demand(browser: Browser, origin: str) -> None:
    """And close again when something was chosen."""
    with visit(browser, origin, 320) as visiting:
        visiting.go("/docs")
        assert not visiting.page.is_visible("#contents")
        visiting.page.click("#menu")
        assert visiting.barriers() == []
        visiting.page.click("#contents a[href='#rename']")
        assert not visiting.page.is_visible("#contents")


@pytest.mark.parametrize(
    ("path", "selector"), [("/docs#register_carrier", ".sample code"), ("/", "pre")]
)
def test_the_line_for_a_shell_can_be_pasted(
    desk: Visit, key: str, path: str, selector: str
) -> None:
    """It names this service, and works, with the key that the page tells to add."""
    desk.go(path)
    line = desk.page.locator(selector).first.inner_text()
    line = line.replace("contact@", f"{selector[0]}@" if selector == "pre" else "docs@")
    curl = 'curl -si --max-time 10 -H "Authorization: Bearer $KEY"'
    assert run("/bin/sh", "-c", line.replace("curl -i", curl), key=key).startswith("HTTP/1.1 201")


def test_a_request_is_tried_with_a_key(desk: Visit, service: Service, key: str) -> None:
    """What is filled in is sent and answered, as text; the lines for a shell and for Python do the
    same with the key from their environment; the browser keeps none of it."""
    page = desk.page
    desk.go("/docs#register_carrier")
    page.click("text=Try it")
    page.focus(SEND)
    assert "key with the scope register" in press_send(desk, "401")
    page.fill(".key", key)
    press_send(desk, "201")
    assert '"success": true' in page.inner_text(".try section")
    events = service.events()
    body = {"name": NASTY, "email": "nasty@fedex.com"}
    page.fill("textarea", json.dumps(body, ensure_ascii=False, indent=1))
    page.check("text=dry_run")
    press_send(desk, "200")
    assert json.dumps(NASTY, ensure_ascii=False) in page.inner_text(".try section")
    assert service.events() == events
    shell, python = page.locator(".try ~ details pre").all_text_contents()[:2]
    assert "HTTP/1.1 200" in run("/bin/sh", "-c", shell.replace("curl", "curl -s"), key=key)
    assert "200 OK" in run(sys.executable, "-c", python, key=key)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.click("summary:text-is('Python')")
    page.click("[aria-label='Copy: Python']")
    page.fill("textarea", "")
    page.keyboard.press("Control+v")
    assert page.input_value("textarea") == python
    assert page.evaluate(STORED) == [0, 0, "", 0, 0]
    page.evaluate("location.hash = 'rename'")
    desk.until("document.querySelector('h1').textContent.startsWith('Give')")
    assert page.input_value(".key") == key
    assert key not in shell + python + page.content()
    desk.go("/docs#rename")
    assert page.input_value(".key") == ""
    assert desk.violations() == []
    assert [each for each in desk.complaints if "401" not in each] == []


def test_an_example_of_the_body_is_chosen(desk: Visit) -> None:
    """Of several: what is sent, and the line for a shell, are of the one that is chosen."""
    desk.go("/docs#register_carrier")
    desk.page.click("text=Try it")
    assert json.loads(desk.page.input_value("textarea")).keys() == {"name", "email"}
    choice = desk.page.locator("label:has-text('Example of the body') select")
    choice.select_option("full")
    text = desk.page.input_value("textarea")
    assert "coverage" in json.loads(text)
    assert text in (desk.page.text_content(".try ~ details pre") or "")
    desk.go("/docs#rename")
    assert choice.count() == 0


def test_an_answer_is_shown_number_for_number(desk: Visit) -> None:
    """As the service has written it, laid out to be read; no double holds these numbers."""
    body = r'{"a":[9007199254740993, 0.10000000000000000001,{ },[ ]],"b":"\u00f6\\\"{","c":null}'
    desk.page.route("**/events*", lambda route: route.fulfill(body=body))
    desk.go(ANSWERED)
    desk.page.click("text=Try it")
    desk.page.focus(SEND)
    press_send(desk, "200")
    assert desk.page.inner_text(".try section pre").splitlines() == [
        "{",
        '  "a": [',
        "    9007199254740993,",
        "    0.10000000000000000001,",
        "    {},",
        "    []",
        "  ],",
        '  "b": "ö\\\\\\"{",',
        '  "c": null',
        "}",
    ]


def test_a_page_that_cannot_be_filled_says_so(desk: Visit) -> None:
    """In one sentence, with what was answered."""
    desk.page.route("**/openapi.json", lambda route: route.fulfill(status=503, body="{}"))
    desk.go("/docs")
    assert "openapi.json answers 503" in desk.page.inner_text("main")


def test_a_document_that_says_less_is_shown_as_well(desk: Visit) -> None:
    """Without tags, summaries, schemas or keys, and with what this page knows nothing of."""
    items = {"type": "array", "items": {"anyOf": [{"const": 1}, {"not": {}}]}}
    path = {
        "servers": [{"url": "/"}],
        "get": {
            "security": [{}, {"key": []}],
            "parameters": [{"name": "n", "in": "cookie"}, {"name": "m", "in": "query"}],
            "responses": {
                "200": {"description": "ok", "content": {"application/json": {"schema": items}}},
                "default": {"description": "an error"},
            },
        },
    }
    document = {"openapi": "3.1.0", "info": {"title": "Small"}, "paths": {"/a/{b}": path}}
    desk.page.route("**/openapi.json", lambda route: route.fulfill(json=document))
    desk.go("/docs")
    desk.page.click("#contents li a")
    assert desk.page.inner_text("h1") == "get /a/{b}"
    assert "list of" in desk.page.inner_text("main")
    assert "an error" in desk.page.inner_text("main")
    desk.page.evaluate("location.hash = '#problems'")
    desk.until("document.querySelector('h1').textContent === 'Errors'")
    assert desk.complaints == []
