"""The commands on carriers: what each does, what it prints, and how it exits."""

import json
import os
import pwd
import re
from typing import Any

import pytest

from app.api.schemas.commands import body_schema
from app.cli.carriers import COMMANDS
from app.cli.errors import (
    INVALID,
    NOT_FOUND,
    REFUSED,
    STALE,
)
from app.cli.output import aligned
from app.domain.command import Declaration
from app.domain.declarations import DECLARATIONS
from tests.cli.shell import (
    CHANGES,
    NOBODY,
    PROFILE,
    PROFILE_OPTIONS,
    data,
    registered,
    run,
    version_of,
)

ME = f"cli:{pwd.getpwuid(os.getuid()).pw_name}"


@pytest.fixture(autouse=True)
def logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under a name that the environment made up, which counts for nothing."""
    monkeypatch.setenv("LOGNAME", "somebody-else")


def test_a_carrier_is_registered_with_all_that_is_known_of_it() -> None:
    """The options come to what the API's body would."""
    carrier_id = registered("contact@fedex.com", *PROFILE_OPTIONS)
    shown = data("show", carrier_id)
    assert {part: shown[part] for part in PROFILE} == PROFILE
    assert (shown["name"], shown["email"]) == ("FedEx", "contact@fedex.com")


@pytest.mark.parametrize("declaration", DECLARATIONS, ids=lambda each: each.name)
def test_every_field_of_the_api_has_an_option(declaration: Declaration) -> None:
    """Every command that is declared is there, and a field that the API gains is not missing."""
    by_name = {command.name: command for command in COMMANDS}
    names = {param.name for param in by_name[declaration.name].params}
    assert set(body_schema(declaration)().fields) <= names


@pytest.mark.parametrize(("words", "expected"), CHANGES)
def test_a_carrier_is_changed(words: list[str], expected: dict[str, Any]) -> None:
    """The answer is the API's; the carrier is as it was told to be."""
    carrier_id = registered()
    answer = data(words[0], carrier_id, *words[1:])
    assert answer == {
        "carrier_id": carrier_id,
        "version": 2,
        "state": expected.get("state", "active"),
    }
    shown = data("show", carrier_id)
    assert {field: shown[field] for field in expected} == expected


@pytest.mark.parametrize("reason", [[], ["--reason", "Insured again"]])
def test_a_suspended_carrier_is_reinstated(reason: list[str]) -> None:
    """With a reason or without."""
    carrier_id = registered()
    data("suspend", carrier_id, "--reason", "No insurance")
    assert data("reinstate", carrier_id, *reason)["state"] == "active"


def test_parts_of_a_profile_are_removed() -> None:
    """Any of them; those that are not named stay."""
    carrier_id = registered("contact@fedex.com", *PROFILE_OPTIONS)
    for part in PROFILE:
        data("update-profile", carrier_id, "--unset", part)
        assert not data("show", carrier_id)[part]
    assert data("show", carrier_id)["name"] == "FedEx"


@pytest.mark.parametrize(("words", "expected"), CHANGES)
def test_a_dry_run_writes_nothing(words: list[str], expected: dict[str, Any]) -> None:
    """It says what it would write, to programs and to people."""
    carrier_id = registered()
    command = [words[0], carrier_id, *words[1:], "--dry-run", "--idempotency-key", "k"]
    plan = data(*command)
    assert (plan["dry_run"], plan["version"], len(plan["events"])) == (True, 2, 1)
    assert {change["field"]: change["to"] for change in plan["changes"]} == expected
    lines = run(*command).stdout.splitlines()
    assert lines[0] == "dry run  nothing was written"
    assert any(plan["events"][0]["type"] in line for line in lines)
    assert version_of(carrier_id) == 1


def test_a_dry_run_of_a_registration() -> None:
    """The address stays free."""
    plan = data("register", "--name", "A", "--email", "a@fedex.com", "--dry-run")
    assert [event["type"] for event in plan["events"]] == ["CarrierRegistered"]
    registered("a@fedex.com")


def test_what_is_sent_twice_with_one_key_is_done_once() -> None:
    """The first answer comes again, and people are told so; the order of options says nothing."""
    words = ["--name", "A", "--email", "a@fedex.com", "--alias", "B", "--idempotency-key", "k"]
    first = data("register", *words)
    again = ["--idempotency-key", "k", "--alias", "B", "--email", "a@fedex.com", "--name", "A"]
    assert data("register", *again) == first
    assert "it had been done before" in run("register", *words).stdout
    rename = ["rename", first["carrier_id"], "--name", "C", "--idempotency-key", "k2"]
    assert data(*rename) == data(*rename)
    assert version_of(first["carrier_id"]) == 3


