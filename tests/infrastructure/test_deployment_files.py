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
from tests.support.cassandra_jvm import VERSION
from tests.support.cassandra_node import Node
from tests.support.processes import Unavailable, free_port
from tests.support.project import ROOT

ORIGINAL = {
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
WATCHING = ["prometheus", "grafana"]
PASSWORDS = ["cassandra_admin_password", "cassandra_password"]


def read(name: str) -> str:
    return (ROOT / name).read_text()


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


def test_env_example_holds_the_original_registrys_settings() -> None:
    """.env.example sets the original registry's variables to its defaults, and no others. Only
    CASSANDRA_HOST is commented out, so that a copy of the file works without Cassandra."""
    expected = {name: value for name, value in ORIGINAL.items() if name != "CASSANDRA_HOST"}
    assert dotenv_values(ROOT / ".env.example", interpolate=False) == expected


def test_compose_names_its_own_cassandra(services: Any) -> None:  # noqa: ANN401
    """Whatever .env says, that being for a service outside of compose."""
    for name in ("app", "schema"):
        environment = services[name]["environment"]
        assert (environment["EVENT_STORE"], environment["CASSANDRA_HOST"]) == (
            "cassandra",
            ORIGINAL["CASSANDRA_HOST"],
        )


def test_env_example_names_every_setting() -> None:
    """Each variable that the settings read is there to be found, if only as a comment."""
    settings = read("config/settings.py")
    names = set(re.findall(r'read\.\w+\(\s*"([A-Z_]+)"', settings))
    names |= {f"{name}_FILE" for name in re.findall(r'read\.secret\("([A-Z_]+)"', settings)}
    assert names >= ORIGINAL.keys()
    assert names <= set(re.findall(r"(?m)^#?([A-Z_]+)=", read(".env.example")))


def test_compose_starts_in_order(services: Any) -> None:  # noqa: ANN401
    """Each part waits until the one that it needs is healthy, or done."""
    assert {name: waits_for(service) for name, service in services.items()} == {
        "cassandra": {},
        "schema": {"cassandra": "service_healthy"},
        "app": {"cassandra": "service_healthy", "schema": "service_completed_successfully"},
        "nginx": {"app": "service_healthy"},
        "prometheus": {},
        "grafana": {},
    }


def test_compose_checks_the_health_of_what_serves(services: Any) -> None:  # noqa: ANN401
    """All but the schema, which runs once and must not be restarted."""
    checked = {name for name, service in services.items() if "test" in service["healthcheck"]}
    assert checked == {"cassandra", "app", "nginx", *WATCHING}
    assert services["schema"]["healthcheck"] == {"disable": True}
    assert services["schema"]["restart"] == "no"


def test_compose_listens_on_loopback_only(services: Any) -> None:  # noqa: ANN401
    """Only nginx has ports, on 127.0.0.1, and what watches; the others share a network that leads
    nowhere."""
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {
        "nginx": ["127.0.0.1:8080:8080", "127.0.0.1:8443:8443"],
        "prometheus": ["127.0.0.1:9090:9090"],
        "grafana": ["127.0.0.1:3000:3000"],
    }


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


@pytest.mark.parametrize("name", [*OURS, *WATCHING])
def test_compose_gives_no_more_than_is_needed(services: Any, name: str) -> None:  # noqa: ANN401
    """A read-only root file system, no capabilities, no way to gain privileges."""
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["tmpfs"][0].startswith("/tmp")


@pytest.mark.parametrize("name", ["cassandra", "nginx", *WATCHING])
def test_compose_pins_foreign_images(services: Any, name: str) -> None:  # noqa: ANN401
    """Major and minor version are named; a digest may follow."""
    assert re.search(r":v?\d+\.\d+(\.\d+)?(-\w+)?(@sha256:\w{64})?$", services[name]["image"])


def test_compose_runs_the_cassandra_that_the_tests_run(services: Any) -> None:  # noqa: ANN401
    """So that what is measured and proved is what is shipped."""
    assert services["cassandra"]["image"].split("@")[0] == f"cassandra:{VERSION}"


@pytest.mark.parametrize("name", ["cassandra", *OURS, *WATCHING])
def test_compose_limits_what_a_service_takes(services: Any, name: str) -> None:  # noqa: ANN401
    """Memory, CPU, processes and the size of its log are bounded."""
    service = services[name]
    assert {"mem_limit", "cpus", "pids_limit"} <= service.keys()
    assert service["logging"]["driver"] == "json-file"
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}


