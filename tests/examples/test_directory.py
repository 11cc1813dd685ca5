"""examples/…/directory: the whole directory, page by page."""

import json
from collections.abc import Iterator

import pytest

from tests.support.answers import another
from tests.support.examples import LANGUAGES, Done, each_language, run
from tests.support.service import Service
from tests.support.unreliable import Fault, unreliable


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """With 23 carriers, three of which are suspended."""
    with Service(tmp_path_factory.mktemp("service"), WORKERS="1") as running:
        for number in range(23):
            done = running.ask("POST", "/register-carrier", another())
            token = done.headers["Consistency-Token"]
            if number % 10 == 0:
                body = {"reason": "late", "category": "safety"}
                where = f"{done.headers['Location']}/suspend"
                token = running.ask("POST", where, body).headers["Consistency-Token"]
            running.ask("GET", "/carriers", headers={"Consistency-Token": token})
        yield running


def ids(done: Done) -> list[str]:
    """Of the carriers that it printed."""
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["carrier_id"] for line in done.stdout.splitlines()]


@each_language
def test_every_carrier_is_printed_once(service: Service, url: str, language: str) -> None:
    """Whatever a page holds."""
    expected = {stream for stream, _ in service.events()}
    for limit in ("4", "100"):
        printed = ids(run(language, "directory", "--url", url, "--limit", limit))
        assert len(printed) == len(expected) == 23
        assert set(printed) == expected


@each_language
def test_a_filter_goes_along_with_every_page(url: str, language: str) -> None:
    """All that it selects, and nothing else."""
    arguments = ("--url", url, "--limit", "1", "--state", "suspended")
    assert len(ids(run(language, "directory", *arguments))) == 3


@each_language
def test_a_page_that_did_not_come_is_asked_for_again(service: Service, language: str) -> None:
    """Nothing is missing, nothing is there twice."""
    with unreliable(service.port, Fault.BUSY, Fault.LOST, Fault.CUT) as line:
        printed = ids(run(language, "directory", "--url", line.url, "--limit", "10"))
    assert len(printed) == len(set(printed)) == 23


def test_all_languages_print_the_same(url: str) -> None:
    """In the same order."""
    printed = {tuple(ids(run(each, "directory", "--url", url))) for each in LANGUAGES}
    assert len(printed) == 1


@each_language
def test_what_is_refused_ends_it(url: str, language: str) -> None:
    """With 1, and what the service said."""
    done = run(language, "directory", "--url", url, "--state", "nonsense")
    assert done.returncode == 1
    assert "must be" in done.stderr
