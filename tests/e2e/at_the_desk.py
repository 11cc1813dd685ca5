"""What the tests of the desk do beside a page, as programs, and on it, as people."""

from typing import Any

from playwright.sync_api import FilePayload, Page

from tests.support.processes import wait_until
from tests.support.service import Service


def register(service: Service, email: str, name: str = "Gamma Trans", **more: Any) -> str:  # noqa: ANN401
    """The id of a new carrier."""
    body = {"name": name, "email": email, **more}
    answer = service.ask("POST", "/register-carrier", body)
    assert answer.status == 201, answer.body
    return str(answer.json["data"]["carrier_id"])


def command(service: Service, carrier_id: str, name: str, body: object) -> None:
    """Change the carrier as a program does."""
    assert service.ask("POST", f"/carriers/{carrier_id}/{name}", body).status == 200


def listed(service: Service, carrier_id: str) -> None:
    """Wait until the lists hold the carrier."""
    wait_until(
        lambda: carrier_id in service.ask("GET", "/carriers?limit=100").body.decode(), 10, ""
    )


def events(service: Service, carrier_id: str) -> list[str]:
    """The types of the carrier's events."""
    history = service.ask("GET", f"/carriers/{carrier_id}/history").json["data"]["events"]
    return [each["type"] for each in history]


def csv(rows: str) -> FilePayload:
    """A file of names and addresses, to be chosen."""
    return {
        "name": "carriers.csv",
        "mimeType": "text/csv",
        "buffer": f"Name,Email\n{rows}".encode(),
    }


def press(page: Page, name: str) -> None:
    """A button of this name, and wait for the page behind it."""
    with page.expect_navigation():
        page.get_by_role("button", name=name, exact=True).click()


def insist(page: Page) -> None:
    """Somebody was faster and called the carrier Theirs: keep Mine."""
    assert page.get_by_text("Theirs", exact=True).count() > 1
    page.check("input[value=mine]")
    press(page, "Review again")
    press(page, "Rename")
    assert page.inner_text("h1") == "Mine"
