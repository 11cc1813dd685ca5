"""examples/…/follow: what a follower does when the feed is no longer the one that it followed."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.answers import another
from tests.support.examples import each_language, followed, run
from tests.support.service import Service, service_environment


@each_language
def test_a_feed_that_was_renewed_stops_the_follower(tmp_path: Path, language: str) -> None:
    """With 3 and what the service says; what it has stays as it is, and an empty place begins
    anew with the new feed."""
    folder = tmp_path / "service"
    with Service(folder, WORKERS="1") as service:
        url = f"http://{service.host}:{service.port}"
        into = tmp_path / "followed"
        arguments = ("follow", "--url", url, "--once", "--into")
        service.ask("POST", "/register-carrier", another())
        assert run(language, *arguments, str(into)).returncode == 0
        before = followed(language, into)
        assert len(before) == 1
        service.server.stop()
        merged = {**os.environ, **service_environment(folder)}
        subprocess.run(
            [sys.executable, "-m", "app.cli", "feed", "renew", "--yes"],
            env={name: value for name, value in merged.items() if value is not None},
            cwd=folder,
            check=True,
            timeout=60,
        )
        service.server.start()
        stopped = run(language, *arguments, str(into))
        assert stopped.returncode == 3, stopped.stderr
        assert "410" in stopped.stderr
        assert followed(language, into) == before
        anew = tmp_path / "anew"
        assert run(language, *arguments, str(anew)).returncode == 0
        assert followed(language, anew) == before
