"""One booth at a time: a lock in the state folder, which the kernel drops with the process that holds it.

Two daemons on one ledger, or a technician's command on devices that the booth drives, must never happen.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class AlreadyRunning(Exception):
    """Another process drives this booth; the text names it and says what to do."""


@contextmanager
def alone(state_dir: Path) -> Iterator[None]:
    """Holds the booth's lock. AlreadyRunning where another process has it; OSError where it cannot be had."""
    path = state_dir / "booth.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        todo = "; run this as root" if isinstance(error, PermissionError) else ""
        raise OSError(f"{path}: {error.strerror}{todo}") from error
    try:
        if os.geteuid() == 0:  # a technician before the first start: the lock stays the booth's own
            owner = os.stat(state_dir)
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
            raise AlreadyRunning(
                f"process {holder or '(unknown)'} drives this booth already; stop it first: systemctl stop booth"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, b"%d\n" % os.getpid())
        yield
    finally:
        os.close(descriptor)


def running(state_dir: Path) -> bool:
    """Whether a process drives this booth now."""
    try:
        with alone(state_dir):
            return False
    except AlreadyRunning:
        return True
