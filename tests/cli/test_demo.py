"""`carriers demo`: an empty registry is filled, any other is left as it is."""

from datetime import UTC, datetime
from pathlib import Path
from time import process_time

import pytest
from click.testing import CliRunner

from app import create_app
from app.application.deadline import Deadline
from app.application.made_up import CARRIERS, DAYS, deeds
from app.bootstrap import build_services
from app.cli import main
from config.settings import Settings


def test_deeds_are_the_same_for_one_seed() -> None:
    """And begin two years ago at most."""
    now = datetime(2026, 1, 31, tzinfo=UTC)
    done = deeds(now)
    assert done == deeds(now)
    assert done != deeds(now, seed=2)
    assert len({each.number for each in done} - {None}) == CARRIERS
    assert all(0 <= (now - each.moment).days <= DAYS for each in done)


def test_an_empty_registry_is_filled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With carriers in every state, events of the past, and something of all that waits for people,
    in seconds."""
    path = tmp_path / "demo.sqlite3"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SQLITE_PATH", str(path))
    began = process_time()
    done = CliRunner().invoke(main, ["demo"])
    assert process_time() - began < 30
    assert done.exit_code == 0, done.output
    services = build_services(Settings(sqlite_path=path))
    try:
        counts = services.directory.counts(Deadline.after(20))
        head = services.feed.head(Deadline.after(5))
        browser = create_app(Settings(sqlite_path=path), services).test_client()
        page = browser.get("/desk").text
    finally:
        services.close()
    for heading in (
        "Changes that wait for a second person",
        "Not decided on yet",
        "Without cargo insurance",
        "Documents that end within 30 days",
        "Suspended",
        "Incidents in the last 30 days",
    ):
        assert f"<h2>{heading}</h2>" in page
    assert counts["total"] == CARRIERS
    assert all(counts[f"state:{state}"] > 3 for state in ("active", "suspended", "retired"))
    assert len([key for key in counts if key.startswith("registered:")]) > 50
    again = CliRunner().invoke(main, ["demo"])
    assert again.exit_code == 4
    assert "is not empty" in again.output
    services = build_services(Settings(sqlite_path=path), follows=False)
    try:
        assert services.feed.head(Deadline.after(5)) == head
    finally:
        services.close()