def test_a_key_stands_for_one_command() -> None:
    """Another one with it is refused."""
    carrier_id = registered()
    data("rename", carrier_id, "--name", "A", "--idempotency-key", "k")
    result = run("rename", carrier_id, "--name", "B", "--idempotency-key", "k")
    assert result.exit_code == REFUSED
    assert "used for another command" in result.stderr
    assert version_of(carrier_id) == 2


def test_a_change_of_what_was_seen() -> None:
    """At the version it is done; at another it is not, and what has happened since is told."""
    carrier_id = registered()
    data("rename", carrier_id, "--name", "A", "--if-version", "1")
    result = run("rename", carrier_id, "--name", "B", "--if-version", "1")
    assert (result.exit_code, result.stdout) == (STALE, "")
    sentence, heading, event = result.stderr.splitlines()
    assert sentence == "Error: The carrier is at version 2, not at the one of --if-version"
    assert heading.startswith("VERSION")
    assert event.endswith("CarrierRenamed  name: FedEx → A")
    ahead = run("rename", carrier_id, "--name", "B", "--if-version", "9")
    assert (ahead.exit_code, len(ahead.stderr.splitlines())) == (STALE, 1)


def test_a_carrier_is_shown_to_people() -> None:
    """A field a line, an entry of a list a line, in the form of the options; no unset ones."""
    carrier_id = registered("contact@fedex.com", *PROFILE_OPTIONS)
    rows = [line.split(maxsplit=1) for line in run("show", carrier_id).stdout.splitlines()]
    assert ["carrier_id", carrier_id] in rows
    assert ["aliases", "東京"] in rows
    assert ["identifiers", "scac:FDEG"] in rows
    assert ["identifiers", json.dumps(PROFILE["identifiers"][1])] in rows
    assert ["coverage", "parcel:DE,FR"] in rows
    assert ["metadata", '{"tier": 1}'] in rows
    assert "reason" not in {name for name, _ in rows}


def test_a_carrier_is_shown_as_it_was() -> None:
    """At a version and at a moment."""
    carrier_id = registered()
    data("rename", carrier_id, "--name", "A")
    then = data("history", carrier_id)["events"][0]["at"]
    assert data("show", carrier_id, "--version", "1")["name"] == "FedEx"
    assert data("show", carrier_id, "--at", then)["carrier_id"] == carrier_id
    assert data("show", carrier_id, "--at", "2100-01-01T00:00:00+01:00")["name"] == "A"


def test_what_happened_is_listed() -> None:
    """A page at a time, with who did it and what it changed."""
    carrier_id = registered("contact@fedex.com", "--phone", "+498912345678")
    data("update-profile", carrier_id, "--unset", "phone", "--alias", "A", "--alias", "B")
    page = data("history", carrier_id, "--limit", "2")
    assert (page["next"], [event["version"] for event in page["events"]]) == (2, [1, 2])
    rest = data("history", carrier_id, "--after", "2")
    assert (rest["next"], [event["who"] for event in rest["events"]]) == (None, [ME])
    *lines, more = run("history", carrier_id, "--limit", "2").stdout.splitlines()
    assert lines[0].split() == ["VERSION", "AT", "WHO", "EVENT", "CHANGES"]
    assert more == "There is more: --after 2"
    last = run("history", carrier_id, "--after", "2").stdout.splitlines()[-1]
    assert last.endswith("phone: +498912345678 → none; aliases: A, B")


def test_who_has_no_name_is_known_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs as a user without a name."""
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    assert data("history", registered())["events"][0]["who"] == "cli:54321"


def test_columns_stay_aligned() -> None:
    """Wide and combining characters included; what could steer a terminal is made visible."""
    assert aligned([("東京", "x"), ("e\u0301", "y"), ("\x1b[31m", "z"), ("\u202e", "")]) == [
        "東京      x",
        "e\u0301         y",
        "\\x1b[31m  z",
        "\\u202e",
    ]


def test_an_incident_is_noted_and_listed() -> None:
    """History shows what it says, as it changes no field; the list's filter finds the carrier."""
    carrier_id = registered()
    words = ("--kind", "late", "--happened-on", "2025-01-31", "--note", "A day late")
    assert data("note-incident", carrier_id, *words)["version"] == 2
    shown = run("history", carrier_id).stdout.splitlines()[-1]
    assert shown.endswith("kind: late; happened_on: 2025-01-31; note: A day late")
    assert len(data("list", "--incidents-since", "2025-01-31")["carriers"]) == 1
    assert data("list", "--incidents-since", "2025-02-01")["carriers"] == []


