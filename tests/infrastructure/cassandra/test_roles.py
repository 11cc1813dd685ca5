"""The roles of a Cassandra that asks for passwords, on a real node set up as compose does it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from cassandra import Unauthorized
from cassandra.cluster import NoHostAvailable
from click.testing import CliRunner, Result

from app.application.ports.errors import SchemaError
from app.cli import main
from app.infrastructure.cassandra import roles as cassandra_roles
from app.infrastructure.cassandra.roles import let_in, replace_first_login
from app.infrastructure.cassandra.session import Contact
from tests.conftest import without
from tests.support import cassandra_node
from tests.support.answers import another
from tests.support.cassandra_node import UNFLUSHED_SCHEMA, JvmNode, Unavailable
from tests.support.processes import wait_until
from tests.support.project import ROOT
from tests.support.service import Service
from tests.support.stores import driver_session, make_schema, said_of_connecting

KEYSPACE = "registry"
ADMIN, SERVICE = "admin", "service"


def compose_options() -> str:
    """What compose gives Cassandra's JVM."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    options: str = compose["services"]["cassandra"]["environment"]["JVM_EXTRA_OPTS"]
    return options


@pytest.fixture(scope="module")
def node() -> Iterator[JvmNode]:
    """A new node with compose's options over the file that the image has."""
    everybody = {
        "authenticator": {"class_name": "AllowAllAuthenticator"},
        "authorizer": {"class_name": "AllowAllAuthorizer"},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_TOOL_OPTIONS", compose_options())
        try:
            started = cassandra_node.start_own(overrides=everybody, options=UNFLUSHED_SCHEMA)
        except Unavailable as reason:
            without("cassandra", reason)
    yield started
    started.close()


@pytest.fixture(scope="module")
def admin(node: JvmNode) -> Contact:
    """The superuser that replaces the first login."""
    contact = Contact((node.host,), node.port, username=ADMIN, password="p'ass word")
    replace_first_login(contact, print)
    return contact


@pytest.fixture(scope="module")
def service(node: JvmNode, admin: Contact) -> Contact:
    """The role of the application, over a keyspace with its tables."""
    make_schema(admin, KEYSPACE)
    let_in(admin, KEYSPACE, SERVICE, "s3cret", print)
    return replace(admin, username=SERVICE, password="s3cret")


def run(contact: Contact, cql: str) -> list[object]:
    """The rows that this role gets."""
    with driver_session(contact) as session:
        return list(session.execute(cql))


def is_refused(contact: Contact) -> bool:
    """Whether this role cannot log in."""
    try:
        run(contact, "SELECT release_version FROM system.local")
    except NoHostAvailable as error:
        return "AuthenticationFailed" in repr(error.errors)
    return False


def test_nobody_gets_in_without_a_password(node: JvmNode) -> None:
    """Compose's options turn authentication on."""
    assert is_refused(Contact((node.host,), node.port))


def test_a_login_that_is_refused_is_told_without_it(node: JvmNode, admin: Contact) -> None:
    """Neither the name nor the password is repeated, only which settings hold them."""
    refused = "the login was refused: look at CASSANDRA_USERNAME and CASSANDRA_PASSWORD"
    strangers = Contact(admin.hosts, admin.port), replace(admin, username="x", password="wr0ng")
    for stranger in strangers:
        assert said_of_connecting(stranger, KEYSPACE) == f"{node.host}:{node.port}: {refused}"


def test_what_was_acknowledged_is_on_disk(admin: Contact) -> None:
    """Compose's options make the commit log wait for the disk before a write is answered."""
    settings = "SELECT value FROM system_views.settings WHERE name = 'commitlog_sync'"
    assert run(admin, settings) == [{"value": "batch"}]


def test_the_first_login_is_closed(node: JvmNode, admin: Contact) -> None:
    """Everybody knows its password; with another superuser there it can do nothing any more, once
    the node has forgotten what it knew of the role, after two seconds."""
    first = replace(admin, username="cassandra", password="cassandra")
    wait_until(lambda: is_refused(first), 10, "the first login is refused", 0.2)
    replace_first_login(admin, print)
    assert not is_refused(admin)


def test_a_run_that_died_half_way_is_completed(admin: Contact) -> None:
    """With the new superuser there and the first login still open, the next run closes that."""
    run(admin, "ALTER ROLE cassandra WITH SUPERUSER = true AND LOGIN = true")
    replace_first_login(admin, print)
    rows = run(
        admin, "SELECT can_login, is_superuser FROM system_auth.roles WHERE role='cassandra'"
    )
    assert rows == [{"can_login": False, "is_superuser": False}]


def test_the_first_login_does_not_replace_itself(node: JvmNode) -> None:
    """That would lock everybody out."""
    first = Contact((node.host,), node.port, username="cassandra", password="cassandra")
    with pytest.raises(SchemaError, match="set CASSANDRA_USERNAME"):
        replace_first_login(first, print)


def test_a_wrong_password_is_told(admin: Contact, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one sentence without the password, once the first login is closed."""
    monkeypatch.setattr(cassandra_roles, "FIRST_LOGIN_SECONDS", 0.1)
    with pytest.raises(SchemaError, match="lets in neither") as caught:
        replace_first_login(replace(admin, password="wr0ng"), print)
    assert "wr0ng" not in str(caught.value)


@pytest.mark.parametrize(
    "cql",
    [
        f"CREATE TABLE {KEYSPACE}.mine (a int PRIMARY KEY)",
        f"DROP TABLE {KEYSPACE}.events",
        f"ALTER TABLE {KEYSPACE}.events ADD mine int",
        "SELECT role FROM system_auth.roles",
        "CREATE ROLE mine",
    ],
)
def test_the_service_may_do_no_more_than_it_needs(service: Contact, cql: str) -> None:
    """It reads and writes rows: tables, roles and other keyspaces are not its own."""
    with pytest.raises(Unauthorized):
        run(service, cql)


def test_a_new_password_of_the_service_is_taken(admin: Contact, service: Contact) -> None:
    """The next run sets the one that it is given, however soon it comes; the old one ends."""
    try:
        let_in(admin, KEYSPACE, SERVICE, "another", print)
        assert not is_refused(replace(service, password="another"))
        wait_until(lambda: is_refused(service), 20, "the end of the old one")
    finally:
        let_in(admin, KEYSPACE, SERVICE, "s3cret", print)


@pytest.fixture
def carriers(node: JvmNode, tmp_path: Path) -> Callable[..., Result]:
    """`carriers` with the settings of compose's schema step, passwords from files."""
    for name, password in (("admin", "p'ass word"), ("service", "s3cret")):
        (tmp_path / name).write_text(f"{password}\n")

    def invoke(*arguments: str) -> Result:
        environment = {
            "CASSANDRA_HOST": node.host,
            "CASSANDRA_PORT": str(node.port),
            "CASSANDRA_KEYSPACE": KEYSPACE,
            "CASSANDRA_USERNAME": ADMIN,
            "CASSANDRA_PASSWORD_FILE": str(tmp_path / "admin"),
        }
        folder = ("--folder", str(ROOT / "migrations_cql"))
        return CliRunner().invoke(main, ["schema", *folder, *arguments], env=environment)

    return invoke


def test_one_command_does_all_of_it(
    carriers: Callable[..., Result], node: JvmNode, tmp_path: Path
) -> None:
    """`carriers schema` with its options replaces the first login, makes the tables and lets the
    service in, which then registers a carrier; it can be repeated."""
    password = ("--password-file", str(tmp_path / "service"))
    options = ("--replace-first-login", "--let-in", SERVICE, *password)
    for _ in range(2):
        done = carriers(*options)
        assert done.exit_code == 0, done.output
    settings = {
        "CASSANDRA_HOST": node.host,
        "CASSANDRA_PORT": str(node.port),
        "CASSANDRA_KEYSPACE": KEYSPACE,
        "CASSANDRA_USERNAME": SERVICE,
        "CASSANDRA_PASSWORD_FILE": str(tmp_path / "service"),
    }
    with Service(tmp_path / "served", "127.0.0.1", None, **settings) as served:
        assert served.ask("POST", "/register-carrier", another()).status == 201
        wait = served.ask("GET", "/events?wait=10").json["data"]["events"]
        assert [event["type"] for event in wait]


def test_the_service_sees_how_its_nodes_are_set_up(node: JvmNode, service: Contact) -> None:
    """`carriers doctor` in its role finds nothing to say of compose's options but that there is one
    copy."""
    settings = {
        "CASSANDRA_HOST": node.host,
        "CASSANDRA_PORT": str(node.port),
        "CASSANDRA_KEYSPACE": KEYSPACE,
        "CASSANDRA_USERNAME": SERVICE,
        "CASSANDRA_PASSWORD": "s3cret",
    }

    def codes() -> list[str]:
        examined = CliRunner().invoke(main, ["doctor", "--json"], env=settings)
        return [each["code"] for each in json.loads(examined.stdout)["findings"]]

    # A node goes by what a role might do before for two seconds.
    wait_until(lambda: "settings-not-shown" not in codes(), 20, "the grant holds")
    assert codes() == ["one-copy"]


def test_a_role_needs_a_password_file(carriers: Callable[..., Result], tmp_path: Path) -> None:
    """Each option without the other is wrong usage, and so is a file without a password."""
    (tmp_path / "empty").touch()
    for options in (
        ("--let-in", SERVICE),
        ("--password-file", str(tmp_path / "service")),
        ("--let-in", SERVICE, "--password-file", str(tmp_path / "empty")),
    ):
        assert carriers(*options).exit_code == 2
