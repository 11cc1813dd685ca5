"""Where a file is kept: which file system, how full, and who can read it."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.infrastructure.file_system import FileSystem, file_system_of, of_durability, of_room
from app.infrastructure.private_files import exposed

MOUNTS = """\
/dev/vda / ext4 rw,relatime 0 0
server:/export {folder} nfs4 rw,relatime,vers=4.2 0 0
/dev/vdb {folder}/disk\\040two xfs rw,nobarrier 0 0
"""
GIB = 2**30


def codes(held: FileSystem) -> list[str]:
    """What is found."""
    return [each.code for each in (*of_durability(held), *of_room(held))]


@pytest.fixture
def disk(tmp_path: Path) -> FileSystem:
    """A roomy disk of this machine."""
    return FileSystem(tmp_path, "ext4", frozenset({"rw"}), 50 * GIB, 100 * GIB)


def test_nothing_is_said_of_a_roomy_disk(disk: FileSystem) -> None:
    """One of this machine's own."""
    assert codes(disk) == []


def test_a_network_file_system_is_a_risk(tmp_path: Path) -> None:
    """It is found by the mount above the folder."""
    held = file_system_of(tmp_path, MOUNTS.format(folder=tmp_path))
    assert held.kind == "nfs4"
    assert "network-file-system" in codes(held)


def test_the_deepest_mount_counts(tmp_path: Path) -> None:
    """Its path may hold a space, and its options leave out write barriers."""
    folder = tmp_path / "disk two" / "registry"
    folder.mkdir(parents=True)
    held = file_system_of(folder, MOUNTS.format(folder=tmp_path))
    assert held.kind == "xfs"
    assert "write-barriers-off" in codes(held)
    assert "network-file-system" not in codes(held)


def test_the_later_of_two_mounts_at_one_place_counts(tmp_path: Path) -> None:
    """It hides the earlier one."""
    mounts = f"a {tmp_path} nfs rw 0 0\nb {tmp_path} ext4 rw 0 0\n"
    assert file_system_of(tmp_path, mounts).kind == "ext4"


def test_a_system_that_tells_nothing_of_mounts(tmp_path: Path) -> None:
    """Then only room is looked at."""
    held = file_system_of(tmp_path, "")
    assert (held.kind, list(of_durability(held))) == ("", [])


def test_a_folder_in_memory_is_a_risk() -> None:
    """/dev/shm is one wherever there is Linux."""
    assert "file-system-in-memory" in codes(file_system_of(Path("/dev/shm")))


def test_a_containers_own_layer_is_worth_knowing(disk: FileSystem) -> None:
    """It goes with the container."""
    assert codes(replace(disk, kind="overlay")) == ["container-layer"]


@pytest.mark.parametrize(
    ("free", "total", "nearly_full"),
    [
        (4 * GIB, 100 * GIB, True),
        (6 * GIB, 100 * GIB, False),
        (6 * GIB, 10_000 * GIB, False),
        (GIB // 16, GIB, True),
        (GIB // 8, GIB, False),
    ],
)
def test_a_disk_that_is_nearly_full(
    disk: FileSystem, free: int, total: int, nearly_full: bool
) -> None:
    """Less than 5 % or 100 MiB; nobody needs more than 5 GiB."""
    held = replace(disk, free=free, total=total)
    assert codes(held) == ["disk-nearly-full"] * nearly_full


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB, where this user may mount one; else one that is there."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", tmp_path],
        check=False,
        capture_output=True,
    )
    yield tmp_path
    if mounted.returncode == 0:
        subprocess.run(["umount", tmp_path], check=True)


def test_room_is_asked_of_the_system(small_disk: Path) -> None:
    """As much as the system says is free for this user."""
    held = file_system_of(small_disk)
    system = os.statvfs(small_disk)
    assert held.total == system.f_blocks * system.f_frsize
    assert ("disk-nearly-full" in codes(held)) == (held.free < max(held.total / 20, 100 * 2**20))


def test_a_file_that_others_can_read(open_folder: Path) -> None:
    """It is named with its mode, and with what to do."""
    file = open_folder / "events"
    file.touch()
    file.chmod(0o640)
    (finding,) = exposed([file])
    assert finding.code == "readable-by-others"
    assert "(mode 0640)" in finding.sentence
    assert finding.sentence.endswith(f"chmod go= {file}.")


def test_a_file_in_a_folder_that_others_cannot_enter(tmp_path: Path) -> None:
    """Its own mode opens nothing."""
    tmp_path.chmod(0o700)
    file = tmp_path / "events"
    file.touch(0o644)
    assert list(exposed([file, tmp_path / "missing"])) == []