def test_an_incident_of_tomorrow_is_an_invalid_value() -> None:
    """As any other field that breaks a rule, though only the decision can tell."""
    words = ("--kind", "late", "--happened-on", "9999-12-31", "--note", "A day late")
    result = run("note-incident", registered(), *words)
    assert result.exit_code == INVALID
    assert result.stderr == "Error: happened_on: The happened_on must not be in the future\n"


COVER = (
    *("file-document", "--kind", "cargo-insurance", "--number", "CI-2026-17"),
    *("--issuer", "Example plc", "--valid-from", "2026-01-01", "--valid-to", "2026-12-31"),
)


def _to(carrier_id: str, command: tuple[str, ...]) -> tuple[str, ...]:
    name, *words = command
    return (name, carrier_id, *words)


def test_documents_are_filed_replaced_withdrawn_and_listed() -> None:
    """A line each, with whether it holds on the day and what became of it."""
    carrier_id = registered()
    data(*_to(carrier_id, COVER), "--limit", "1000000 EUR")
    renewal = ("--document-id", "1", "--number", "CI-2027-4", "--issuer", "Example plc")
    data("replace-document", carrier_id, *renewal, "--valid-from", "2027-01-01")
    data(*_to(carrier_id, COVER), "--number", "CI-0")
    data("withdraw-document", carrier_id, "--document-id", "3", "--reason", "Forged")
    heading, *lines = run("documents", carrier_id, "--on", "2026-12-31").stdout.splitlines()
    assert "HOLDS ON 2026-12-31" in heading
    assert [line.split()[0] for line in lines] == ["1", "2", "3"]
    assert "1000000 EUR" in lines[0]
    assert lines[0].endswith("yes                  replaced by 2")
    assert lines[1].endswith("no                   -")
    assert lines[2].endswith("no                   withdrawn: Forged")
    told = data("documents", carrier_id, "--on", "2027-01-01", "--version", "3")
    assert [each["holds"] for each in told["documents"]] == [False, True]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--limit", "1000000"), "It must be written amount currency, with a space between"),
        (("--limit", "1000000 EURO"), "limit.currency: The currency must be an ISO 4217 code"),
        (("--valid-to", "2025-12-31"), "valid_to: The valid_to must not be before"),
    ],
)
def test_a_document_that_breaks_a_rule_is_refused(words: tuple[str, ...], said: str) -> None:
    """With what is wrong, as the API has it."""
    result = run(*_to(registered(), COVER), *words)
    assert result.exit_code == INVALID
    assert said in " ".join(result.stderr.split())


def test_the_documents_of_nobody_are_not_found() -> None:
    """As the carrier itself."""
    registered()
    assert run("documents", NOBODY).exit_code == NOT_FOUND


def test_eligibility_is_told_rule_by_rule() -> None:
    """With the event that decided each, the day, and by which versions of what."""
    carrier_id = registered("contact@fedex.com", "--coverage", "express:DE")
    asked = ("eligibility", carrier_id, "--country", "DE", "--service", "express")
    heading, *rules, answer = run(*asked, "--on", "2026-12-31").stdout.splitlines()
    assert heading.split() == ["RULE", "HOLDS", "WHY", "DECIDED", "BY"]
    assert [line.split()[:2] for line in rules] == [
        ["active", "yes"],
        ["service", "yes"],
        ["country", "yes"],
    ]
    assert rules[0].endswith("version 1, CarrierRegistered")
    assert re.split(" {2,}", answer) == [
        *("eligible", "yes", "on 2026-12-31", "carrier's version 2, policy's 0")
    ]
    assert data(*asked)["eligible"] is True
    assert run(*asked, "--at", "2020-01-01T00:00:00Z").exit_code == NOT_FOUND
    assert run("eligibility", NOBODY, *asked[2:]).exit_code == NOT_FOUND