def test_compose_gives_passwords_in_files(compose: Any, services: Any) -> None:  # noqa: ANN401
    """No password is in the environment or in the file itself, and the superuser's reaches the
    schema step only."""
    kept = {name: each["file"] for name, each in compose["secrets"].items()}
    assert kept == {name: f"./secrets/{name}" for name in PASSWORDS}
    assert services["schema"]["secrets"] == PASSWORDS
    assert services["app"]["secrets"] == PASSWORDS[1:]
    for name in ("app", "schema"):
        environment = services[name]["environment"]
        assert "CASSANDRA_PASSWORD" not in environment
        file = environment["CASSANDRA_PASSWORD_FILE"].removeprefix("/run/secrets/")
        assert file in services[name]["secrets"]
    assert "/secrets/" in read(".gitignore").splitlines()


def test_make_up_makes_passwords_once(tmp_path: Path) -> None:
    """Each is long and its own; a second run leaves them as they are, and nobody else can enter
    the folder."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    targets = [f"secrets/{name}" for name in PASSWORDS]
    made = []
    for _ in range(2):
        subprocess.run(["make", *targets], cwd=tmp_path, check=True, capture_output=True)
        made.append([(tmp_path / target).read_text() for target in targets])
    assert made[0] == made[1]
    assert len(set(made[0])) == len(PASSWORDS)
    assert all(len(password.strip()) > 30 for password in made[0])
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0
    assert (tmp_path / targets[0]).stat().st_mode & 0o777 == 0o644


def test_cassandra_is_healthy_once_it_speaks_cql(
    services: Any,  # noqa: ANN401
    cassandra_node: Node,
) -> None:
    """Compose's check needs no password: it holds for a node that runs, and for nothing else."""
    *command, script = services["cassandra"]["healthcheck"]["test"][1:]

    def check(port: int) -> int:
        asked = script.replace("$$", "$").replace("127.0.0.1/9042", f"{cassandra_node.host}/{port}")
        return subprocess.run([*command, asked], capture_output=True, check=False).returncode

    assert check(cassandra_node.port) == 0
    assert check(free_port()) != 0


def test_compose_gives_nginx_all_that_its_template_asks_for(services: Any) -> None:  # noqa: ANN401
    """Every placeholder of both templates has a value, and the image finds them."""
    templates = ("nginx.conf", "nginx.tls-on.conf")
    asked = set(re.findall(r"\$\{(NGINX_\w+)\}", "".join(map(read, templates))))
    given = services["nginx"]["environment"]
    assert asked == {name for name in given if not name.startswith("NGINX_EN")}
    assert services["nginx"]["volumes"][:2] == [
        f"./{name}:/etc/nginx/templates/{name}.template:ro" for name in templates
    ]


def test_compose_turns_tls_on_with_a_certificate(services: Any) -> None:  # noqa: ANN401
    """And only with one: the template that needs it is left out otherwise."""
    assert services["nginx"]["environment"]["NGINX_TLS"] == "${TLS_CERTIFICATE:+on}"


def test_one_address_cannot_take_all_places_of_listeners(services: Any) -> None:  # noqa: ANN401
    """By default nginx lets one client address have fewer than the workers have together."""
    allowed = services["nginx"]["environment"]["NGINX_LISTENERS"]
    settings = Settings()
    allowed = int(allowed.removeprefix("${NGINX_LISTENERS:-").removesuffix("}"))
    assert 1 < allowed < settings.workers * settings.listeners


