"""What the tests of the commands on carriers share: how to run them, and some to run."""

import json
import os
import sys
from typing import Any

from click.testing import CliRunner, Result

from app.cli import main
from tests.support.project import ROOT
from tests.support.service import Service

DONE = 0
NOBODY = "00000000-0000-0000-0000-000000000000"
PROFILE: dict[str, Any] = {
    "phone": "+498912345678",
    "website": "https://www.fedex.com",
    "aliases": ["FedEx Ground", "東京"],
    "identifiers": [
        {"scheme": "scac", "value": "FDEG"},
        {"scheme": "usdot", "value": "86876", "valid_from": "2026-01-01"},
    ],
    "coverage": [
        {"service": "parcel", "countries": ["DE", "FR"]},
        {"service": "air", "countries": ["worldwide"]},
    ],
    "tracking_url": "https://www.fedex.com/track?nr={tracking_number}",
    "metadata": {"tier": 1},
    "contacts": [
        {"role": "dispatch", "name": "Night desk", "phone": "+498912345678"},
        {"role": "claims", "name": "Ms Ito", "email": "claims@fedex.com"},
    ],
    "tags": ["preferred", "reefer"],
    "time_zone": "Europe/Berlin",
    "bank_reference": "DE89370400440532013000",
}
PROFILE_OPTIONS = (
    *("--phone", "+49 89 12345678", "--website", "https://www.fedex.com"),
    *("--alias", "FedEx Ground", "--alias", "東京", "--identifier", "scac:fdeg"),
    *("--identifier", '{"scheme": "usdot", "value": "86876", "valid_from": "2026-01-01"}'),
    *("--coverage", "parcel:FR,DE", "--coverage", "air:worldwide"),
    *("--tracking-url", "https://www.fedex.com/track?nr={tracking_number}"),
    *("--metadata", '{"tier": 1}'),
    *("--contact", "dispatch:Night desk:+49 89 12345678"),
    *("--contact", '{"role": "claims", "name": "Ms Ito", "email": "claims@fedex.com"}'),
    *("--tag", "reefer", "--tag", "Preferred", "--time-zone", "europe/berlin"),
    *("--bank-reference", "de89 3704 0044 0532 0130 00"),
)


CHANGES: list[tuple[list[str], dict[str, Any]]] = [
    (["rename", "--name", "FedEx Express"], {"name": "FedEx Express"}),
    (["change-email", "--email", "new@fedex.com"], {"email": "new@fedex.com"}),
    (["update-profile", "--phone", "+498912345678"], {"phone": "+498912345678"}),
    (["update-profile", "--alias", "A", "--alias", "B"], {"aliases": ["A", "B"]}),
    (
        ["suspend", "--reason", "No insurance", "--category", "insurance"],
        {"state": "suspended", "reason": "No insurance", "category": "insurance"},
    ),
    (
        ["suspend", "--reason", "Why not"],
        {"state": "suspended", "reason": "Why not", "category": "other"},
    ),
    (["retire", "--reason", "Gone"], {"state": "retired", "reason": "Gone"}),
]


def run(*arguments: str, typed: str | None = None) -> Result:
    """Run `carriers` with these arguments; no traceback may come of it."""
    result = CliRunner().invoke(main, arguments, input=typed)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def process_of(*arguments: str) -> tuple[list[str], dict[str, str]]:
    """The command line, and the environment, of a process of its own."""
    return [sys.executable, "-m", "app.cli", *arguments], {**os.environ, "PYTHONPATH": str(ROOT)}


def data(*arguments: str) -> Any:  # noqa: ANN401 - any JSON value
    """What a command that is done says to programs."""
    result = run(*arguments, "--json")
    assert (result.exit_code, result.stderr) == (DONE, ""), result.output
    return json.loads(result.stdout)


def registered(email: str = "contact@fedex.com", *more: str) -> str:
    """The id of a new carrier."""
    carrier_id: str = data("register", "--name", "FedEx", "--email", email, *more)["carrier_id"]
    return carrier_id


def version_of(carrier_id: str) -> int:
    """How many events it has."""
    version: int = data("show", carrier_id)["version"]
    return version


def register(service: Service, name: str) -> int:
    """The status of the answer to a new carrier."""
    body = {"name": name, "email": f"{name}@fedex.com"}
    return service.ask("POST", "/register-carrier", body).status
