"""The contract against the running service: schemathesis sends what /openapi.json allows and what
it forbids, follows from answer to answer, and looks whether each one is as it says there."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.cassandra_node import Node
from tests.support.keys import bearer
from tests.support.measurements import IS_FULL
from tests.support.project import ROOT
from tests.support.service import Service, exchange, service_environment
from tests.support.stores import KEYSPACE, make_keyspace

KNOWN_CARRIERS = 60
# The phase `coverage` walks along every edge of the schema, which takes longer than all the others.
PHASES = "examples,coverage,fuzzing,stateful" if IS_FULL else "examples,fuzzing,stateful"
KEY = ("app.cli", "keys", "create", "--name", "tms", "--scope", "write", "--scope", "policy")
HOOKS = "tests.support.schemathesis_hooks"


def test_on_sqlite(tmp_path: Path) -> None:
    """No 5xx, no answer outside of the schema, nothing accepted that the schema forbids."""
    assert_kept(tmp_path, PHASES, examples=600 if IS_FULL else 5)


@pytest.mark.full
def test_on_cassandra(cassandra_node: Node, tmp_path: Path) -> None:
    """The same on the other store: tests/contracts holds in every run that both do the same."""
    make_keyspace(cassandra_node)
    assert_kept(
        tmp_path,
        PHASES,
        examples=400,
        CASSANDRA_HOST=cassandra_node.host,
        CASSANDRA_PORT=str(cassandra_node.port),
        CASSANDRA_KEYSPACE=KEYSPACE,
    )


def assert_kept(folder: Path, phases: str, examples: int, **settings: str) -> None:
    """Run it against a service that needs a key and knows some carriers."""
    environment = service_environment(folder, **settings)
    key = run(folder, environment, *KEY).strip()
    with Service(folder, "127.0.0.1", None, **settings) as service:
        address = f"http://{service.host}:{service.port}/openapi.json"
        printed = run(
            folder,
            {
                **environment,
                "SCHEMATHESIS_HOOKS": HOOKS,
                "API_KEY": key,
                "CARRIERS": ",".join(register(service, key)),
            },
            *("schemathesis.cli", "--config-file", str(ROOT / "tests/e2e/schemathesis.toml")),
            *("run", address, "--phases", phases),
            *("--checks", "all", "--max-examples", str(examples), "--workers", "1"),
        )
        print(printed)
        assert service.server.stop() == 0
    errors = [line for line in service.log_lines() if line["level"] in {"error", "critical"}]
    # The doctor says what is wrong with the Cassandra of the tests.
    assert not [line for line in errors if line["logger"] != "app.doctor"]


def register(service: Service, key: str) -> list[str]:
    """The ids of new carriers."""
    with closing(service.connect()) as connection:
        return [
            exchange(
                connection,
                "POST",
                "/register-carrier",
                {"name": "FedEx", "email": f"{number}@fedex.com"},
                bearer(key),
            ).json["data"]["carrier_id"]
            for number in range(KNOWN_CARRIERS)
        ]


def run(folder: Path, environment: dict[str, str | None], module: str, *arguments: str) -> str:
    """What a Python program prints that works in the folder; it must end well."""
    merged = {**os.environ, **environment}
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={name: value for name, value in merged.items() if value is not None},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
