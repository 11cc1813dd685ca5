"""`carriers list`, `search` and `export`: the API's queries, from a shell."""

import os
import stat
import threading
from pathlib import Path

import pytest

from app.api.schemas.directory import DirectoryQuerySchema
from app.cli import directory
from app.cli.directory import COMMANDS
from app.cli.errors import INVALID, NOT_WRITTEN
from tests.cli.shell import DONE, PROFILE_OPTIONS, data, process_of, registered, run
from tests.support.cassandra_node import Node
from tests.support.csv_reader import carriers
from tests.support.processes import Server, wait_until
from tests.support.stores import KEYSPACE, make_keyspace

NAMES = ("Alpha", "Bravo", "Charlie", "Delta", "Echo")


@pytest.fixture
def filled() -> list[str]:
    """Five carriers; their ids in the order of their names."""
    found = []
    for name in NAMES:
        words = ("--name", name, "--email", f"{name}@x.example", "--coverage", "air:DE")
        found.append(data("register", *words)["carrier_id"])
    data("suspend", found[1], "--reason", "No insurance")
    data("retire", found[2], "--reason", "Gone")
    return found


def names(*words: str) -> list[str]:
    """Of the carriers that a command finds."""
    return [each["name"] for each in data(*words)["carriers"]]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], list(NAMES)),
        (["--state", "suspended,retired"], ["Bravo", "Charlie"]),
        (["--country", "DE", "--service", "air", "--state", "active"], ["Alpha", "Delta", "Echo"]),
        (["--country", "FR"], []),
        (["--eligible-for", "DE/air", "--on", "2099-12-01"], ["Alpha", "Delta", "Echo"]),
        (["--eligible-for", "FR/air", "--customer", "ACME"], []),
        (["--sort", "registered_at", "--limit", "2"], ["Alpha", "Bravo"]),
        (["--identifier", "scac:FDEG"], []),
    ],
)
def test_carriers_are_listed(filled: list[str], words: list[str], found: list[str]) -> None:
    """As the API does, with nothing but a shell to keep the view up."""
    assert filled
    assert names("list", *words) == found


def test_a_page_says_where_to_go_on(filled: list[str]) -> None:
    """By its cursor, which continues the same query only."""
    page = data("list", "--limit", "2")
    assert (
        data("list", "--limit", "2", "--cursor", page["next"])["carriers"][0]["name"] == "Charlie"
    )
    lines = run("list", "--limit", "2").stdout.splitlines()
    assert lines[0].split() == ["CARRIER_ID", "STATE", "REGISTERED", "NAME", "EMAIL"]
    assert lines[1].split()[:2] == [filled[0], "active"]
    assert lines[-1] == f"There is more: --cursor {page['next']}, or --all"
    assert run("list", "--sort", "registered_at", "--cursor", page["next"]).exit_code == INVALID


def test_all_pages(filled: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """One heading for people, one object for programs, however many pages are read."""
    monkeypatch.setattr(directory, "CARRIERS_AT_ONCE", 2)
    assert data("list", "--all") == {**data("list"), "next": None}
    heading, *rows = run("list", "--all").stdout.splitlines()
    assert heading.startswith("CARRIER_ID")
    assert [row.split()[0] for row in rows] == filled
    assert data("list", "--all", "--state", "suspended,retired", "--country", "FR") == {
        "carriers": [],
        "next": None,
    }


@pytest.mark.parametrize(
    ("words", "found"), [(["al"], ["Alpha"]), (["x", "ex"], list(NAMES)), (["zz"], [])]
)
def test_carriers_are_found_by_words(filled: list[str], words: list[str], found: list[str]) -> None:
    """Each begins a word of the carrier's."""
    assert filled
    assert names("search", *words) == found


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["list", "--state", "gone"], "Error: state: The state parameter must be one of active"),
        (["list", "--limit", "101"], "Error: limit: The limit parameter must be"),
        (["list", "--limit", "5", "--all"], "Give either --limit or --all"),
        (["list", "--sort", "email"], "Error: sort: "),
        (["list", "--cursor", "x"], "Error: cursor: "),
        (["search"], "WORDS"),
        (["search", "-"], "Error: q: "),
        (["export", "--country", "worldwide"], "Error: country: "),
    ],
)
def test_the_rules_are_those_of_the_api(words: list[str], said: str) -> None:
    """And so are the sentences."""
    result = run(*words)
    assert (result.exit_code, result.stdout) == (INVALID, "")
    assert said in result.stderr