def test_each_layer_waits_longer_than_the_one_inside(services: Any) -> None:  # noqa: ANN401
    """The request's budget, then nginx, then the engine that stops the container."""
    nginx = services["nginx"]["environment"]["NGINX_TIMEOUT"]
    budget = int(ORIGINAL["REQUEST_TIMEOUT"])
    assert budget < seconds(nginx.removeprefix("${NGINX_TIMEOUT:-").removesuffix("}"))
    assert seconds(services["app"]["stop_grace_period"]) > budget + 10


def test_both_limits_on_a_body_are_one_setting(services: Any) -> None:  # noqa: ANN401
    """nginx and the application refuse the same bodies."""
    limit = services["app"]["environment"]["MAX_REQUEST_SIZE"]
    assert limit == "${MAX_REQUEST_SIZE:-" + ORIGINAL["MAX_REQUEST_SIZE"] + "}"
    assert services["nginx"]["environment"]["NGINX_MAX_BODY"] == limit


def mounted(service: Any) -> dict[str, Path]:  # noqa: ANN401
    """By its path in the container, each file or folder of the project that is mounted there."""
    volumes = [volume.split(":") for volume in service["volumes"]]
    assert all(mode == ["ro"] for source, _, *mode in volumes if source.startswith("./"))
    return {target: ROOT / source for source, target, *_ in volumes if source.startswith("./")}


def test_compose_watches_only_when_asked(services: Any) -> None:  # noqa: ANN401
    """Prometheus and Grafana belong to the profile `watch`, everything else to none."""
    profiles = {
        name: service["profiles"] for name, service in services.items() if "profiles" in service
    }
    assert profiles == {name: ["watch"] for name in WATCHING}


@pytest.mark.parametrize(
    ("target", "command"),
    [
        ("up", "docker compose up --build --detach --wait"),
        ("up PROFILE=watch", "docker compose --profile watch up --build --detach --wait"),
        ("down", "docker compose --profile watch down"),
    ],
)
def test_make_starts_and_stops_what_watches(tmp_path: Path, target: str, command: str) -> None:
    """PROFILE=watch adds it; `make down` stops it, whether it was started or not."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    said = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", *target.split()],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert said.stdout.splitlines()[-1] == command


def test_prometheus_scrapes_the_application(services: Any) -> None:  # noqa: ANN401
    """gunicorn itself, by a name that it serves under, on a network that both are on; and it reads
    the alerts that operators are given."""
    files = mounted(services["prometheus"])
    settings = yaml.safe_load(files["/etc/prometheus/prometheus.yml"].read_text())
    (job,) = settings["scrape_configs"]
    assert job["job_name"] == "carriers"
    (target,) = job["static_configs"][0]["targets"]
    name, port = target.split(":")
    assert port == services[name]["environment"]["PORT"]
    assert name in services["app"]["environment"]["ALLOWED_HOSTS"].removesuffix("}").split(",")
    assert set(services[name]["networks"]) <= set(services["prometheus"]["networks"])
    for rules in settings["rule_files"]:
        assert yaml.safe_load(files[f"/etc/prometheus/{rules}"].read_text())["groups"]


def test_grafana_finds_prometheus_and_the_dashboards(services: Any) -> None:  # noqa: ANN401
    """Its datasource is Prometheus by its name in compose, and its folder holds the dashboards."""
    files = mounted(services["grafana"])
    provisioning = "/etc/grafana/provisioning"
    datasources = files[f"{provisioning}/datasources"] / "prometheus.yml"
    (source,) = yaml.safe_load(datasources.read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert services["prometheus"]["ports"] == ["127.0.0.1:9090:9090"]
    assert set(services["grafana"]["networks"]) & set(services["prometheus"]["networks"])
    interval = yaml.safe_load(read("monitoring/prometheus.yml"))["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == interval
    (provider,) = yaml.safe_load((files[f"{provisioning}/dashboards"] / "files.yml").read_text())[
        "providers"
    ]
    assert list(files[provider["options"]["path"]].glob("*.json"))


def test_grafana_has_no_account(services: Any) -> None:  # noqa: ANN401
    """It can be looked at by everybody on this machine and changed by nobody: no first password
    is left as it came. It has no way to the network of the store either."""
    environment = services["grafana"]["environment"]
    assert environment["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert environment["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert environment["GF_AUTH_BASIC_ENABLED"] == "false"
    assert services["grafana"]["networks"] == ["outside"]


METRICS = {
    "up",
    "http_requests_total",
    "http_request_duration_seconds_bucket",
    "event_store_appends_total",
    "event_store_retries_total",
    "event_store_operation_seconds_bucket",
    "event_store_up",
    "process_start_time_seconds",
    "authentication_failures_total",
    "http_requests_refused_total",
    "feed_position",
    "feed_waiting_seconds",
    "view_position",
    "view_parked_streams",
}


def sections_of_operations() -> set[str]:
    """The names that links within docs/operations.md go by."""
    headings = re.findall(r"(?m)^#+ (.+)$", read("docs/operations.md"))
    return {heading.lower().replace(",", "").replace(" ", "-") for heading in headings}


@pytest.fixture(scope="module")
def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(read("monitoring/rules/alerts.yml"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.fixture(scope="module")
def alerts(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those on causes and those on objectives."""
    groups = yaml.safe_load(read("monitoring/rules/objectives.yml"))["groups"]
    return rules + [rule for group in groups for rule in group["rules"] if "alert" in rule]


