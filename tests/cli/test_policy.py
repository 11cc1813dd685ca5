"""`carriers policy`: what it shows, how a policy is adopted from a file, and how it exits."""

import json
from pathlib import Path

import pytest

from app.cli.errors import INVALID, NOT_FOUND, REFUSED, STALE
from tests.cli.shell import DONE, data, registered, run
from tests.support.policies import NOTHING, policy, requires

INSURED = policy(requires(service="express", minimum=(100_000, "EUR")))


def written(body: object) -> str:
    """The name of a file that holds it."""
    Path("policy.json").write_text(json.dumps(body))
    return "policy.json"


@pytest.mark.usefixtures("empty_registry")
def test_the_default_is_shown() -> None:
    """For people and for programs."""
    assert data("policy", "show") == {"version": 0, "adopted_at": None, "policy": NOTHING}
    assert run("policy", "show").stdout.split() == ["version", "0", "approval_required", "false"]


def test_a_policy_is_adopted_from_a_file() -> None:
    """And shown, as it is and as it was; its history says who."""
    assert data("policy", "adopt", written(INSURED)) == {"version": 1}
    shown = data("policy", "show")
    assert (shown["version"], shown["policy"]) == (1, INSURED)
    assert data("policy", "adopt", written(NOTHING), "--if-version", "1") == {"version": 2}
    assert data("policy", "show", "--version", "1")["policy"] == INSURED
    assert data("policy", "show", "--version", "0")["policy"] == NOTHING
    first, second = data("policy", "history")["events"]
    assert (first["version"], second["version"]) == (1, 2)
    assert first["who"].startswith("cli:")
    page = run("policy", "history", "--limit", "1").stdout
    assert "PolicyAdopted" in page
    assert "There is more: --after 1" in page
    assert run("policy", "show", "--version", "3").exit_code == NOT_FOUND


def test_a_dry_run_writes_nothing() -> None:
    """It says what would change."""
    result = run("policy", "adopt", written(INSURED), "--dry-run")
    assert result.exit_code == DONE
    assert "nothing was written" in result.stdout
    assert "state" not in result.stdout.split()
    assert "looked at              0 active carriers\n" in result.stdout
    assert data("policy", "show")["version"] == 0


def test_a_dry_run_says_whom_it_would_cost_work() -> None:
    """By the carriers that are there, without a service that keeps the view."""
    registered("contact@fedex.com", "--coverage", "express:DE")
    lines = run("policy", "adopt", written(INSURED), "--dry-run").stdout.splitlines()
    assert "looked at              1 active carriers" in lines
    assert "would become eligible  0" in lines
    assert "would cease to be      1 (cargo-insurance 1)" in lines
    plan = data("policy", "adopt", written(INSURED), "--dry-run")
    assert plan["effect"]["cease"] == {"carriers": 1, "by_reason": {"cargo-insurance": 1}}


def test_a_policy_that_was_not_seen_is_not_replaced() -> None:
    """Version 0 is that of no policy."""
    assert run("policy", "adopt", written(INSURED), "--if-version", "0").exit_code == DONE
    result = run("policy", "adopt", written(NOTHING), "--if-version", "0")
    assert result.exit_code == STALE
    assert "The policy is at version 1, not at the one of --if-version" in result.stderr


def test_a_key_is_one_adoption() -> None:
    """Sent again it is the first answer; for another policy it is refused."""
    key = ("--idempotency-key", "k")
    assert data("policy", "adopt", written(INSURED), *key) == {"version": 1}
    data("policy", "adopt", written(NOTHING))
    assert "it had been done before" in run("policy", "adopt", written(INSURED), *key).stdout
    assert run("policy", "adopt", written(NOTHING), *key).exit_code == REFUSED
    assert data("policy", "show")["version"] == 2


def test_a_backup_has_the_policy() -> None:
    """What was adopted after the copy is gone with it, as a carrier would be."""
    run("policy", "adopt", written(INSURED))
    run("backup", "copy.sqlite3")
    run("policy", "adopt", written(NOTHING))
    assert run("restore", "copy.sqlite3", "--yes", "--replace").exit_code == DONE
    shown = data("policy", "show")
    assert (shown["version"], shown["policy"]) == (1, INSURED)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "policy.json is not valid JSON"),
        ("[]", "policy.json is no JSON object"),
        ("{}", "requirements: The requirements field is required"),
        (json.dumps({**NOTHING, "approval_required": 1}), "approval_required: The approval_"),
    ],
)
def test_a_file_that_holds_no_policy(text: str, sentence: str) -> None:
    """The sentence says what is wrong, and nothing is made."""
    Path("policy.json").write_text(text)
    result = run("policy", "adopt", "policy.json")
    assert result.exit_code == INVALID
    assert sentence in result.stderr
    assert not Path("var").exists()
