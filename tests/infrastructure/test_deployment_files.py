"""Beside the way of the data: what an operator starts from, each file checked with the others."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values

from config.settings import Settings
from tests.conftest import without
from tests.support.nginx_conf import PROJECT
from tests.support.processes import Unavailable

SEED = {
    "APP_ENV": "production",
    "APP_DEBUG": "false",
    "APP_LOG_LEVEL": "info",
    "CASSANDRA_HOST": "cassandra",
    "CASSANDRA_PORT": "9042",
    "CASSANDRA_KEYSPACE": "event_store",
    "MAX_REQUEST_SIZE": "1048576",
    "REQUEST_TIMEOUT": "30",
}
OURS = ["app", "schema", "nginx"]


def read(name: str) -> str:
    return (PROJECT / name).read_text()


@pytest.fixture(scope="module")
def compose() -> Any:  # noqa: ANN401 - whatever YAML holds
    return yaml.safe_load(read("docker-compose.yml"))


@pytest.fixture(scope="module")
def services(compose: Any) -> Any:  # noqa: ANN401
    return compose["services"]


def waits_for(service: Any) -> dict[str, str]:  # noqa: ANN401
    return {name: how["condition"] for name, how in service.get("depends_on", {}).items()}


def seconds(text: str) -> int:
    assert text.endswith("s"), text
    return int(text.removesuffix("s"))


def test_env_example_holds_the_seeds_settings() -> None:
    """The names and defaults of the seed document, and nothing else that is not commented out."""
    assert dotenv_values(PROJECT / ".env.example", interpolate=False) == SEED


def test_env_example_names_every_setting() -> None:
    """Each variable that the settings read is there to be found, if only as a comment."""
    names = set(re.findall(r'read\.\w+\(\s*"([A-Z_]+)"', read("config/settings.py")))
    assert names >= SEED.keys()
    assert names <= set(re.findall(r"(?m)^#?([A-Z_]+)=", read(".env.example")))


def test_compose_starts_in_order(services: Any) -> None:  # noqa: ANN401
    """Each part waits until the one that it needs is healthy, or done."""
    assert {name: waits_for(service) for name, service in services.items()} == {
        "cassandra": {},
        "schema": {"cassandra": "service_healthy"},
        "app": {"cassandra": "service_healthy", "schema": "service_completed_successfully"},
        "nginx": {"app": "service_healthy"},
    }


def test_compose_checks_the_health_of_what_serves(services: Any) -> None:  # noqa: ANN401
    """All but the schema, which runs once and must not be restarted."""
    assert {name for name, service in services.items() if "healthcheck" in service} == {
        "cassandra",
        "app",
        "nginx",
    }
    assert services["schema"]["restart"] == "no"


def test_compose_listens_on_loopback_only(services: Any) -> None:  # noqa: ANN401
    """Only nginx has ports, on 127.0.0.1; the others share a network that leads nowhere."""
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {"nginx": ["127.0.0.1:8080:8080", "127.0.0.1:8443:8443"]}


def test_compose_needs_no_key_where_nobody_else_can_ask(services: Any) -> None:  # noqa: ANN401
    """Published on loopback only, it serves without a key, and to no page under a name of its own:
    the names are those of this machine, and the one by which Prometheus asks inside."""
    environment = services["app"]["environment"]
    given = {
        name: environment[name].removeprefix(f"${{{name}:-").removesuffix("}")
        for name in ("ALLOW_ANONYMOUS", "ALLOWED_HOSTS")
    }
    assert given["ALLOW_ANONYMOUS"] == "true"
    settings = Settings(host=environment["HOST"], allowed_hosts=("localhost", "127.0.0.1", "[::1]"))
    assert not settings.keyless, "it is not on loopback inside, so it has to be allowed"
    assert given["ALLOWED_HOSTS"].split(",") == [*settings.allowed_hosts, "app"]


def test_compose_isolates_what_needs_no_way_out(compose: Any, services: Any) -> None:  # noqa: ANN401
    """Cassandra and the application are on an internal network only."""
    assert compose["networks"]["inside"] == {"internal": True}
    for name in ("cassandra", "schema", "app"):
        assert services[name]["networks"] == ["inside"]


@pytest.mark.parametrize("name", OURS)
def test_compose_gives_no_more_than_is_needed(services: Any, name: str) -> None:  # noqa: ANN401
    """A read-only root file system, no capabilities, no way to gain privileges."""
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["tmpfs"][0].startswith("/tmp")


@pytest.mark.parametrize("name", ["cassandra", "nginx"])
def test_compose_pins_foreign_images(services: Any, name: str) -> None:  # noqa: ANN401
    """Major and minor version are named."""
    assert re.search(r":\d+\.\d+(-\w+)?$", services[name]["image"])


def test_compose_gives_nginx_all_that_its_template_asks_for(services: Any) -> None:  # noqa: ANN401
    """Every placeholder of nginx.conf has a value, and the template is our nginx.conf."""
    asked = set(re.findall(r"\$\{(NGINX_\w+)\}", read("nginx.conf")))
    given = services["nginx"]["environment"]
    assert asked == {name for name in given if not name.startswith("NGINX_ENVSUBST_")}
    assert services["nginx"]["volumes"][0].split(":")[0] == "./nginx.conf"


def test_each_layer_waits_longer_than_the_one_inside(services: Any) -> None:  # noqa: ANN401
    """The request's budget, then nginx, then the engine that stops the container."""
    nginx = services["nginx"]["environment"]["NGINX_TIMEOUT"]
    budget = int(SEED["REQUEST_TIMEOUT"])
    assert budget < seconds(nginx.removeprefix("${NGINX_TIMEOUT:-").removesuffix("}"))
    assert seconds(services["app"]["stop_grace_period"]) > budget + 10


