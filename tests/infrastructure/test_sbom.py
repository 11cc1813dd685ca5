"""The software bill of materials, as `make sbom` writes it."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.support.project import ROOT


def test_it_names_every_locked_package_with_its_hashes(tmp_path: Path) -> None:
    """CycloneDX, which the tool validates itself."""
    (recipe,) = re.findall(r"-m (cyclonedx_py requirements .*)", (ROOT / "Makefile").read_text())
    written = tmp_path / "sbom.cdx.json"
    command = shlex.split(recipe.replace("sbom.cdx.json", str(written)))
    subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=True, capture_output=True)
    document = json.loads(written.read_text())
    assert document["bomFormat"] == "CycloneDX"
    lock = (ROOT / "requirements.lock").read_text()
    locked = dict(re.findall(r"(?m)^([a-z0-9._-]+)==([^\s;]+)", lock))
    assert {each["name"]: each["version"] for each in document["components"]} == locked
    for each in document["components"]:
        assert each["externalReferences"][0]["hashes"]
