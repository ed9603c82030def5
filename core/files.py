"""Hashes of files, the cache folder, and atomic writes."""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import product
from pathlib import Path
from typing import BinaryIO, Protocol

import platformdirs
from typing_extensions import Buffer

from satclip_bench.core.errors import BenchError, IntegrityError, UnwritableError

CACHE_VARIABLE = "SATCLIP_BENCH_CACHE"
OFFLINE_VARIABLE = "SATCLIP_BENCH_OFFLINE"

ABANDONED_SECONDS = 86_400.0
"""Age from which a temporary file that another machine wrote is deleted."""


def cache_dir() -> Path:
    """Folder of files that can be made or downloaded again.

    It is `$SATCLIP_BENCH_CACHE`, or else the system's place for caches. It is not created here.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("satclip-bench")


def is_offline() -> bool:
    """Whether downloads are forbidden: `$SATCLIP_BENCH_OFFLINE` is set, and not to 0."""
    return os.environ.get(OFFLINE_VARIABLE, "0") not in ("", "0")


def sha256_bytes(content: bytes) -> str:
    """SHA-256 of bytes, in hexadecimal.

    >>> sha256_bytes(b"abc")[:16]
    'ba7816bf8f01cfea'
    """
    return hashlib.sha256(content).hexdigest()


def file_name(text: str) -> str:
    """Turn text into part of a file's name: unambiguous, and never a path.

    >>> file_name("harmonics.l10"), file_name("../etc")
    ('harmonics.l10', '-etc-f7f9121f')
    """
    safe = re.sub(r"[^A-Za-z0-9._+-]", "-", text).lstrip(".") or "_"
    if safe == text and len(text) <= 80:
        return safe
    return f"{safe[:60]}-{sha256_bytes(text.encode())[:8]}"


class ByteStream(Protocol):
    """What bytes can be written to, such as a file that is open for writing."""

    def write(self, content: Buffer, /) -> int:
        """Write bytes, or an array that is contiguous in memory; returns their number."""
        ...


class HashedStream:
    """A stream that passes on what is written to it, and computes its SHA-256.

    Args:
        stream: stream that gets the content.

    >>> import io
    >>> stream = HashedStream(io.BytesIO())
    >>> stream.write(b"abc")
    3
    >>> stream.sha256[:16]
    'ba7816bf8f01cfea'
    """

    def __init__(self, stream: ByteStream) -> None:
        self._stream, self._hash = stream, hashlib.sha256()

    @property
    def sha256(self) -> str:
        """SHA-256 of what has been written so far, in hexadecimal."""
        return self._hash.hexdigest()

    def write(self, content: Buffer, /) -> int:
        """Write bytes, or an array that is contiguous in memory; returns their number."""
        self._hash.update(content)
        return self._stream.write(content)


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal. The file is read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_folder(folder: Path, pattern: str = "*") -> str:
    """SHA-256 of the files in a folder: of lines `<sha256>  <name>`, sorted by name.

    Args:
        folder: folder of the files; subfolders are ignored.
        pattern: pattern of the names.

    Returns:
        The hash in hexadecimal; empty if there are no such files.
    """
    files = sorted(path for path in folder.glob(pattern) if path.is_file())
    lines = [f"{sha256_file(path)}  {path.name}\n" for path in files]
    return sha256_bytes("".join(lines).encode()) if lines else ""


def sha256_path(path: Path) -> str:
    """SHA-256 of a file, or of the files in a folder."""
    return sha256_folder(path) if path.is_dir() else sha256_file(path)


def require_sha256(path: Path, expected: str, advice: str) -> None:
    """Raise IntegrityError unless the content of a file or folder has a certain hash.

    Args:
        path: existing file or folder.
        expected: SHA-256 in hexadecimal.
        advice: what the user should do about another content; closes the message.
    """
    actual = sha256_path(path)
    if actual != expected:
        raise IntegrityError(
            f"{path} is not the file that was expected: its sha256 is {actual}, "
            f"it should be {expected}. {advice}"
        )


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a stream whose content replaces `path` when the block ends without an error.

    The content is written beside the target, flushed to the disk and renamed over it, so that a
    kill at any moment leaves either the old file or the new one, complete.

    Args:
        path: file to create or replace; its folder is created if necessary.

    Raises:
        UnwritableError: the folder cannot be created or written (permissions, full disk). Errors
            of the block about another file are passed on.
    """
    if path.is_dir():
        raise UnwritableError(cannot_write(path, OSError(errno.EISDIR, "it is a folder")))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f".{path.name}.{process_mark()}", suffix=".part", dir=path.parent
        )
    except OSError as error:
        raise UnwritableError(cannot_write(path, error)) from error
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        part.chmod(0o666 & ~_umask())
        part.replace(path)
    except OSError as error:
        if error.filename not in (None, name):
            raise
        raise UnwritableError(cannot_write(path, error)) from error
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


class _NothingToWriteError(Exception):
    """Ends a block of `atomic_write` that only asks whether it could write."""


def require_writable(path: Path) -> None:
    """Raise UnwritableError unless `atomic_write` can write a file, before long work for it.

    Args:
        path: file to be created or replaced, which stays as it is; its folder is created.
    """
    with suppress(_NothingToWriteError), atomic_write(path):
        raise _NothingToWriteError


