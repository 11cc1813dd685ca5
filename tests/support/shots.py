"""`make shots`: pictures of every screen of the desk into docs/images, of made-up carriers."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from playwright.sync_api import FilePayload

from tests.support.browser import Visit, chromium, visit
from tests.support.project import ROOT
from tests.support.service import Service, service_environment

FOLDER = ROOT / "docs/images"
HEIGHT = 800
_DARK = {"attention", "carriers", "carrier", "timeline", "pair", "review"}
"""Screens of which there is a dark picture as well."""


def main() -> None:
    """Fill a registry, serve it, and look at it."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = service_environment(folder)
        subprocess.run(
            [sys.executable, "-m", "app.cli", "demo"],
            cwd=folder,
            env={key: text for key, text in environment.items() if text is not None},
            check=True,
        )
        with Service(folder, LOG_DIR="") as service, chromium() as browser:
            for scheme in ("dark", "light"):
                with visit(browser, service.url, color_scheme=scheme, locale="en-GB") as visiting:
                    visiting.page.set_viewport_size({"width": 1280, "height": HEIGHT})
                    for screen in _screens(visiting, service, scheme):
                        if scheme == "light" or screen in _DARK:
                            path = FOLDER / f"{screen}-{scheme}.png"
                            visiting.page.screenshot(path=path)
                            print(path.relative_to(ROOT))


def _screens(visiting: Visit, service: Service, scheme: str) -> Iterator[str]:
    """Each screen by its name, once it is shown."""
    query = "/carriers?state=suspended&service=express&limit=2"
    carrier, other = service.ask("GET", query).json["data"]["carriers"]
    here, page = f"/desk/carriers/{carrier['carrier_id']}", visiting.page
    for screen, path in (
        ("attention", "/desk"),
        ("carriers", "/desk/carriers"),
        ("carrier", f"{here}?country=DE&service=express"),
        ("timeline", f"{here}/timeline?version=1"),
        ("register", "/desk/register-carrier"),
        ("health", "/desk/health"),
        ("findings", "/desk/findings"),
        ("keys", "/desk/keys"),
        ("sign-in", "/desk/sign-in"),
        ("duplicates", "/desk/duplicates"),
        ("pair", f"/desk/duplicates/{carrier['carrier_id']}/{other['carrier_id']}"),
        ("several", "/desk/several/suspend?" + "&".join(map(_ticked, (carrier, other)))),
    ):
        visiting.go(path)
        yield screen
    yield from _of_an_import(visiting, scheme)
    visiting.go(f"{here}/rename")
    page.fill("#f-name", f"{carrier['name']} Holding")
    page.click("text=Review")
    yield "review"
    name = {"name": f"{carrier['name']} Europe"}
    service.ask("POST", f"/carriers/{carrier['carrier_id']}/rename", name)
    page.get_by_role("button", name="Rename", exact=True).click()
    yield "conflict"
    if scheme == "light":  # the last one: from then on everybody needs a key
        visiting.go("/desk/keys")
        page.fill("#name", "ana")
        page.get_by_role("checkbox", name="Admin").check()
        page.click("text=Create it")
        yield "new-key"


def _of_an_import(visiting: Visit, scheme: str) -> Iterator[str]:
    """A plan with a row to be mended, and what was done."""
    rows = f"Northwind Cargo,{scheme}@northwind.example\nSouthwind Lines,office@southwind\n"
    file: FilePayload = {
        "name": "new.csv",
        "mimeType": "text/csv",
        "buffer": f"Name,E-Mail\n{rows}".encode(),
    }
    visiting.go("/desk/imports")
    visiting.page.set_input_files("#file", file)
    visiting.page.click("text=Show the plan")
    yield "import"
    visiting.page.click("text=Apply 1 row")
    yield "applied"


def _ticked(carrier: Mapping[str, str]) -> str:
    return f"carrier={carrier['carrier_id']}"


if __name__ == "__main__":
    main()