def test_alerts_use_the_metrics_that_exist(rules: list[dict[str, Any]]) -> None:
    """No rule waits for a figure that nobody gives, and none that matters is left unwatched."""
    used = {
        name
        for rule in rules
        for name in re.findall(
            r"\b(?:up|(?:http|event|process|authentication|feed|view)_\w+)\b", rule["expr"]
        )
    }
    assert used == METRICS


def test_alerts_say_what_to_do(alerts: list[dict[str, Any]]) -> None:
    """Each has a duration, a severity, words, and a section of docs/operations.md that is there."""
    for rule in alerts:
        assert rule["for"]
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"].keys() == {"summary", "description", "runbook"}
        page, section = rule["annotations"]["runbook"].split("#")
        assert page == "docs/operations.md"
        assert section in sections_of_operations()


def test_each_alert_is_tested_on_either_side(alerts: list[dict[str, Any]]) -> None:
    """By promtool: that it fires, and that it is silent below its threshold."""
    names = [
        test["name"]
        for kind in ("alerts", "objectives", "objectives_days")
        for test in yaml.safe_load(read(f"tests/monitoring/{kind}_test.yml"))["tests"]
    ]
    for each in (rule["alert"] for rule in alerts):
        assert [name for name in names if name.startswith(f"{each} fires")], each
        assert [name for name in names if name.startswith(f"{each} is silent")], each


def test_operations_links_lead_somewhere() -> None:
    """Every link of docs/operations.md within itself has its heading."""
    text = read("docs/operations.md")
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= sections_of_operations()


@pytest.mark.parametrize(
    "command",
    [
        "check rules monitoring/rules/alerts.yml monitoring/rules/objectives.yml",
        "test rules tests/monitoring/alerts_test.yml",
        pytest.param("test rules tests/monitoring/objectives_test.yml", marks=pytest.mark.full),
        pytest.param(
            "test rules tests/monitoring/objectives_days_test.yml", marks=pytest.mark.full
        ),
    ],
)
def test_promtool_accepts_the_alerts(command: str) -> None:
    """Prometheus itself reads the rules, and they fire when they should and only then."""
    promtool = shutil.which("promtool")
    if promtool is None:
        without(
            "promtool", Unavailable("no promtool: install it (Debian: apt-get install prometheus)")
        )
    checked = subprocess.run(
        [Path(promtool), *command.split()], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