def test_every_parameter_of_the_api_has_an_option() -> None:
    """One that the API gains must not be missing here."""
    fields = DirectoryQuerySchema().fields
    named = {field.data_key or name for name, field in fields.items()} - {"q", "status"}
    listing, searching, _ = COMMANDS
    for command in (listing, searching):
        assert named <= {param.name for param in command.params}


def test_a_file_holds_what_the_api_shows(filled: list[str]) -> None:
    """Every field of every carrier; on stdout the same."""
    carrier_id = registered("contact@fedex.com", *PROFILE_OPTIONS)
    assert run("export", "all.csv").exit_code == DONE
    text = Path("all.csv").read_bytes().decode()
    assert run("export").stdout_bytes.decode() == text == run("export", "-").stdout_bytes.decode()
    found = {each["carrier_id"]: each for each in carriers(text)}
    assert set(found) == {*filled, carrier_id}
    for each in found.values():
        assert each.pop("updated_at") >= each["registered_at"]
        assert each == data("show", each["carrier_id"])


def test_a_part_of_the_carriers_is_exported(filled: list[str]) -> None:
    """By the filters of a list, and by words."""
    text = run("export", "--state", "suspended").stdout
    assert [each["carrier_id"] for each in carriers(text)] == [filled[1]]
    assert [each["name"] for each in carriers(run("export", "--words", "del").stdout)] == ["Delta"]


def test_a_new_file_is_private(filled: list[str]) -> None:
    """It holds addresses. One that is replaced stays as open as it was, and a link a link."""
    assert filled
    run("export", "new.csv")
    assert stat.S_IMODE(Path("new.csv").stat().st_mode) == 0o600
    Path("shared.csv").write_text("old")
    Path("shared.csv").chmod(0o644)
    Path("link.csv").symlink_to("shared.csv")
    run("export", "link.csv")
    assert Path("link.csv").is_symlink()
    assert Path("shared.csv").read_text().startswith("carrier_id,")
    assert stat.S_IMODE(Path("shared.csv").stat().st_mode) == 0o644
    assert not list(Path().glob("*.part"))


def test_a_file_that_cannot_be_written(filled: list[str]) -> None:
    """One sentence names it, and what was there stays."""
    assert filled
    for path in ("missing/all.csv", "/dev/full"):
        result = run("export", path)
        assert (result.exit_code, result.stdout) == (NOT_WRITTEN, "")
        assert result.stderr.startswith(f"Error: {path} cannot be written: ")


def test_a_failure_leaves_the_former_file(
    filled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a list is none."""
    assert filled
    Path("all.csv").write_text("old")

    def fails(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(directory, "carriers_csv", lambda pages: map(fails, pages))
    assert run("export", "all.csv").exit_code == NOT_WRITTEN
    assert Path("all.csv").read_text() == "old"
    assert sorted(path.name for path in Path().iterdir()) == ["all.csv", "var"]


def test_a_pipe_is_written_to_as_it_is(filled: list[str]) -> None:
    """It is not replaced by a file."""
    os.mkfifo("pipe")
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(Path("pipe").read_text()))
    reader.start()
    assert run("export", "pipe").exit_code == DONE
    reader.join(10)
    assert len(list(carriers(read[0]))) == len(filled)
    assert stat.S_ISFIFO(Path("pipe").stat().st_mode)


def test_a_list_in_cassandra(cassandra_node: Node, tmp_path: Path) -> None:
    """Of what the service's sequencer has placed in the feed."""
    make_keyspace(cassandra_node)
    os.environ.update(
        CASSANDRA_HOST=cassandra_node.host,
        CASSANDRA_PORT=str(cassandra_node.port),
        CASSANDRA_KEYSPACE=KEYSPACE,
    )
    carrier_id = registered()
    command, environment = process_of("feed", "follow")
    log_file = tmp_path / "follow.log"
    follower = Server(
        command, log=log_file, ready=lambda: "following" in follower.output(), env={**environment}
    )
    with follower:
        wait_until(lambda: data("list")["carriers"], 20, "it is listed")
    assert [each["carrier_id"] for each in data("list")["carriers"]] == [carrier_id]
