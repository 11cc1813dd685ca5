"""Beside the way of the data: a real Chromium without a window, and what is measured in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, sync_playwright

from tests.support.processes import Unavailable, wait_until

_FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

_NOTE_VIOLATIONS = """
    globalThis.violations = [];
    addEventListener("securitypolicyviolation", (event) =>
        violations.push(`${event.effectiveDirective} ${event.blockedURI}`));
"""

_BROKEN_WORDS = r"""() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const broken = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        for (const {0: word, index} of node.data.matchAll(/[\p{L}\p{N}_]+/gu)) {
            const range = document.createRange();
            range.setStart(node, index);
            range.setEnd(node, index + word.length);
            const lines = new Set([...range.getClientRects()].map((each) => Math.round(each.top)));
            if (lines.size > 1) broken.push(word);
        }
    }
    return broken;
}"""

_SCROLLED_BY_MOUSE_ALONE = """() => [...document.querySelectorAll("body *")].filter((each) => {
    const {overflowX, overflowY} = getComputedStyle(each);
    const scrolls = (overflow, inner, outer) => /auto|scroll/.test(overflow) && inner > outer;
    return scrolls(overflowX, each.scrollWidth, each.clientWidth) ||
        scrolls(overflowY, each.scrollHeight, each.clientHeight);
}).filter((each) => each.tabIndex < 0 && !each.querySelector("a, button, input"))
    .map((each) => each.outerHTML.slice(0, 80))"""


_FOLDED = "main details:not([open])"
_FILLED = "[...document.querySelectorAll('main details[open]')].every((each) => each.children[1])"


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, closed at the end. Raises Unavailable without one."""
    path = shutil.which("chromium")
    if path is None:
        raise Unavailable("no chromium: install it (Debian: apt-get install chromium)")
    flags = [*_FLAGS, "--no-sandbox"] if os.geteuid() == 0 else _FLAGS
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """A page that is looked at, all that it asked for, and all that it complained of."""

    page: Page
    origin: str
    hosts: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        """Open the address and wait until it is filled."""
        self.page.goto("about:blank")
        self.page.goto(self.origin + path)
        self.until("!document.body.innerText.includes('Loading')")

    def until(self, expression: str, arg: object = None) -> None:
        """Wait until it is true. (playwright's own wait would need `unsafe-eval` in the page.)"""
        wait_until(lambda: self.page.evaluate(expression, arg), 10, expression)

    def unfold(self) -> None:
        """Open all that can be unfolded, and what that holds in turn."""
        while self.page.locator(_FOLDED).count():
            self.page.eval_on_selector_all(
                _FOLDED, "(all) => all.forEach((d) => { d.open = true; })"
            )
            # The browser tells the page of it a little later, which fills some of them then.
            self.until(_FILLED)

    def origins(self) -> set[str]:
        """Where all that was asked for is."""
        return {f"http://{host}" for host in self.hosts - {""}}

    def violations(self) -> list[str]:
        """What the page's policy has kept from it."""
        found: list[str] = self.page.evaluate("violations")
        return found

    def broken_words(self) -> list[str]:
        """Words that begin in one line and end in another."""
        found: list[str] = self.page.evaluate(_BROKEN_WORDS)
        return found

    def scrolled_by_mouse_alone(self) -> list[str]:
        """Scroll areas that the keyboard does not reach."""
        found: list[str] = self.page.evaluate(_SCROLLED_BY_MOUSE_ALONE)
        return found

    def overflows(self) -> bool:
        """Whether the page is wider than the window."""
        wide: bool = self.page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
        return wide

    def barriers(self, *rules: str) -> list[str]:
        """What axe finds fault with, its advice on good practice included; by these rules alone, if
        any are named."""
        options = {"runOnly": list(rules)} if rules else None
        found = Axe().run(self.page, options=options).response["violations"]
        return [f"{each['id']}: {each['nodes'][0]['html'][:120]}" for each in found]

    def _asked(self, request: Request) -> None:
        self.hosts.add(urlsplit(request.url).netloc)


@contextmanager
def visit(browser: Browser, origin: str, width: int = 1280, **options: Any) -> Iterator[Visit]:  # noqa: ANN401 - playwright's own
    """A new window of this width, with playwright's options: `color_scheme`, for example."""
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    context.add_init_script(_NOTE_VIOLATIONS)
    page = context.new_page()
    visiting = Visit(page, origin)
    page.on("request", visiting._asked)
    page.on("console", lambda message: visiting.complaints.append(message.text))
    page.on("pageerror", lambda error: visiting.complaints.append(str(error)))
    try:
        yield visiting
    finally:
        context.close()


class Tabs:
    """Tabs of a window: one of them is seen, and the others are hidden. Nothing else can be done
    with them: playwright keeps every page that it drives visible, and does not drive these."""

    def __init__(self, browser: Browser) -> None:
        self._protocol = browser.new_browser_cdp_session()
        self._window = self._protocol.send("Target.createBrowserContext")

    def open(self, address: str) -> str:
        """The id of a new tab at this address, which is seen."""
        opened = self._protocol.send("Target.createTarget", {**self._window, "url": address})
        self.show(opened["targetId"])
        return str(opened["targetId"])

    def show(self, tab: str) -> None:
        """See this tab, and hide the one that was seen."""
        self._protocol.send("Target.activateTarget", {"targetId": tab})

    def close(self) -> None:
        """Close all of them."""
        self._protocol.send("Target.disposeBrowserContext", self._window)
        self._protocol.detach()
