"""Where the log goes when there is no disk to write it to."""

from pathlib import Path

from tests.support.answers import another
from tests.support.service import Service


def test_without_a_folder_the_log_is_on_stderr_alone(tmp_path: Path) -> None:
    """With LOG_DIR empty the service makes no folder, complains about none, and logs every
    request all the same."""
    with Service(tmp_path, LOG_DIR="", WORKERS="1") as service:
        service.ask("POST", "/register-carrier", another(), {"X-Request-ID": "mine"})
    lines = service.log_lines()
    assert [line for line in lines if line["request_id"] == "mine"]
    of_the_log = [line for line in lines if line["logger"] != "app.doctor"]
    assert not [line for line in of_the_log if line["level"] not in {"info", "debug"}]
    assert not (tmp_path / "logs").exists()
