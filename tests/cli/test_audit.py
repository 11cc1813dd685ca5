"""`carriers audit`: who changed what from what to what, from a shell."""

import csv
import io
from pathlib import Path

import pytest

from app.api.resources.audit_csv import COLUMNS
from app.application.feed import confirmed
from app.cli.errors import INVALID, NOT_FOUND, UNAVAILABLE
from app.cli.opened import actor_name
from tests.cli.shell import DONE, NOBODY, data, registered, run


def lines(*words: str) -> list[dict[str, str]]:
    """Of an audit, by the names of the columns."""
    result = run("audit", *words)
    assert result.exit_code == DONE, result.stderr
    return list(csv.DictReader(io.StringIO(result.stdout, newline="")))


def test_changes_are_listed() -> None:
    """As the API does: of all carriers, or of one, by actor and time."""
    first, second = registered(), data("register", "--name", "B", "--email", "b@x.example")
    data("rename", first, "--name", "New")
    found = lines()
    assert list(found[0]) == list(COLUMNS)
    assert {each["actor"] for each in found} == {actor_name()}
    *_, last = lines("--carrier", first)
    assert (last["event"], last["old"], last["new"]) == ("CarrierRenamed", "FedEx", "New")
    assert {each["carrier_id"] for each in found} == {first, second["carrier_id"]}
    assert lines("--actor", actor_name()) == found
    assert lines("--actor", "nobody") == lines("--to", "2020-01-01T00:00:00Z") == []
    assert lines("--from", "2020-01-01T00:00:00Z") == found


def test_a_file_is_written() -> None:
    """The same text as to stdout, in the place of what was there; only its owner reads it."""
    registered()
    text = run("audit").stdout_bytes
    assert run("audit", "all.csv").exit_code == DONE
    assert Path("all.csv").read_bytes() == text == run("audit", "-").stdout_bytes
    assert Path("all.csv").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--from", "yesterday"], INVALID, "Error: from: The from parameter must be a moment"),
        (
            ["--from", "2026-02-01T00:00:00Z", "--to", "2026-01-01T00:00:00Z"],
            INVALID,
            "Error: to: The to parameter must be a later moment than from",
        ),
        (["--carrier", "FedEx"], INVALID, "Error: carrier: The carrier parameter must be the id"),
        (["--carrier", NOBODY], NOT_FOUND, "Error: There is no carrier with this id"),
    ],
)
def test_what_is_wrong_is_told(
    empty_registry: None, words: list[str], code: int, said: str
) -> None:
    """In the words of the API, and nothing is written, wherever it would be."""
    for file in ("all.csv", "-"):
        result = run("audit", *words, file)
        assert (result.exit_code, result.stdout) == (code, "")
        assert result.stderr.startswith(said)
    assert not Path("all.csv").exists()


def test_a_restore_meanwhile_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of one registry and half of another are no audit: the former file stays."""
    registered()
    Path("all.csv").write_text("old")

    def renewed(*asked: object) -> object:
        assert run("feed", "renew", "--yes").exit_code == DONE
        return confirmed(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr("app.application.audit.audit.confirmed", renewed)
    result = run("audit", "all.csv")
    assert result.exit_code == UNAVAILABLE
    assert "restored from a backup meanwhile" in result.stderr
    assert Path("all.csv").read_text() == "old"
