"""`carriers import`: what each row of a file would do, does, and does once."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.application.imports.file import BadFile
from app.application.services import Services
from app.bootstrap import build_services
from app.cli import opened
from app.cli.errors import INVALID, NOT_FOUND, NOT_SAID, REFUSED
from app.cli.import_files import SameFile
from tests.cli.shell import (
    DONE,
    NOBODY,
    PROFILE,
    PROFILE_OPTIONS,
    data,
    process_of,
    registered,
    run,
    version_of,
)

HEADER = "name,email,phone,scac\r\n"
FEDEX = "FedEx,contact@fedex.com,+498912345678,FDEG\r\n"


def file_of(text: str | bytes, name: str = "carriers.csv") -> str:
    """The path of a new file."""
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return name


def rows_of(*arguments: str, exit_code: int = DONE) -> list[dict[str, Any]]:
    """What an import says of its rows to programs."""
    result = run("import", *arguments, "--json")
    assert result.exit_code == exit_code, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def everybody() -> list[dict[str, Any]]:
    """All carriers, without what the moment decides."""
    found: list[dict[str, Any]] = data("list", "--all")["carriers"]
    return found


def test_a_row_registers_a_carrier_with_its_whole_profile_in_one_commit() -> None:
    """A kill cannot leave half of a new carrier."""
    (row,) = rows_of(file_of(HEADER + FEDEX), "--yes")
    assert (row["row"], row["action"], row["done"]) == (2, "create", True)
    shown = data("show", row["carrier_id"])
    assert (shown["name"], shown["email"]) == ("FedEx", "contact@fedex.com")
    assert shown["identifiers"] == [{"scheme": "scac", "value": "FDEG"}]


def test_a_dry_run_says_what_would_be_done_and_does_nothing() -> None:
    """New values are shown as changes from nothing."""
    (row,) = rows_of(file_of(HEADER + FEDEX), "--dry-run")
    assert (row["action"], row["done"]) == ("create", False)
    assert {"field": "name", "from": None, "to": "FedEx"} in row["changes"]
    assert everybody() == []


def test_nothing_is_done_before_somebody_has_said_yes() -> None:
    """The plan is shown, and the question is answered with no."""
    result = run("import", file_of(HEADER + FEDEX), typed="n\n")
    assert result.exit_code == REFUSED
    assert "create" in result.stdout
    assert everybody() == []


def test_the_same_import_again_does_nothing_and_says_the_same() -> None:
    """Each row is done once, whatever has become of its carrier since."""
    file = file_of(HEADER + FEDEX)
    (first,) = rows_of(file, "--yes")
    run("rename", first["carrier_id"], "--name", "Federal Express")
    (again,) = rows_of(file, "--yes")
    assert (again["action"], again["carrier_id"]) == ("create", first["carrier_id"])
    assert data("show", first["carrier_id"])["name"] == "Federal Express"
    assert len(everybody()) == 1


def test_a_row_that_had_nothing_to_change_has_been_done_as_well() -> None:
    """What is changed afterwards is not changed back when the same import is started again."""
    carrier_id = registered("contact@fedex.com")
    file = file_of("name,email\r\nFedEx,contact@fedex.com\r\n")
    assert [row["action"] for row in rows_of(file, "--yes")] == ["nothing"]
    run("rename", carrier_id, "--name", "Federal Express")
    assert [row["action"] for row in rows_of(file, "--yes")] == ["nothing"]
    assert data("show", carrier_id)["name"] == "Federal Express"
    assert [row["action"] for row in rows_of(file, "--yes", "--as", "again")] == ["change"]
    assert data("show", carrier_id)["name"] == "FedEx"


def test_a_change_is_shown_with_what_it_was_and_what_it_becomes() -> None:
    """Several fields of one carrier: each goes by a command of its own."""
    carrier_id = registered("contact@fedex.com")
    file = file_of(f"carrier_id,name,email,phone\r\n{carrier_id},UPS,ups@ups.com,+498912345678\r\n")
    (row,) = rows_of(file, "--yes")
    assert row["changes"] == [
        {"field": "name", "from": "FedEx", "to": "UPS"},
        {"field": "email", "from": "contact@fedex.com", "to": "ups@ups.com"},
        {"field": "phone", "from": None, "to": "+498912345678"},
    ]
    events = data("history", carrier_id)["events"]
    assert [event["type"] for event in events[1:]] == [
        "CarrierEmailChanged",
        "CarrierRenamed",
        "CarrierProfileUpdated",
    ]
    assert version_of(carrier_id) == row["version"]


def test_an_empty_cell_leaves_the_field_as_it_is() -> None:
    """And so does a field that has no column."""
    carrier_id = registered("contact@fedex.com", *PROFILE_OPTIONS)
    file = file_of("email,name,phone\r\ncontact@fedex.com,FedEx,\r\n")
    assert [row["action"] for row in rows_of(file, "--yes")] == ["nothing"]
    assert data("show", carrier_id)["phone"] == PROFILE["phone"]


def test_lists_as_people_write_them() -> None:
    """JSON is the other way to write them."""
    text = (
        "name;email;aliases;identifiers;coverage;contacts;tags;metadata\r\n"
        "FedEx;contact@fedex.com;"
        '"FedEx Ground; 東京";"scac:fdeg; VAT: DE 123";"parcel: de, FR; air:worldwide";'
        '"claims:Ms Ito:ito@fedex.com; dispatch:Night desk:+49 89 12345678";"reefer; preferred";'
        '"{""tier"": 1}"\r\n'
    )
    (row,) = rows_of(file_of(text), "--yes")
    shown = data("show", row["carrier_id"])
    assert shown["aliases"] == ["FedEx Ground", "東京"]
    assert shown["identifiers"] == [
        {"scheme": "scac", "value": "FDEG"},
        {"scheme": "vat", "value": "DE123"},
    ]
    assert shown["coverage"] == PROFILE["coverage"]
    assert shown["contacts"] == [
        {"role": "claims", "name": "Ms Ito", "email": "ito@fedex.com"},
        {"role": "dispatch", "name": "Night desk", "phone": "+498912345678"},
    ]
    assert shown["tags"] == ["preferred", "reefer"]
    assert shown["metadata"] == {"tier": 1}


def test_a_column_of_a_scheme_adds_an_identifier() -> None:
    """Those of other schemes, and their validity, stay."""
    known = '{"scheme": "usdot", "value": "86876", "valid_from": "2026-01-01"}'
    carrier_id = registered("contact@fedex.com", "--identifier", known)
    rows_of(file_of("email,usdot,scac\r\ncontact@fedex.com,86876,FDEG\r\n"), "--yes")
    assert data("show", carrier_id)["identifiers"] == [
        json.loads(known),
        {"scheme": "scac", "value": "FDEG"},
    ]


def test_the_registrys_own_export_comes_back_unchanged() -> None:
    """Formulas, retired carriers and all parts of a profile included."""
    registered("contact@fedex.com", *PROFILE_OPTIONS)
    gone = registered(
        "gone@fedex.com", "--alias", "=HYPERLINK(1)", "--alias", "A;=cmd", "--alias", "'=x"
    )
    run("retire", gone, "--reason", "Gone")
    run("register", "--name", "@FedEx", "--email", "gone@fedex.com")
    run("export", "all.csv")
    assert [row["action"] for row in rows_of("all.csv", "--yes")] == ["nothing"] * 3


REFUSALS = [
    ("FedEx,not an address,,\r\n", "email", "The email must be a valid email address"),
    ("FedEx,a@fedex.com,12,\r\n", "phone", "The phone must start with + and the country code"),
    ("FedEx,a@fedex.com,,TOOLONG\r\n", "scac", "The SCAC must be 2 to 4 letters"),
    (",a@fedex.com,,\r\n", "name", "The name field is required for a new carrier"),
    ("FedEx,,,FDEG\r\n", "email", "The email field is required for a new carrier"),
    ("FedEx,a@fedex.com,,,,more\r\n", None, "The row has more cells than the header, which has 4"),
]


@pytest.mark.parametrize(("line", "column", "sentence"), REFUSALS)
def test_a_row_is_refused_with_a_sentence_and_the_column(
    line: str, column: str | None, sentence: str
) -> None:
    """The other rows are done, and the exit code says that not all were."""
    rows = rows_of(file_of(HEADER + line + FEDEX), "--yes", exit_code=REFUSED)
    assert (rows[0]["action"], rows[0]["column"], rows[0]["sentence"]) == (
        "refuse",
        column,
        sentence,
    )
    assert rows[1]["action"] == "create"


def test_refused_rows_come_back_as_a_file_to_be_mended() -> None:
    """With the same columns, and harmless for whoever opens it; mended, it is imported."""
    file = file_of("name;email;notes\r\nFedEx;wrong;=1+1\r\nUPS;ups@ups.com;\r\n")
    rows_of(file, "--yes", "--refused", "mend.csv", exit_code=REFUSED)
    text = Path("mend.csv").read_text(encoding="utf-8-sig")
    assert text.splitlines() == [
        "name;email;notes;refused_because",
        "FedEx;wrong;'=1+1;email: The email must be a valid email address",
    ]
    Path("mend.csv").write_text(text.replace(";wrong;", ";contact@fedex.com;"))
    assert [row["action"] for row in rows_of("mend.csv", "--yes")] == ["create"]
    assert len(everybody()) == 2


SECOND_ROWS = [
    "UPS,CONTACT@fedex.com,,\r\n",
    "UPS,ups@ups.com,,fdeg\r\n",
]


@pytest.mark.parametrize("line", SECOND_ROWS)
def test_the_second_row_for_one_carrier_is_refused(line: str) -> None:
    """It does not matter which spelling names the carrier, nor whether the first row is done."""
    file = file_of(HEADER + FEDEX + line)
    for _ in range(2):
        rows = rows_of(file, "--yes", exit_code=REFUSED)
        assert (rows[1]["action"], rows[1]["sentence"]) == (
            "refuse",
            "Row 2 means the same carrier",
        )


def test_a_row_finds_its_carrier_by_identifier_first() -> None:
    """So its address can be changed by the row."""
    carrier_id = registered("contact@fedex.com", "--identifier", "scac:FDEG")
    rows = rows_of(file_of("name,email,scac\r\nFedEx,new@fedex.com,fdeg\r\n"), "--yes")
    assert [(row["action"], row["carrier_id"]) for row in rows] == [("change", carrier_id)]


def test_an_identifier_of_several_carriers_names_none() -> None:
    """Unless the address is that of one of them."""
    one = registered("one@fedex.com", "--identifier", "scac:FDEG")
    registered("two@fedex.com", "--identifier", "scac:FDEG")
    (row,) = rows_of(
        file_of("name,email,scac\r\nX,new@fedex.com,FDEG\r\n"), "--yes", exit_code=REFUSED
    )
    assert row["column"] == "scac"
    (row,) = rows_of(file_of("name,email,scac\r\nX,one@fedex.com,FDEG\r\n"), "--yes")
    assert (row["action"], row["carrier_id"]) == ("change", one)


def test_a_row_of_a_carrier_that_was_changed_since_its_export_is_refused() -> None:
    """The version in the file says what its writer has seen."""
    carrier_id = registered("contact@fedex.com")
    run("export", "all.csv")
    run("rename", carrier_id, "--name", "Federal Express")
    text = Path("all.csv").read_text().replace("FedEx", "FedEx Ground")
    (row,) = rows_of(file_of(text), "--yes", exit_code=REFUSED)
    assert row["column"] == "version"
    assert data("show", carrier_id)["name"] == "Federal Express"


def test_another_carriers_address_is_refused() -> None:
    """Before anything of the row is done."""
    registered("contact@fedex.com")
    other = registered("ups@ups.com")
    file = file_of(f"carrier_id,name,email\r\n{other},UPS,contact@fedex.com\r\n")
    (row,) = rows_of(file, "--yes", exit_code=REFUSED)
    assert (row["column"], row["sentence"]) == ("email", "The email belongs to another carrier")
    assert version_of(other) == 1


NOT_TO_BE_CHANGED = [
    ("carrier_id,name\r\n{gone},UPS\r\n", None, "The carrier is retired, which is final"),
    (f"carrier_id,name\r\n{NOBODY},UPS\r\n", "carrier_id", "There is no carrier with this id"),
    ("carrier_id,name\r\n12,UPS\r\n", "carrier_id", "The carrier_id must be a UUID"),
    ("carrier_id,version,name\r\n{here},9,UPS\r\n", "version", "The carrier is at version"),
    ("carrier_id,version,name\r\n{here},-1,UPS\r\n", "version", "The version must be a whole"),
    ("carrier_id,SCAC\r\n{here},OTHR\r\n", "SCAC", "The identifiers are another carrier's"),
    ("email,aliases\r\nhere@fedex.com,[1\r\n", "aliases", "The aliases is not valid JSON"),
    ("carrier_id,name\r\n{here},A\r\n{here},B\r\n", None, "Row 2 means the same carrier"),
]


@pytest.mark.parametrize(("text", "column", "sentence"), NOT_TO_BE_CHANGED)
def test_a_row_that_does_not_fit_its_carrier_is_refused(
    text: str, column: str | None, sentence: str
) -> None:
    """One that is retired, one that is not there, or is not the one that the row describes."""
    here, gone = registered("here@fedex.com"), registered("gone@fedex.com")
    registered("other@fedex.com", "--identifier", "scac:OTHR")
    run("retire", gone, "--reason", "Gone")
    file = file_of(text.format(here=here, gone=gone))
    *_, row = rows_of(file, "--yes", exit_code=REFUSED)
    assert (row["action"], row["column"]) == ("refuse", column)
    assert row["sentence"].startswith(sentence)


CHOSEN = [
    ("[]", "The columns must be a JSON object"),
    ("{", "columns.json is not valid JSON"),
    ('{"nobody": "name"}', "The file has no column nobody"),
    ('{"name": "status"}', "The column name can be one of carrier_id, version, name"),
    ('{"name": ["name"]}', "The column name can be one of carrier_id, version, name"),
    ('{"email": null}', "No column says which carrier a row means"),
    ('{"scac": "scac", "name": "identifiers"}', "Give identifiers in one column or"),
]


@pytest.mark.parametrize(("text", "sentence"), CHOSEN)
def test_columns_that_do_not_fit_the_file_are_refused(text: str, sentence: str) -> None:
    """Before anything is done."""
    Path("columns.json").write_text(text)
    result = run("import", file_of(HEADER + FEDEX), "--yes", "--columns", "columns.json")
    assert (result.exit_code, result.stdout) == (INVALID, "")
    assert sentence in result.stderr


def test_columns_are_guessed_shown_kept_and_taken_again() -> None:
    """A column that nobody would guess is named in the file that was kept."""
    file = file_of("Company,E-Mail,Durchwahl\r\nFedEx,contact@fedex.com,+498912345678\r\n")
    shown = run("import", file, "--dry-run", "--keep-columns", "columns.json").stderr
    assert "Company → name, E-Mail → email" in shown
    kept = json.loads(Path("columns.json").read_text())
    assert kept == {"Company": "name", "E-Mail": "email", "Durchwahl": None}
    Path("columns.json").write_text(json.dumps({**kept, "Durchwahl": "phone"}))
    (row,) = rows_of(file, "--yes", "--columns", "columns.json")
    assert data("show", row["carrier_id"])["phone"] == "+498912345678"


def test_a_mapping_is_kept_under_a_name_and_used_again() -> None:
    """In the registry, until it is forgotten; a file is read by it that has its columns."""
    mapping = {"Haus": "name", "E-Mail": "email"}
    Path("columns.json").write_text(json.dumps(mapping))
    file = file_of("Haus,E-Mail\r\nFedEx,contact@fedex.com\r\n")
    rows_of(file, "--yes", "--columns", "columns.json", "--keep-mapping", "monthly")
    assert data("import", "mappings") == {"monthly": mapping}
    next_month = file_of("E-Mail,Haus\r\nups@ups.com,UPS\r\n", "next.csv")
    (row,) = rows_of(next_month, "--yes", "--mapping", "monthly")
    assert data("show", row["carrier_id"])["name"] == "UPS"
    (row,) = rows_of("undo", next_month, "--yes", "--mapping", "monthly")
    assert row["action"] == "retire"
    assert data("import", "mappings", "--forget", "monthly") == {}


def test_a_mapping_is_read_from_the_store_that_the_import_is_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Which is opened once: on Cassandra that is a connection to each node."""
    run("import", file_of("name,email\r\n"), "--yes", "--keep-mapping", "monthly")
    made: list[Services] = []

    def counting(*arguments: Any, **options: Any) -> Services:  # noqa: ANN401
        made.append(build_services(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(opened, "build_services", counting)
    rows_of(file_of("name,email\r\nFedEx,contact@fedex.com\r\n"), "--yes", "--mapping", "monthly")
    assert len(made) == 1


@pytest.mark.parametrize(
    ("options", "exit_code", "sentence"),
    [
        (("--mapping", "weekly"), INVALID, "No column mapping is kept as weekly"),
        (("--mapping", "monthly"), INVALID, "The file has no column E-Mail"),
        (("--mapping", "monthly", "--columns", "columns.json"), INVALID, "not both"),
        (("--keep-mapping", "a\tb"), INVALID, "must be 1 to 100 characters of one line"),
        (("--keep-mapping", "other", "--dry-run"), INVALID, "leave out --keep-mapping"),
    ],
)
def test_a_mapping_that_cannot_be_used_or_kept_is_refused(
    options: tuple[str, ...], exit_code: int, sentence: str
) -> None:
    """With one sentence, and before anything is done."""
    file = file_of("E-Mail\r\ncontact@fedex.com\r\n", "kept.csv")
    run("import", file, "--yes", "--keep-mapping", "monthly")
    Path("columns.json").write_text("{}")
    result = run("import", file_of(HEADER + FEDEX), "--yes", *options)
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert sentence in result.stderr
    assert data("import", "mappings") == {"monthly": {"E-Mail": "email"}}


BAD_FILES = [
    (b"", "The file is empty: its first row must be the header"),
    (b"name,phone\r\nFedEx,1\r\n", "No column says which carrier a row means"),
    (b'name,email\r\n"FedEx,a@fedex.com\r\n', "Row 2 cannot be read as CSV"),
    (b"email,E-Mail\r\na,b\r\n", "The columns email and E-Mail are both taken for email"),
    (b"name,email\r\n\x81,a@fedex.com\r\n", "Row 2, column name: a byte of it is not"),
]


@pytest.mark.parametrize(("content", "sentence"), BAD_FILES)
def test_a_file_that_cannot_be_imported_is_refused_as_a_whole(
    content: bytes, sentence: str
) -> None:
    """With one sentence, and before anything is done."""
    result = run("import", file_of(content), "--yes")
    assert (result.exit_code, result.stdout) == (INVALID, "")
    assert sentence in result.stderr


def test_an_import_is_taken_back_by_the_same_file() -> None:
    """What it registered is retired with a reason; what it changed is as it was."""
    carrier_id = registered("contact@fedex.com")
    file = file_of("name,email\r\nUPS,contact@fedex.com\r\nGLS,gls@gls.com\r\n")
    _, created = rows_of(file, "--yes")
    assert run("import", "undo", file, typed="n\n").exit_code == REFUSED
    assert version_of(created["carrier_id"]) == 1
    rows = rows_of("undo", file, "--yes")
    assert [row["action"] for row in rows] == ["change", "retire"]
    assert data("show", carrier_id)["name"] == "FedEx"
    shown = data("show", created["carrier_id"])
    assert (shown["state"], shown["reason"][:10]) == ("retired", "The import")
    assert [row["done"] for row in rows_of("undo", file, "--yes")] == [True, True]


@pytest.mark.parametrize("by", ["file", "id"])
def test_what_others_have_changed_since_is_listed_when_an_import_is_taken_back(by: str) -> None:
    """By its id, for who is to look after it; what nobody has touched is taken back."""
    carrier_id = registered("contact@fedex.com")
    file = file_of("name,email\r\nUPS,contact@fedex.com\r\nGLS,gls@gls.com\r\n")
    said = run("import", file, "--yes").stderr
    import_id = re.findall(r"^Import (\S+)$", said, re.MULTILINE)[0]
    run("rename", carrier_id, "--name", "Another")
    result = run("import", "undo", file if by == "file" else import_id, "--yes")
    assert result.exit_code == REFUSED
    assert (
        f"row 2: refused: {carrier_id}: Others have changed the carrier since the import left it at"
        " version 2" in result.stdout
    )
    assert re.search(r"^row 3: retire \S+: state: active → retired$", result.stdout, re.MULTILINE)
    assert data("show", carrier_id)["name"] == "Another"


def test_an_import_is_taken_back_by_its_id() -> None:
    """Which it has said; nothing of its file is needed any longer."""
    carrier_id = registered("contact@fedex.com")
    file = file_of("name,email\r\nUPS,contact@fedex.com\r\nGLS,gls@gls.com\r\n")
    said = run("import", file, "--yes").stderr
    (import_id,) = re.findall(r"^Import (\S+)$", said, re.MULTILINE)
    Path(file).unlink()
    rows = rows_of("undo", import_id, "--yes")
    assert [row["action"] for row in rows] == ["retire", "change"]
    assert data("show", carrier_id)["name"] == "FedEx"
    assert [row["done"] for row in rows_of("undo", import_id, "--yes")] == [True, True]
    other = run("import", "undo", NOBODY, "--yes")
    assert (other.exit_code, other.stdout) == (NOT_FOUND, "")
    assert "No import with this id" in other.stderr
    assert run("import", "undo", import_id, "--as", "x").exit_code == INVALID


def test_a_file_that_was_written_since_it_was_shown_is_not_applied() -> None:
    """What somebody has said yes to is what it held before."""
    opened = SameFile(Path(file_of(HEADER + FEDEX)))
    opened().close()
    file_of(HEADER + FEDEX + FEDEX)
    with pytest.raises(BadFile, match="start again"):
        opened()


def test_who_does_not_hear_what_was_done_gets_it_done() -> None:
    """The output's reader is gone: all rows are done, and the exit code says so."""
    file = file_of("email,name\r\n" + "".join(f"a{n}@b.de,A\r\n" for n in range(30)))
    command, environment = process_of("import", file, "--yes")
    reads, writes = os.pipe()
    os.close(reads)
    done = subprocess.run(
        command, env=environment, stdout=writes, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writes)
    assert done.returncode == NOT_SAID, done.stderr
    assert "30 create" in done.stderr
    assert len(everybody()) == 30


def test_the_refused_rows_do_not_replace_the_file_that_they_are_in() -> None:
    """It says which import it was."""
    file = file_of(HEADER + FEDEX)
    assert run("import", file, "--yes", "--refused", f"./{file}").exit_code == INVALID
    assert Path(file).read_text() == (HEADER + FEDEX).replace("\r\n", "\n")
