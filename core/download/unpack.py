"""Files out of archives: under names of our own, and not larger than they may be."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path
from typing import IO

from satclip_bench.core.errors import BenchError, IntegrityError

PIECE = 2**18
SWELLING = 200
"""How many times an archive's size what comes out of it may have, where no size is known."""
FLOOR = 2**20
"""Bytes that may come out of any archive, however small."""


def swelled(archive: Path) -> int:
    """Bytes that may come out of an archive when nothing else is known."""
    return max(FLOOR, SWELLING * archive.stat().st_size)


def unpack(archive: Path, member: str, target: Path, limit: int) -> None:
    """Copy one member of a zip or tar archive into `target`, whatever the archive calls it.

    Raises:
        IntegrityError: there is no such member, or it has more than `limit` bytes.
        BenchError: it is no whole archive.
        OSError: the target cannot be written.
    """
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as zipped, zipped.open(member) as source:
                copy(source, target, limit)
        else:
            with tarfile.open(archive) as packed:
                inside = packed.extractfile(member)
                if inside is None:
                    raise KeyError(member)
                with inside as source:
                    copy(source, target, limit)
    except KeyError:
        raise IntegrityError(f"the archive holds no file {member}.") from None
    except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise BenchError(f"what came is no whole archive: {error}.") from error


def copy(source: IO[bytes], target: Path, limit: int) -> int:
    """Copy a stream into a new file. Returns its bytes.

    Raises:
        IntegrityError: there are more than `limit`; nothing is left of them.
    """
    with target.open("wb") as stream:
        while piece := source.read(PIECE):
            if stream.tell() + len(piece) > limit:
                target.unlink()
                raise IntegrityError(f"it unpacks to more than {limit:,} bytes, and was stopped.")
            stream.write(piece)
        return stream.tell()
