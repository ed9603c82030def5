"""What content a file had when it first came, where no hash was published."""

from __future__ import annotations

import json
from pathlib import Path

from filelock import FileLock
from pydantic import TypeAdapter, ValidationError

from satclip_bench.core.card import Card
from satclip_bench.core.errors import BenchError, IntegrityError
from satclip_bench.core.files import atomic_write

NAME = "lock.json"


class Locked(Card):
    """A file's content and where it came from."""

    sha256: str
    origin: str


_LOCK = TypeAdapter(dict[str, Locked])


def read_lock(folder: Path) -> dict[str, Locked]:
    """The entries of a folder's lock file, by file name; none if there is no such file.

    Raises:
        BenchError: it cannot be read as one.
    """
    path = folder / NAME
    try:
        return _LOCK.validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError) as error:
        raise BenchError(
            f"{path} cannot be read: {error}. It keeps the hashes of downloaded files; delete it "
            "to trust their present content."
        ) from error


def require_locked(folder: Path, file: str, sha256: str, origin: str) -> None:
    """Raise IntegrityError if a file first came with another content.

    Args:
        folder: that of the lock file.
        file: name of the file.
        sha256: of its content now.
        origin: where that content came from.
    """
    known = read_lock(folder).get(file)
    if known is not None and known.sha256 != sha256:
        raise IntegrityError(
            f"{file} has changed: it first came from {known.origin} with sha256 {known.sha256}, "
            f"and now has {sha256} ({origin}). If the new content is right, delete the entry "
            f"{file!r} of {folder / NAME}."
        )


def lock_file(folder: Path, file: str, sha256: str, origin: str) -> None:
    """Remember a file's content, unless it is known already.

    Raises:
        IntegrityError: it is known with another content.
        BenchError: the lock file cannot be read or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f".{NAME}.lock"):
        require_locked(folder, file, sha256, origin)
        entries = read_lock(folder)
        if file not in entries:
            entries[file] = Locked(sha256=sha256, origin=origin)
            plain = {name: entries[name].model_dump() for name in sorted(entries)}
            with atomic_write(folder / NAME) as stream:
                stream.write((json.dumps(plain, indent=1) + "\n").encode())
