"""An exclusive lock on a folder that a run writes to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from satclip_bench.core.errors import BenchError
from satclip_bench.core.file_lock import LockedError, file_lock

LOCK = ".lock"
"""File of the lock in the folder."""


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder within the block; does not wait for it.

    Args:
        folder: existing folder.

    Raises:
        BenchError: another process holds the lock, or left its marker.
        UnwritableError: the folder cannot be written.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(file_lock(folder / LOCK, seconds=0))
        except LockedError as error:
            where = (
                f", whose file system has no locks, so that the file {error.marker.name} in it "
                "marks a run. Wait for the run to end, or choose another folder with --out; if its "
                "machine has stopped, delete the file."
                if error.marker
                else ". Wait for it to end, or choose another folder with --out."
            )
            raise BenchError(f"another run is writing to {folder}{where}") from None
        yield
