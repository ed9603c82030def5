"""An exclusive lock on a folder, also on file systems whose kernel has no locks."""

from __future__ import annotations

import errno
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from satclip_bench.core.errors import BenchError, UnwritableError
from satclip_bench.core.files import cannot_write

LOCK = ".lock"
"""File that the kernel locks; it stays, and the kernel releases the lock when a process ends."""

MARKER = ".lock.marker"
"""File that exists while a folder is locked, where the kernel has no locks."""

NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)
"""Errors of file systems that have no locks, such as some network file systems."""


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder within the block; does not wait for it.

    Where the kernel has no locks, a marker with the machine and the number of the process takes
    their place. If the process is killed, the next one on the same machine removes it; on another
    machine, it has to be deleted by hand.

    Args:
        folder: existing folder.

    Raises:
        BenchError: another process holds the lock, or left the marker.
        UnwritableError: the folder cannot be written.
    """
    from filelock import FileLock, SoftFileLock, Timeout

    with ExitStack() as stack:
        try:
            with warnings.catch_warnings():
                # filelock itself falls back for one of the errors, to a marker of that name.
                warnings.filterwarnings("ignore", message="flock not supported")
                stack.enter_context(FileLock(folder / LOCK, timeout=0))
        except Timeout:
            raise BenchError(
                f"another run is writing to {folder}. Wait for it to end, or choose another "
                "folder with --out."
            ) from None
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise UnwritableError(cannot_write(folder, error)) from error
            try:
                stack.enter_context(SoftFileLock(folder / MARKER, timeout=0))
            except Timeout:
                raise BenchError(
                    f"another run is writing to {folder}, whose file system has no locks, so that "
                    f"the file {MARKER} in it marks a run. Wait for the run to end, or choose "
                    "another folder with --out; if its machine has stopped, delete the file."
                ) from None
            except OSError as unwritable:
                raise UnwritableError(cannot_write(folder, unwritable)) from unwritable
        yield
