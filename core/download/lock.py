"""The lock file of a folder: hashes of first downloads, for files without a published hash."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from satclip_bench.core.card import Card, problems
from satclip_bench.core.errors import ASK_PERMISSION, BenchError, IntegrityError
from satclip_bench.core.file_lock import file_lock
from satclip_bench.core.files import atomic_write

NAME = "lock.json"


class Locked(Card):
    """Hash of a file's first download, and its origin."""

    sha256: str
    origin: str


_LOCK = TypeAdapter(dict[str, Locked])


def read_lock(folder: Path) -> dict[str, Locked]:
    """Entries of a folder's lock file by file name; empty if there is no lock file.

    Raises:
        BenchError: the lock file is damaged or cannot be read.
    """
    path = folder / NAME
    try:
        return _LOCK.validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BenchError(
            f"{path} cannot be read: {error.strerror or error}. {ASK_PERMISSION}"
        ) from error
    except ValidationError as error:
        raise BenchError(
            f"{path} cannot be read: {problems(error)}. It holds the hashes of downloaded files; "
            "delete it to accept their present content."
        ) from error


def require_locked(folder: Path, file: str, sha256: str, origin: str) -> None:
    """Raise IntegrityError if the first download of a file had another content.

    Args:
        folder: folder of the lock file.
        file: name of the file in the lock file.
        sha256: hash of its content now.
        origin: where the present content comes from, for the message.
    """
    known = read_lock(folder).get(file)
    if known is not None and known.sha256 != sha256:
        raise IntegrityError(
            f"{file} has changed: its first download, from {known.origin}, had sha256 "
            f"{known.sha256}, and now it has {sha256} ({origin}). If the new content is right, "
            f"delete the entry {file!r} of {folder / NAME}."
        )


def lock_file(folder: Path, file: str, sha256: str, origin: str) -> None:
    """Add a file's hash to the lock file, unless the lock file has it already.

    Raises:
        IntegrityError: the lock file has another hash of it.
        BenchError: the lock file cannot be read or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with file_lock(folder / f".{NAME}.lock"):
        require_locked(folder, file, sha256, origin)
        entries = read_lock(folder)
        if file not in entries:
            entries[file] = Locked(sha256=sha256, origin=origin)
            plain = {name: entries[name].model_dump() for name in sorted(entries)}
            with atomic_write(folder / NAME) as stream:
                stream.write((json.dumps(plain, indent=1) + "\n").encode())
