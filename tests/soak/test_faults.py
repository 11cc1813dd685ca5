"""The faults that tests put into a machine do what their names say, and are over in the end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import without
from tests.support.partition import Partition, require_iptables, sent_by, to
from tests.support.processes import Unavailable, free_port
from tests.support.small_disk import fill, make_room, small_disk
from tests.support.workload.world import HOUR
from tests.support.wrong_clock import clock_settings

pytestmark = pytest.mark.soak

GROUP = 61_099


def reaches(port: int, group: int) -> bool:
    """Whether a process of the group can connect to the port."""
    program = f"import socket; socket.create_connection(('127.0.0.1', {port}), timeout=0.3)"
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, check=False, group=group).returncode == 0


def test_a_partition_is_for_one_sender_and_heals() -> None:
    """What one group sends to the port is lost and counted, what others send is not; afterwards
    nothing is."""
    try:
        require_iptables()
    except Unavailable as reason:
        without("iptables", reason)
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        partition = Partition((*to("127.0.0.1", port), *sent_by(GROUP)))
        partition.begin()
        try:
            assert reaches(port, GROUP + 1)
            assert partition.lost() == 0
            assert not reaches(port, GROUP)
            assert partition.lost() > 0
        finally:
            partition.end()
        assert reaches(port, GROUP)


def test_a_full_disk_takes_nothing_until_there_is_room(tmp_path: Path) -> None:
    """A file can be written before and afterwards, and not meanwhile."""
    try:
        with small_disk(tmp_path / "disk", 1):
            file = tmp_path / "disk/file"
            file.write_text("before")
            fill(tmp_path / "disk")
            with pytest.raises(OSError, match="No space left on device"):
                (tmp_path / "disk/other").write_text("meanwhile")
            make_room(tmp_path / "disk")
            file.write_text("afterwards")
            assert file.read_text() == "afterwards"
    except Unavailable as reason:
        without("mount", reason)


def test_a_wrong_clock_is_wrong_and_waits_are_right(clock: Path) -> None:
    """The time of day is an hour off, and a sleep takes as long as it should."""
    program = "import time; a = time.monotonic(); time.sleep(0.2);"
    program += "print(time.time(), time.monotonic() - a)"
    environment = {**os.environ, **clock_settings(clock, HOUR)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, check=True
    )
    now, slept = map(float, done.stdout.split())
    assert abs(now - time.time() - HOUR) < 60
    assert 0.2 <= slept < 5
