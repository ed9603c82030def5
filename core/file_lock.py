"""A lock that one process at a time holds, also on file systems whose kernel has no locks."""

from __future__ import annotations

import errno
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from satclip_bench.core.errors import BenchError, UnwritableError
from satclip_bench.core.files import cannot_write

if TYPE_CHECKING:
    from filelock import BaseFileLock

NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)
"""Errors of file systems that have no locks, such as some network file systems."""

MARKER_SECONDS = 600.0
"""Longest time for which a marker is waited for: the process that made it may be gone."""


class LockedError(BenchError):
    """Another process holds a lock, or has left its marker behind.

    Attributes:
        marker: the marker; None if the kernel holds the lock, which no process can leave behind.
    """

    def __init__(self, path: Path, marker: Path | None) -> None:
        self.marker = marker
        left = (
            f", or has left the file {marker}, which stands for a lock where the file system has "
            "none. If its machine has stopped, delete the file"
            if marker
            else ""
        )
        super().__init__(f"another process holds the lock {path}{left}")


def marker_of(path: Path) -> Path:
    """File that exists while a lock is held, where the kernel has no locks.

    >>> marker_of(Path("run/.lock")).name
    '.lock.marker'
    """
    return path.with_name(f"{path.name}.marker")


@contextmanager
def file_lock(path: Path, seconds: float = math.inf) -> Iterator[None]:
    """Hold a lock within the block: see `acquired`."""
    lock = acquired(path, seconds)
    try:
        yield
    finally:
        lock.release()


def acquired(path: Path, seconds: float = math.inf) -> BaseFileLock:
    """A lock that is held until it is released.

    The kernel releases it when the process ends. Where the kernel has no locks, a marker with the
    machine and the number of the process takes its place. If the process is killed, the next one on
    the same machine removes it; on another machine, it has to be deleted by hand.

    Args:
        path: file of the lock, in an existing folder. It stays when the lock is released.
        seconds: time for which the lock is waited for; a marker for ten minutes at most.

    Raises:
        LockedError: another process holds the lock, or left the marker.
        UnwritableError: the folder cannot be written.
    """
    from filelock import FileLock, SoftFileLock, Timeout

    # filelock would fall back for one of the errors, to a marker of the name of the lock's file,
    # which may be there from a time when the kernel had locks.
    lock = FileLock(path, -1 if math.isinf(seconds) else seconds, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        raise LockedError(path, None) from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise UnwritableError(cannot_write(path.parent, error)) from error
    else:
        return lock
    marker = SoftFileLock(marker_of(path), min(seconds, MARKER_SECONDS))
    try:
        marker.acquire()
    except Timeout:
        raise LockedError(path, marker_of(path)) from None
    except OSError as error:
        raise UnwritableError(cannot_write(path.parent, error)) from error
    return marker