def sync_folder(folder: Path) -> None:
    """Flush the names of new files in a folder to the disk, where the system can do so.

    `atomic_write` flushes the content of a file; whoever deletes what was copied into it has to
    flush its name as well.

    Args:
        folder: existing folder.

    Raises:
        UnwritableError: the disk reports an error.
    """
    if sys.platform == "win32":
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise UnwritableError(cannot_write(folder, error)) from error


def move_file(source: Path, target: Path) -> None:
    """Move a file so that a kill at any moment leaves `target` as it was, or complete.

    Raises:
        OSError: `target` cannot be written; `source` still exists.
        UnwritableError: the same, if the two are on different file systems.
    """
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with source.open("rb") as content, atomic_write(target) as stream:
            shutil.copyfileobj(content, stream)
        source.unlink()


def process_mark(number: int | None = None) -> str:
    """Part of the name of a temporary file or folder: the machine and the process that write it.

    Args:
        number: number of a process of this machine; by default this one's.

    >>> process_mark(42).partition("-")[2]
    '42-'
    """
    machine = sha256_bytes(platform.node().encode())[:8]
    return f"{machine}-{os.getpid() if number is None else number}-"


def is_abandoned(path: Path) -> bool:
    """Whether a temporary file or folder was left by a process that has ended.

    Processes of another machine are not known here: what they write is abandoned once it has not
    changed for a day, as is what earlier versions left, whose names have no machine.

    Args:
        path: file or folder; others than those that are named by `process_mark` are not abandoned.
    """
    # The eight characters at the end are those of `tempfile`.
    writer = re.search(r"\.(?:([0-9a-f]{8})-)?(\d+)-[a-z0-9_]{8}(?:\.part)?$", path.name)
    if writer is None:
        return False
    machine, number = writer.groups()
    if machine is not None and process_mark(int(number)).startswith(f"{machine}-"):
        return not process_exists(int(number))
    try:
        return time.time() - path.stat().st_mtime > ABANDONED_SECONDS
    except OSError:
        return False


def sweep_parts(folder: Path, name: str = "*") -> None:
    """Delete temporary files of `atomic_write` that killed processes left in a folder.

    Files of processes that still exist stay; so do files that cannot be deleted.

    Args:
        folder: folder to search.
        name: name or pattern of the files that were being written; `**/` goes before it to search
            the folders below as well.
    """
    head, slash, last = name.rpartition("/")
    for part in folder.glob(f"{head}{slash}.{last}.*.part"):
        if is_abandoned(part):
            with suppress(OSError):
                part.unlink()


def process_exists(number: int) -> bool:
    """Whether a process of this machine has the number; where that is not known, True."""
    if sys.platform == "win32":
        # There a signal of 0 would end the process.
        return True
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except (OverflowError, PermissionError):
        return True
    return True


def cannot_write(path: Path, error: OSError) -> str:
    """Message about a file or folder that cannot be written.

    >>> cannot_write(Path("runs"), OSError(errno.EACCES, "Permission denied"))
    'runs cannot be written: Permission denied. Choose another place.'
    """
    reason = error.strerror or str(error)
    if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
        in_the_way = next((p for p in path.parents if p.exists() and not p.is_dir()), None)
        if in_the_way:
            reason = f"{in_the_way} is a file, not a folder"
        elif path.is_file():
            reason = "it is a file, not a folder"
        elif path.is_dir():
            reason = "it is a folder, not a file"
        return f"{path} cannot be written: {reason}. Choose another place."
    advice = ", or free some space there" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
    return f"{path} cannot be written: {reason}. Choose another place{advice}."


def missing_file(path: Path) -> str:
    """Message about a file that is expected at a path where there is none.

    >>> missing_file(Path("points.csv")), missing_file(Path("/"))
    ('there is no file points.csv', '/ is a folder, not a file')
    """
    return f"{path} is a folder, not a file" if path.is_dir() else f"there is no file {path}"


def refuse_overwriting(
    written: Iterable[Path], read: Mapping[str, Iterable[Path | str | None]]
) -> None:
    """Raise BenchError if a file that a command writes is one that it reads, by any name.

    Args:
        written: files to be written, which need not exist.
        read: files and folders that are read, by the option that names them; None is ignored.
    """
    outputs = tuple(written)
    named = ((option, path) for option, paths in read.items() for path in paths if path is not None)
    for (option, path), output in product(named, outputs):
        source = Path(path).expanduser()
        if _is_same(output, source) or (output.exists() and _is_below(output, source)):
            raise BenchError(
                f"writing {output} would overwrite a file of {option}: choose another name or "
                "folder"
            )


def _is_same(first: Path, second: Path) -> bool:
    try:
        # Names that differ in case are those of one file on some systems.
        return first.samefile(second)
    except OSError:
        return first.resolve() == second.resolve()


def _is_below(path: Path, folder: Path) -> bool:
    return folder.is_dir() and folder.resolve() in path.resolve().parents


def _umask() -> int:
    # The mask can only be read by setting it.
    mask = os.umask(0)
    os.umask(mask)
    return mask
