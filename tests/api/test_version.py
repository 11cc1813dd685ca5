"""The release, as everything that names it does."""

import configparser
import json

from flask.testing import FlaskClient

from app.version import version
from tests.support.project import ROOT

SETUP = ROOT / "setup.cfg"


def test_the_version_is_the_one_of_setup_cfg() -> None:
    """The installed distribution, which `make` renews with setup.cfg, names the same release."""
    written = configparser.ConfigParser()
    written.read(SETUP)
    assert version() == written["metadata"]["version"]


def test_the_specification_names_the_release(client: FlaskClient) -> None:
    """OpenAPI's info.version is the version of the program that serves it."""
    assert json.loads(client.get("/openapi.json").data)["info"]["version"] == version()
