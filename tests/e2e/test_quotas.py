"""The workers of a service count requests together, and exactly."""

import os
import signal
from collections import Counter
from pathlib import Path

from tests.support.processes import wait_until
from tests.support.service import Service
from tests.support.threads import at_once

QUOTA = 50


def test_workers_count_together_also_after_one_was_killed(tmp_path: Path) -> None:
    """Sixteen clients ask three workers: as many as the quota allows are answered, and not one
    more; nor when a new worker takes the place of a killed one."""
    settings = {"WORKERS": "3", "ADDRESS_QUOTA": f"{QUOTA}/86400"}
    with Service(tmp_path, "127.0.0.1", None, **settings) as service:
        answers = at_once(16, lambda _: [service.ask("GET", "/docs").status for _ in range(10)])
        statuses = Counter(status for each in answers for status in each)
        assert statuses == {200: QUOTA, 429: 160 - QUOTA}
        former = set(service.workers())
        os.kill(min(former), signal.SIGKILL)
        wait_until(lambda: len(set(service.workers()) - former) == 1, 10, "another worker")
        again = at_once(16, lambda _: [service.ask("GET", "/docs").status for _ in range(5)])
        assert {status for each in again for status in each} == {429}
