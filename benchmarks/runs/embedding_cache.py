"""The cache of embeddings: a folder with a size limit, shared by all runs of a user."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from satclip_bench.core.errors import BenchError, UnwritableError
from satclip_bench.core.file_lock import LockedError, acquired, file_lock
from satclip_bench.core.files import (
    atomic_write,
    cache_dir,
    move_file,
    sha256_file,
    sweep_parts,
)

if TYPE_CHECKING:
    from filelock import BaseFileLock

LIMIT_VARIABLE = "SATCLIP_BENCH_CACHE_GB"
WAIT_SECONDS = 30.0
"""Time for which the lock of the cache is waited for; a process has it for as long as it takes to
delete some files."""

DEFAULT_LIMIT_GB = 10.0
"""Size limit of all cached embeddings in gigabytes (1e9 bytes); those of the main job have 0.9."""


def embeddings_dir() -> Path:
    """Folder of cached embeddings: `embeddings` in the cache."""
    return cache_dir() / "embeddings"


def size_limit() -> int:
    """Size limit of all cached embeddings in bytes: `$SATCLIP_BENCH_CACHE_GB`, or the default.

    Raises:
        BenchError: the variable is not a number of 0 or more.
    """
    text = os.environ.get(LIMIT_VARIABLE, "").strip()
    try:
        gigabytes = float(text) if text else DEFAULT_LIMIT_GB
    except ValueError:
        gigabytes = -1.0
    if not 0 <= gigabytes < 1e9:
        raise BenchError(
            f"{LIMIT_VARIABLE}={text} is not a number of gigabytes: set it to a number of 0 or "
            f"more, such as 20, or unset it for {DEFAULT_LIMIT_GB:g}"
        )
    return int(gigabytes * 1e9)


@dataclass(frozen=True)
class CachedFile:
    """A cached embedding.

    Attributes:
        path: its `.npy` file.
        size: bytes of the file.
        used: time of its last use, in seconds since the epoch.
    """

    path: Path
    size: int
    used: float


def cached_files(folder: Path) -> list[CachedFile]:
    """The cached embeddings in a folder, the least recently used first."""
    files = []
    for path in folder.glob("*.npy"):
        # A file without a digest is another program's, in a folder that a user has chosen.
        if not _digest_path(path).is_file():
            continue
        # Another run may delete it meanwhile.
        with suppress(OSError):
            status = path.stat()
            files.append(CachedFile(path, status.st_size, status.st_mtime))
    return sorted(files, key=lambda file: (file.used, file.path.name))


class EmbeddingCache:
    """The cached embeddings, as one run uses them.

    A file that the run has found or added is not deleted by any run until the run ends: its name
    is in a list beside the cached files, which counts while its owner holds a lock. The least
    recently used of the other files are deleted if all files together exceed the limit.

    Args:
        warn: function that is called once, with a message, if the cache cannot be written.
    """

    def __init__(self, warn: Callable[[str], None] = lambda _message: None) -> None:
        self.folder = embeddings_dir()
        self._limit = size_limit()
        self._warn = warn
        self._writable = True
        self._list = _lists(self.folder) / f"{uuid.uuid4().hex}.txt"
        self._lock: BaseFileLock | None = None
        self._problem: LockedError | None = None

    def find(self, name: str) -> Path | None:
        """Path of an intact cached file, which is kept until the run ends; None if there is none.

        Args:
            name: name of the file, ending with `.npy`.
        """
        path = self.folder / name
        if not path.is_file():
            return None
        # If the cache is read-only, the file can be read but not reserved.
        with suppress(OSError, BenchError):
            self._reserve(name)
        if not _is_intact(path):
            return None
        with suppress(OSError):
            os.utime(path)
        return path

    def add(self, name: str, file: Path, sha256: str) -> Path | None:
        """Move a file into the cache.

        Args:
            name: name that it gets, ending with `.npy`.
            file: file to be moved.
            sha256: SHA-256 of its content.

        Returns:
            Its new path; None if the cache cannot be written, and the file stays where it is.
        """
        if not self._writable:
            return None
        path = self.folder / name
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._reserve(name)
            with atomic_write(_digest_path(path)) as stream:
                stream.write(sha256.encode())
            move_file(file, path)
        except (OSError, UnwritableError, LockedError) as error:
            self._writable = False
            reason = getattr(error, "strerror", None) or error
            self._warn(
                f"the cache {self.folder} cannot be written ({reason}), so the embeddings of this "
                "run are not kept for the next one. Set $SATCLIP_BENCH_CACHE to a folder that can "
                "be written, or free some space."
            )
            return None
        return path

    def discard(self, name: str) -> None:
        """Delete a file that this run does not need any more, unless another run needs it.

        Args:
            name: name of the file, ending with `.npy`.
        """
        path = self.folder / name
        # What cannot be deleted now is deleted once the cache exceeds its limit.
        with suppress(OSError, BenchError), self._deletion_lock():
            if path.is_file() and name not in _needed(self.folder, but=self._list):
                path.unlink()
                _digest_path(path).unlink(missing_ok=True)

    def evict(self) -> None:
        """Delete the least recently used files that no run needs, until the limit is met."""
        # A cache that cannot be written cannot have grown.
        if self._problem is None:
            with suppress(OSError, BenchError):
                evict(self.folder, self._limit)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._lock is not None:
            with suppress(OSError):
                self._list.unlink(missing_ok=True)
                _lock_of(self._list).unlink(missing_ok=True)
            self._lock.release()
            self._lock = None
        self.evict()

    def _reserve(self, name: str) -> None:
        """Add a name to the list of files that this run needs."""
        with self._deletion_lock():
            self._list.parent.mkdir(exist_ok=True)
            if self._lock is None:
                self._lock = acquired(_lock_of(self._list))
            with self._list.open("a", encoding="utf-8") as stream:
                stream.write(f"{name}\n")

    @contextmanager
    def _deletion_lock(self) -> Iterator[None]:
        """The lock of the whole cache, which is waited for once, if another process keeps it."""
        if self._problem is not None:
            raise self._problem
        with ExitStack() as stack:
            try:
                stack.enter_context(file_lock(_lock_path(self.folder), WAIT_SECONDS))
            except LockedError as error:
                self._problem = error
                raise
            yield


def evict(folder: Path, limit: int) -> list[Path]:
    """Delete the least recently used embeddings that no run needs, until a limit is met.

    Args:
        folder: folder of cached embeddings.
        limit: number of bytes that all of them may have together.

    Returns:
        Paths of the deleted files. More than `limit` bytes remain if running commands need them.

    Raises:
        OSError: a file cannot be deleted.
        BenchError: the folder cannot be written, or another process keeps its lock.
    """
    if not folder.is_dir():
        return []
    deleted = []
    with file_lock(_lock_path(folder), WAIT_SECONDS):
        sweep_parts(folder)
        files, needed = cached_files(folder), _needed(folder)
        total = sum(file.size for file in files)
        for file in files:
            if total <= limit:
                break
            if file.path.name not in needed:
                file.path.unlink(missing_ok=True)
                _digest_path(file.path).unlink(missing_ok=True)
                total -= file.size
                deleted.append(file.path)
    return deleted


def _needed(folder: Path, but: Path | None = None) -> set[str]:
    """Names of the files that running commands need; deletes the lists of those that have ended.

    Args:
        folder: folder of cached embeddings.
        but: list of a running command that is left out.
    """
    names: set[str] = set()
    for path in _lists(folder).glob("*.txt"):
        if path == but:
            continue
        try:
            lock = acquired(_lock_of(path), seconds=0)
        except LockedError:
            # Its owner may end meanwhile and delete it.
            with suppress(FileNotFoundError):
                names.update(path.read_text(encoding="utf-8").split())
        else:
            path.unlink(missing_ok=True)
            _lock_of(path).unlink(missing_ok=True)
            lock.release()
    return names


def _lists(folder: Path) -> Path:
    return folder / "in-use"


def _lock_of(path: Path) -> Path:
    return path.with_suffix(".lock")


def _lock_path(folder: Path) -> Path:
    return folder / ".lock"


def _digest_path(path: Path) -> Path:
    return path.with_suffix(".sha256")


def _is_intact(path: Path) -> bool:
    try:
        return _digest_path(path).read_bytes() == sha256_file(path).encode()
    except OSError:
        return False
