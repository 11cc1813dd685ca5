"""Files and folders that only the service's own user can read. For whatever keeps data or logs.

Data holds addresses and the digests of keys, logs hold who did what: neither is for everybody who
has an account on the machine. A folder that the service did not make keeps its permissions: others
may have a reason to look into it.
"""

import logging
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from app.application.doctor import Finding, notice

log = logging.getLogger(__name__)

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
_OTHERS = 0o077


def make_folder(folder: Path) -> None:
    """Make the folder and those above it, where missing, as 0700. Raises OSError."""
    if not folder.is_dir():
        if folder.parent != folder:
            make_folder(folder.parent)
        folder.mkdir(PRIVATE_FOLDER, exist_ok=True)


def make_file(path: Path) -> None:
    """Make an empty file as 0600, unless there is one. Raises OSError.

    It gets its name when it is closed: to close a file of SQLite's would give up the locks that
    this process holds on it.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE))
    if os.geteuid() == 0:  # a shell command of root's must not keep the service from its file
        owner = path.parent.stat()
        os.chown(draft, owner.st_uid, owner.st_gid)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE))
    finally:
        draft.unlink()


def keep_private(path: Path, say: Callable[[str], None] = log.warning) -> None:
    """Take away what others may do with a file of ours, and say so in one line. A file that is not
    there, or is another user's, stays as it is."""
    try:
        found = path.stat()
        if found.st_uid == os.geteuid() and found.st_mode & _OTHERS:
            path.chmod(PRIVATE_FILE)
            mode = stat.S_IMODE(found.st_mode)
            say(f"{path} could be read by other users (mode {mode:04o}): it is 0600 now")
    except FileNotFoundError:
        pass
    except OSError as error:
        say(f"{path} can be read by other users, and its mode cannot be changed: {error}")


def exposed(paths: Iterable[Path]) -> Iterator[Finding]:
    """A finding for each file or folder of these that other users of the machine can read or
    write. One in a folder that others cannot enter is out of their reach; what is not there, or
    cannot be looked at, is left out."""
    for path in paths:
        with suppress(OSError):
            mode = stat.S_IMODE(path.stat().st_mode)
            closed = any(not parent.stat().st_mode & 0o011 for parent in path.resolve().parents)
            if mode & _OTHERS and not closed:
                yield notice(
                    "readable-by-others",
                    f"Other users of this machine can reach {path} (mode {mode:04o}), which holds"
                    f" addresses, secrets or who did what: chmod go= {path}.",
                )
