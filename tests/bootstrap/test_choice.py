"""What the choice of a database costs a process that chose the other one."""

import subprocess
import sys
from pathlib import Path

from tests.support.project import ROOT

_SERVICE_ON_SQLITE = """
import sys
from pathlib import Path
from app.bootstrap import build_services, opened_keys
from config.settings import Settings
settings = Settings(app_env="testing", sqlite_path=Path(sys.argv[1]))
build_services(settings).close()
with opened_keys(settings):
    pass
print(*sorted(name for name in sys.modules if "cassandra" in name))
"""


def test_a_service_on_sqlite_imports_nothing_of_cassandra(tmp_path: Path) -> None:
    """The driver costs a second and 30 MB."""
    ended = subprocess.run(
        [sys.executable, "-c", _SERVICE_ON_SQLITE, str(tmp_path / "events.sqlite3")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (ended.stdout, ended.stderr, ended.returncode) == ("\n", "", 0)
