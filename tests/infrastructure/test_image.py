"""Beside the way of the data: the image, and the lock file that it is made from."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.project import ROOT
from tests.support.service import Service

DIGESTS = tuple("sha256:" + digits * 4 for digits in ("0123456789abcdef", "fedcba9876543210"))
PINNED = re.compile(
    r"(?m)^([\w.-]+)==(\S+)(?: ; (.+?))? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)"
)


def read(name: str) -> str:
    return (ROOT / name).read_text()


def test_the_image_runs_as_nobody_in_particular() -> None:
    """A numeric user that is not root, gunicorn as the process itself, and no shell between."""
    lines = read("Dockerfile").splitlines()
    assert re.fullmatch(
        r"USER [1-9]\d*:[1-9]\d*", next(li for li in lines if li.startswith("USER"))
    )
    assert lines[-1] == 'CMD ["gunicorn", "-c", "config/gunicorn.conf.py", "wsgi:app"]'
    assert "--no-cache-dir" in read("Dockerfile")


def test_the_image_gets_what_it_copies_and_no_more() -> None:
    """What .dockerignore lets through exists and is what the Dockerfile copies."""
    let_through = set(re.findall(r"(?m)^!(.+)$", read(".dockerignore")))
    copies = re.findall(r"(?m)^COPY (?!--from)(.+) \S+$", read("Dockerfile"))
    assert let_through == {source for sources in copies for source in sources.split()}
    assert all((ROOT / name).exists() for name in let_through)
    assert ".env" in read(".gitignore").splitlines()


def locked() -> dict[str, list[str]]:
    """The versions that the lock file has of each package: more than one, if Pythons differ."""
    versions: dict[str, list[str]] = {}
    for name, version, _, _ in PINNED.findall(read("requirements.lock")):
        versions.setdefault(canonicalize_name(name), []).append(version)
    return versions


def wanted() -> list[Requirement]:
    """What setup.cfg says the program and its image need."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    texts = setup["options"]["install_requires"] + setup["options.extras_require"]["build"]
    return [Requirement(line) for line in texts.split("\n") if line]


@pytest.mark.parametrize("requirement", wanted(), ids=lambda each: each.name)
def test_the_lock_file_has_each_dependency(requirement: Requirement) -> None:
    """In a version that setup.cfg allows; if not, `make lock` renews it."""
    versions = locked().get(canonicalize_name(requirement.name))
    assert versions, f"requirements.lock has no {requirement.name}: run `make lock`"
    for version in versions:
        assert requirement.specifier.contains(version), f"{requirement}: run `make lock`"


def test_the_lock_file_has_hashes_and_no_addresses() -> None:
    """Every line that is no comment belongs to a package with its hashes: where packages come
    from is the business of who installs them."""
    text = read("requirements.lock")
    assert len(PINNED.findall(text)) >= len(wanted())
    left = PINNED.sub("", text)
    assert not [line for line in left.splitlines() if line.strip() and "#" not in line]
    assert "://" not in text


def test_the_image_installs_from_the_lock_file_alone() -> None:
    """Each pip install either checks hashes or may take no dependency and no build tool from
    elsewhere."""
    steps = re.findall(r"pip install ([^&\n]+)", read("Dockerfile"))
    assert steps
    for step in steps:
        options = set(shlex.split(step.rstrip(" \\")))
        assert {"--require-hashes", "--no-deps"} <= options or {
            "--no-build-isolation",
            "--no-deps",
        } <= options


def test_the_image_knows_the_version(tmp_path: Path) -> None:
    """From setup.cfg alone, which is all that the build stage has of the program."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    setup = re.sub(r"(?m)^version = .*$", "version = 9.8.7", read("setup.cfg"))
    (tmp_path / "setup.cfg").write_text(setup)
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    install += ["--no-build-isolation", "--target", str(site), "."]
    subprocess.run(install, cwd=tmp_path, check=True, capture_output=True)
    asked = "from app.version import version; print(version())"
    shown = subprocess.run(
        [sys.executable, "-c", asked],
        cwd=site,
        env={"PYTHONPATH": f"{site}:{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == "9.8.7\n"
    assert (site / "bin/carriers").exists()


def health_check() -> list[str]:
    """The image's own, run by this Python."""
    (command,) = re.findall(r"(?m)^  CMD (\[.+\])$", read("Dockerfile"))
    words: list[str] = json.loads(command)
    return [sys.executable, *words[1:]]


def test_the_image_checks_whether_it_serves(tmp_path: Path) -> None:
    """Its health check passes while the service answers on PORT, and fails when it does not."""

    def check() -> int:
        port = {"PORT": str(service.port)}
        return subprocess.run(health_check(), env=port, capture_output=True, check=False).returncode

    with Service(tmp_path, WORKERS="1") as service:
        assert check() == 0
    assert check() != 0


def test_make_digests_pins_every_base_image(tmp_path: Path) -> None:
    """Each image from elsewhere gets the digest that the registry has for its tag, in both files
    and wherever it stands; a second run renews it, our own image is left alone."""
    for name in ("Makefile", "Dockerfile", "docker-compose.yml"):
        shutil.copy(ROOT / name, tmp_path)
    engine = tmp_path / "bin/docker"
    engine.parent.mkdir()
    for digest in DIGESTS:
        engine.write_text(f"#!/bin/sh\nprintf 'Name: %s\\nDigest:    {digest}\\n' \"$4\"\n")
        engine.chmod(0o755)
        path = {"PATH": f"{engine.parent}:/usr/bin:/bin"}
        subprocess.run(["make", "digests"], cwd=tmp_path, env=path, check=True, capture_output=True)
        froms = re.findall(r"(?m)^FROM (\S+)", (tmp_path / "Dockerfile").read_text())
        compose = (tmp_path / "docker-compose.yml").read_text()
        images = re.findall(r"(?m)^ *image: (\S+)", compose)
        pinned = [image for image in froms + images if image != "distributing-carriers"]
        assert len(pinned) == 6
        assert all(re.fullmatch(rf"[a-z/]+:[\w.-]+@{digest}", image) for image in pinned), pinned