def test_both_limits_on_a_body_are_one_setting(services: Any) -> None:  # noqa: ANN401
    """nginx and the application refuse the same bodies."""
    limit = services["app"]["environment"]["MAX_REQUEST_SIZE"]
    assert limit == "${MAX_REQUEST_SIZE:-" + SEED["MAX_REQUEST_SIZE"] + "}"
    assert services["nginx"]["environment"]["NGINX_MAX_BODY"] == limit


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
    assert all((PROJECT / name).exists() for name in let_through)
    assert ".env" in read(".gitignore").splitlines()


METRICS = {
    "up",
    "http_requests_total",
    "http_request_duration_seconds_bucket",
    "event_store_appends_total",
    "event_store_retries_total",
    "event_store_operation_seconds_bucket",
    "event_store_up",
}


def sections_of_operations() -> set[str]:
    """The names that links within docs/operations.md go by."""
    headings = re.findall(r"(?m)^#+ (.+)$", read("docs/operations.md"))
    return {heading.lower().replace(",", "").replace(" ", "-") for heading in headings}


@pytest.fixture(scope="module")
def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(read("docs/alerts.yml"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_alerts_use_the_metrics_that_exist(rules: list[dict[str, Any]]) -> None:
    """No rule waits for a figure that nobody gives, and none that matters is left unwatched."""
    used = {
        name
        for rule in rules
        for name in re.findall(r"\b(?:up|(?:http|event)_\w+)\b", rule["expr"])
    }
    assert used == METRICS


def test_alerts_say_what_to_do(rules: list[dict[str, Any]]) -> None:
    """Each has a duration, a severity, words, and a section of docs/operations.md that is there."""
    for rule in rules:
        assert rule["for"]
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"].keys() == {"summary", "description", "runbook"}
        page, section = rule["annotations"]["runbook"].split("#")
        assert page == "docs/operations.md"
        assert section in sections_of_operations()


def test_operations_links_lead_somewhere() -> None:
    """Every link of docs/operations.md within itself has its heading."""
    text = read("docs/operations.md")
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= sections_of_operations()


@pytest.mark.parametrize(
    "command",
    ["check rules docs/alerts.yml", "test rules tests/infrastructure/alerts_test.yml"],
)
def test_promtool_accepts_the_alerts(command: str) -> None:
    """Prometheus itself reads the rules, and they fire when they should and only then."""
    promtool = shutil.which("promtool")
    if promtool is None:
        without(
            "promtool", Unavailable("no promtool: install it (Debian: apt-get install prometheus)")
        )
    checked = subprocess.run(
        [Path(promtool), *command.split()], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
