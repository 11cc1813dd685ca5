"""`carriers duplicates` and `carriers not-a-duplicate`: the whole list, from a shell."""

from app.cli.errors import INVALID
from tests.cli.shell import DONE, data, registered, run

USDOT = ("--identifier", "usdot:86876")


def test_pairs_are_listed_with_their_reasons() -> None:
    """A line for each carrier; the score and the reasons stand in the first of the two."""
    one, other = registered("a@a.example", *USDOT), registered("b@b.example", *USDOT)
    result = run("duplicates")
    assert (result.exit_code, result.stderr) == (DONE, "")
    heading, first, second = (line.split() for line in result.stdout.splitlines())
    assert heading == ["SCORE", "CARRIER_ID", "STATE", "NAME", "REASONS"]
    assert first[:4] == ["98", one, "active", "FedEx"]
    assert second == [other, "active", "FedEx"]
    assert " ".join(first[4:]) == (
        "Both have the identifier usdot:86876; The names, without legal forms, are the same"
    )


def test_programs_get_the_pairs_as_the_api_has_them() -> None:
    """All of them at once, the likeliest first."""
    registered("a@a.example")
    assert data("duplicates") == {"pairs": [], "next": None}
    registered("b@b.example", *USDOT)
    registered("c@c.example", *USDOT)
    assert [pair["score"] for pair in data("duplicates")["pairs"]] == [98, 80, 80]
    assert [pair["score"] for pair in data("duplicates", "--min-score", "81")["pairs"]] == [98]


def test_nothing_is_a_heading_alone() -> None:
    """And no failure."""
    registered("a@a.example")
    result = run("duplicates")
    assert (result.exit_code, result.stdout.split()[0]) == (DONE, "SCORE")


def test_a_pair_is_told_apart() -> None:
    """The history has the reason, and the list lacks the pair."""
    one, other = registered("a@a.example"), registered("b@b.example")
    words = ("--other", other, "--reason", "Two brothers")
    assert data("not-a-duplicate", one, *words)["version"] == 2
    assert data("not-a-duplicate", one, *words)["version"] == 2
    shown = run("history", one).stdout.splitlines()[-1]
    assert shown.endswith(f"other: {other}; reason: Two brothers")
    assert data("duplicates")["pairs"] == []


def test_a_score_is_a_number_from_1_to_100() -> None:
    """Anything else is an invalid value."""
    result = run("duplicates", "--min-score", "all")
    assert result.exit_code == INVALID
    assert result.stderr.startswith("Error: min_score: ")
