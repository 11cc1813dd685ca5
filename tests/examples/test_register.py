"""examples/…/register: one carrier, however bad the line is."""

import pytest

from tests.support.answers import another
from tests.support.examples import LANGUAGES, each_language, run
from tests.support.processes import free_port
from tests.support.service import Service
from tests.support.unreliable import Fault, unreliable


def options(url: str, *more: str, **changes: str) -> list[str]:
    """Of a registration of a carrier that is not there yet."""
    carrier = {**another(), **changes}
    return ["--url", url, "--name", carrier["name"], "--email", carrier["email"], *more]


@each_language
def test_the_same_key_is_one_carrier(service: Service, url: str, language: str) -> None:
    """Run twice, in whatever languages, it prints the same id, and there is one event."""
    arguments = options(url, "--key", f"row-1-of-{language}", name='A "quoted" näme\\')
    before = len(service.events())
    ids = {run(each, "register", *arguments).stdout.strip() for each in (language, *LANGUAGES)}
    assert len(ids - {""}) == 1
    assert len(service.events()) == before + 1
    shown = service.ask("GET", f"/carriers/{ids.pop()}").json["data"]
    assert shown["name"] == 'A "quoted" näme\\'


@each_language
@pytest.mark.parametrize("fault", Fault)
def test_it_is_sent_again_with_the_same_key(service: Service, language: str, fault: Fault) -> None:
    """Whether nothing was done, it is not known, or the answer was lost: in the end it is there
    once. What was asked for by Retry-After is waited out."""
    before = len(service.events())
    with unreliable(service.port, fault, fault) as line:
        done = run(language, "register", *options(line.url))
        assert done.returncode == 0, done.stderr
        assert service.ask("GET", f"/carriers/{done.stdout.strip()}").status == 200
        assert len(service.events()) == before + 1
        assert len(line.keys) == 3
        assert len(set(line.keys)) == 1
        assert line.keys[0]
        if fault in {Fault.BUSY, Fault.UNKNOWN}:
            waits = [b - a for a, b in zip(line.arrivals, line.arrivals[1:], strict=False)]
            assert min(waits) >= 0.9


@each_language
def test_what_is_refused_is_not_sent_again(service: Service, language: str) -> None:
    """It ends with 1 and says what the service said."""
    with unreliable(service.port) as line:
        done = run(language, "register", *options(line.url, email="nonsense"))
        assert done.returncode == 1
        assert "valid email" in done.stderr
        assert done.stdout == ""
        assert len(line.keys) == 1


@each_language
def test_who_gives_up_is_told_how_to_go_on(language: str) -> None:
    """With nobody there it ends with 75 when its patience does, and names the key."""
    nobody = f"http://127.0.0.1:{free_port()}"
    done = run(language, "register", *options(nobody, "--patience", "1"))
    assert done.returncode == 75
    assert "--key " in done.stderr
    assert done.stdout == ""


@each_language
def test_each_says_how_it_is_used(language: str) -> None:
    """With --help; an option that it does not know ends it with 2."""
    for program in ("register", "follow", "directory"):
        done = run(language, program, "--help")
        assert done.returncode == 0
        assert "--url" in done.stdout
        assert "CARRIERS_API_KEY" in done.stdout
        assert run(language, program, "--nonsense").returncode == 2
