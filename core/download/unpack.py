"""Files out of archives: under names that we choose, and no larger than allowed."""

from __future__ import annotations

import gzip
import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO

from satclip_bench.core.errors import BenchError, IntegrityError

PIECE = 2**18
SWELLING = 200
"""Largest ratio of unpacked to packed bytes, if the unpacked size is not known."""
FLOOR = 2**20
"""Bytes that may come out of any archive, however small."""
DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    gzip.BadGzipFile,
    lzma.LZMAError,
    EOFError,
    # A zip file that is encrypted, or compressed in a way that Python does not know.
    RuntimeError,
)
"""Errors of the standard library for an archive that is cut or damaged, or cannot be unpacked."""


def swelled(archive: Path) -> int:
    """Largest number of bytes that may come out of an archive if its content's size is unknown."""
    return max(FLOOR, SWELLING * archive.stat().st_size)


def is_folder(pattern: str) -> bool:
    """Whether a pattern of members asks for a folder of files rather than for one file.

    >>> is_folder("models/model_*.h5"), is_folder("*/model.h5")
    (True, False)
    """
    return "*" in pattern.rpartition("/")[2]


def unpack(archive: Path, pattern: str, target: Path, limit: int) -> None:
    """Copy one member of a zip or tar archive into a file, or several into a folder.

    In a folder, files lie side by side under the last component of their names, so that no path
    inside the archive can lead out of it. Links and devices are ignored.

    Args:
        archive: zip or tar file, compressed or not.
        pattern: name of the members, with the wildcards of `fnmatch`; a folder is made if
            `is_folder(pattern)`.
        target: file or folder that is made; nothing is left of it after an error.
        limit: largest number of bytes of all members together.

    Raises:
        IntegrityError: there is no such member, or there are more than `limit` bytes.
        BenchError: the archive is damaged, encrypted, or compressed in a way that Python cannot
            unpack; or it has two such members of one name.
        OSError: the target cannot be written.
    """
    folder = is_folder(pattern)
    remove(target)
    try:
        if folder:
            target.mkdir()
        room = limit
        for name, source in _members(archive, pattern):
            path = target / Path(name).name if folder else target
            if path.exists():
                raise BenchError(f"the archive has two files {Path(name).name}.")
            room -= copy(source, path, room)
        if not (any(target.iterdir()) if folder else target.exists()):
            raise IntegrityError(f"the archive has no file {pattern}.")
    except DAMAGE as error:
        remove(target)
        raise BenchError(
            f"what was downloaded is not a complete archive that can be unpacked: {error}."
        ) from error
    except BaseException:
        remove(target)
        raise


def remove(path: Path) -> None:
    """Delete a file or a folder, if there is one."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _members(archive: Path, pattern: str) -> Iterator[tuple[str, IO[bytes]]]:
    """Names and contents of the files in an archive that match a pattern, in their order."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            for info in zipped.infolist():
                if not info.is_dir() and fnmatchcase(info.filename, pattern):
                    with zipped.open(info) as source:
                        yield info.filename, source
        return
    with tarfile.open(archive) as packed:
        for member in packed:
            if member.isfile() and fnmatchcase(member.name, pattern):
                inside = packed.extractfile(member)
                if inside is not None:
                    with inside as source:
                        yield member.name, source


def copy(source: IO[bytes], target: Path, limit: int) -> int:
    """Copy a stream into a new file. Returns its number of bytes.

    Raises:
        IntegrityError: there are more than `limit` bytes; the file is then deleted.
    """
    with target.open("wb") as stream:
        while piece := source.read(PIECE):
            if stream.tell() + len(piece) > limit:
                target.unlink()
                raise IntegrityError(
                    f"it unpacks to more than {limit:,} bytes, so that unpacking was stopped."
                )
            stream.write(piece)
        return stream.tell()
