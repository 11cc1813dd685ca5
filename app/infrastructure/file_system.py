"""What a file system can hold and how: kind and options from /proc/mounts, room from the system."""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.application.doctor import Finding, notice, risk

_MOUNTS = Path("/proc/mounts")
_OCTAL = re.compile(r"\\([0-7]{3})")

_NETWORK = frozenset(
    {
        *("9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs2", "gpfs", "lustre"),
        *(
            "ncpfs",
            "nfs",
            "nfs4",
            "ocfs2",
            "prl_fs",
            "smb3",
            "smbfs",
            "vboxsf",
            "virtiofs",
            "vmhgfs",
        ),
        *("fuse.ceph", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"),
        "fuse.vmhgfs-fuse",
    }
)
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_WITHOUT_BARRIERS = frozenset({"nobarrier", "barrier=0"})

MIN_FREE_BYTES = 100 * 2**20
_ENOUGH_FREE_BYTES = 5 * 2**30
_MIN_FREE_PART = 0.05


@dataclass(frozen=True, slots=True)
class FileSystem:
    """The file system that a folder is in. Sizes are in bytes; `kind` is empty where the system
    does not say."""

    folder: Path
    kind: str
    options: frozenset[str]
    free: int
    total: int

    @property
    def nearly_full(self) -> bool:
        """Whether less than 5 % is free, or less than 100 MiB; 5 GiB are always enough."""
        wanted = min(self.total * _MIN_FREE_PART, _ENOUGH_FREE_BYTES)
        return self.free < max(wanted, MIN_FREE_BYTES)


def file_system_of(folder: Path, mounts: str | None = None) -> FileSystem:
    """`mounts` is the text of /proc/mounts. Raises OSError if there is no such folder."""
    if mounts is None:
        mounts = _MOUNTS.read_text() if _MOUNTS.exists() else ""
    kind, options = _mounted_at(Path(os.path.realpath(folder)), mounts)
    usage = shutil.disk_usage(folder)
    return FileSystem(folder, kind, options, usage.free, usage.total)


def _mounted_at(folder: Path, mounts: str) -> tuple[str, frozenset[str]]:
    """Kind and options of the deepest mount above the folder; of several at one place the last."""
    found, deepest = ("", frozenset[str]()), -1
    for line in mounts.splitlines():
        _, point, kind, options, *_ = line.split(" ")
        path = Path(_OCTAL.sub(lambda match: chr(int(match[1], 8)), point))
        if folder.is_relative_to(path) and len(path.parts) >= deepest:
            found, deepest = (kind, frozenset(options.split(","))), len(path.parts)
    return found


def of_durability(held: FileSystem) -> Iterator[Finding]:
    """Whether a file that is synced there stays."""
    if held.kind in _NETWORK:
        yield risk(
            "network-file-system",
            f"{held.folder} is on a network file system ({held.kind}), whose locks and shared"
            " memory SQLite cannot rely on, so that events can be lost or damaged: put SQLITE_PATH"
            " on a disk of this machine, or use Cassandra.",
        )
    if held.kind in _IN_MEMORY:
        yield risk(
            "file-system-in-memory",
            f"{held.folder} is kept in memory ({held.kind}) and gone with the next restart of the"
            " machine or container: put SQLITE_PATH on a disk.",
        )
    if held.kind == "overlay":
        yield notice(
            "container-layer",
            f"{held.folder} is on an overlay file system; if that is a container's own, it goes"
            " with the container: put SQLITE_PATH on a volume.",
        )
    if held.options & _WITHOUT_BARRIERS:
        yield risk(
            "write-barriers-off",
            f"{held.folder} is mounted without write barriers, so a power cut can lose what was"
            " synced: mount it with them.",
        )


def of_room(held: FileSystem) -> Iterator[Finding]:
    """Whether there is room for more."""
    if held.nearly_full:
        free, total = held.free // 2**20, held.total // 2**20
        yield notice(
            "disk-nearly-full",
            f"The disk of {held.folder} has {free} MiB left of {total}: once it is full every"
            " command gets 503; nothing that was acknowledged is lost. Make room.",
        )