def test_blocks_and_preferences_are_given_taken_back_and_listed() -> None:
    """A line each, with the work, whether it holds on the day, and why."""
    carrier_id = registered()
    block = ("--service", "express", "--country", "DE", "--valid-from", "2026-01-01")
    data("block", carrier_id, *block, "--reason", "Two claims are open")
    data("prefer", carrier_id, "--customer", "ACME", *block[4:], "--reason", "Agreed")
    override = ("--rule", "recent", "--valid-from", "2026-12-01", "--valid-to", "2026-12-31")
    data("override-verdict", carrier_id, *override, "--reason", "Called them")
    data("unblock", carrier_id, "--block-id", "1", "--reason", "Settled")
    heading, *lines = run("blocks", carrier_id, "--on", "2026-12-31").stdout.splitlines()
    assert "HOLDS ON 2026-12-31" in heading
    assert [" ".join(line.split()) for line in lines] == [
        "block 1 express DE 2026-01-01 - no Two claims are open; taken back: Settled",
        "preference 1 ACME 2026-01-01 - yes Agreed",
        "override 1 recent for all 2026-12-01 2026-12-31 yes Called them",
    ]
    assert data("blocks", carrier_id, "--version", "2")["blocks"][0]["taken_back"] is None


def test_a_change_is_scheduled_shown_and_cancelled() -> None:
    """For a day that is to come; without anything to change there is nothing to schedule."""
    carrier_id = registered()
    when = ("--effective-on", "2099-01-01", "--reason", "New owner")
    data("schedule-change", carrier_id, *when, "--name", "Zeta Cargo", "--tag", "sold")
    assert data("show", carrier_id)["name"] == "FedEx"
    lines = run("show", carrier_id, "--on", "2099-01-01").stdout.splitlines()
    assert any(line.split() == ["name", "Zeta", "Cargo"] for line in lines)
    assert "scheduled" in run("show", carrier_id).stdout
    assert "reason" not in run("show", carrier_id, "--on", "2099-01-01").stdout
    found = data("list", "--on", "2099-01-01", "--tag", "sold")["carriers"]
    assert [each["name"] for each in found] == ["Zeta Cargo"]
    assert data("list", "--tag", "sold")["carriers"] == []
    data("cancel-scheduled-change", carrier_id, "--change-id", "1", "--reason", "Not sold")
    assert data("show", carrier_id, "--on", "2099-01-01")["name"] == "FedEx"
    refused = run("schedule-change", carrier_id, *when)
    assert (refused.exit_code, "at least one field" in refused.stderr) == (INVALID, True)


def test_a_note_is_shown_by_the_history() -> None:
    """As it changes no field."""
    carrier_id = registered()
    data("annotate", carrier_id, "--note", "Ask for Ms Ito")
    assert run("history", carrier_id).stdout.splitlines()[-1].endswith("note: Ask for Ms Ito")


def test_carriers_are_listed_by_their_tags() -> None:
    """Any of them will do."""
    carrier_id = registered()
    data("update-profile", carrier_id, "--tag", "reefer", "--tag", "preferred")
    assert len(data("list", "--tag", "reefer,other")["carriers"]) == 1
    assert data("list", "--tag", "other")["carriers"] == []


def test_carriers_are_listed_by_their_documents() -> None:
    """What is missing or runs out, in the order of the days."""
    carrier_id = registered()
    assert len(data("list", "--missing", "cargo-insurance")["carriers"]) == 1
    data(*_to(carrier_id, COVER), "--valid-to", "2090-12-31")
    assert data("list", "--missing", "cargo-insurance")["carriers"] == []
    assert len(data("list", "--missing", "cargo-insurance", "--on", "2091-01-01")["carriers"]) == 1
    found = data("list", "--expiring-before", "2091-01-01", "--sort", "next_expiry")
    assert [each["carrier_id"] for each in found["carriers"]] == [carrier_id]


def test_a_vetting_is_kept_and_shown_again() -> None:
    """Rule by rule, with its id; its history line says what each rule found."""
    carrier_id = registered()
    work = ("--country", "DE", "--service", "express", "--on", "2026-12-01")
    key = ("--idempotency-key", "load-17")
    lines = [
        " ".join(each.split()) for each in run("vet", carrier_id, *work, *key).stdout.splitlines()
    ]
    name, vetting_id = lines[0].split()
    assert name == "vetting_id"
    assert "active yes The carrier is active version 1, CarrierRegistered" in lines
    assert lines[-1] == "eligible no on 2026-12-01 carrier's version 1, policy's 0"
    shown = run("vetting", vetting_id).stdout.splitlines()
    assert [" ".join(each.split()) for each in shown] == lines
    assert data("vet", carrier_id, *work, *key) == data("vetting", vetting_id)
    assert "replayed" in run("vet", carrier_id, *work, *key).stdout
    assert "The carrier does not offer express" in run("history", carrier_id).stdout
    assert run("vetting", carrier_id).exit_code == 3
