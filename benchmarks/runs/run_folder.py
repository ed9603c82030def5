"""A run's folder while a run writes to it: its lock, temporary files and scratch folder."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import cannot_write, process_mark, sweep_parts
from satclip_bench.core.folder_lock import folder_lock

SCRATCH = ".satclip-bench-scratch"
"""Folder inside a run's folder for files that are needed only while it runs. A run's folder may be
one where a user works, and the name is one that no other program has."""


@contextmanager
def locked_run(folder: Path) -> Iterator[None]:
    """Lock a run's folder for writing, and delete what killed runs left in it.

    Args:
        folder: folder of the run; created if necessary.

    Raises:
        BenchError: another process holds the lock, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BenchError(cannot_write(folder, error)) from error
    with folder_lock(folder):
        sweep_parts(folder, "**/*")
        # A run that was killed after its last record leaves it, and the next has no cells.
        shutil.rmtree(folder / SCRATCH, ignore_errors=True)
        try:
            yield
        finally:
            # Workers are killed on an interrupt, perhaps while they write.
            sweep_parts(folder, "**/*")


@contextmanager
def scratch_folder(folder: Path) -> Iterator[Path]:
    """An empty folder inside a run's folder, which is deleted in the end.

    Args:
        folder: folder of the run, whose lock the caller holds.

    Raises:
        BenchError: the folder cannot be written.
    """
    scratch = folder / SCRATCH
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        # A network file system keeps what another process still reads, under names of its own.
        empty = Path(tempfile.mkdtemp(dir=scratch))
    except OSError as error:
        raise BenchError(cannot_write(scratch, error)) from error
    try:
        yield empty
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def writable(folder: Path) -> None:
    """Raise BenchError unless files can be written in `folder`; called before any work is done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # If the process is killed here, the next run deletes the file as a temporary one.
        probe = folder / f".probe.{process_mark()}writable.part"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise BenchError(cannot_write(folder, error)) from error
