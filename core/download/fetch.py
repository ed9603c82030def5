"""Files brought here from somewhere else: mirrors in turn, resumed, verified, whole or absent.

A transfer goes into a partial file beside its place. Only content with the right hash, or, where
none is published, the hash of the first download, takes the place.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from satclip_bench.core.download.cards import FileCard, Origin
from satclip_bench.core.download.lock import lock_file, read_lock, require_locked
from satclip_bench.core.download.transfer import Progress, bring, forget, reason
from satclip_bench.core.download.unpack import swelled, unpack
from satclip_bench.core.errors import BenchError, IntegrityError
from satclip_bench.core.files import OFFLINE_VARIABLE, cannot_write, is_offline, sha256_file


def locked_name(card: FileCard) -> str:
    """What the lock file of a folder calls a file."""
    return card.file


def at_hand(card: FileCard, folder: Path) -> bool:
    """Whether the right content is in its place.

    Raises:
        IntegrityError: there is a file, but with another content than it should have.
    """
    path = folder / card.file
    if not path.is_file():
        return False
    digest = sha256_file(path)
    if card.sha256 is None:
        require_locked(folder, locked_name(card), digest, str(path))
    elif digest != card.sha256:
        raise IntegrityError(
            f"{path} has sha256 {digest}; it should have {card.sha256}. Delete it, or put the "
            "right file there."
        )
    return True


def state(card: FileCard, folder: Path) -> str:
    """Of a file in its place: good, missing, corrupt, stale, or unverified.

    Corrupt: another content than published. Stale: another than at the first download.
    Unverified: no hash is published, and it was not downloaded here.
    """
    path = folder / card.file
    if not path.is_file():
        return "missing"
    digest = sha256_file(path)
    if card.sha256 is not None:
        return "good" if digest == card.sha256 else "corrupt"
    known = read_lock(folder).get(locked_name(card))
    if known is None:
        return "unverified"
    return "good" if known.sha256 == digest else "stale"


def fetch(card: FileCard, folder: Path, progress: Progress | None = None) -> Path:
    """Place a file, unless it is there: from the first of its origins that serves it.

    Args:
        card: what is wanted.
        folder: where its path begins; made if need be.
        progress: is told how far the transfer is.

    Raises:
        BenchError: no origin serves it, or the folder cannot be written; says what was tried and
            what to do by hand.
        IntegrityError: what is there, or what came, has another content than it should.
    """
    path = folder / card.file
    if at_hand(card, folder):
        return path
    with _alone(path):
        # Another process may have brought it while this one waited.
        if at_hand(card, folder):
            return path
        if is_offline():
            raise BenchError(
                f"{path} is not there, and nothing is fetched while {OFFLINE_VARIABLE} is set. "
                f"{by_hand(card, folder)}"
            )
        failures: list[BenchError] = []
        for origin in card.origins:
            try:
                found = _from(origin, card, path, progress or (lambda _done, _all: None))
                _place(found, card, folder, origin)
                return path
            except BenchError as error:
                failures.append(error)
        told = " ".join(f"{named(o)}: {e}" for o, e in zip(card.origins, failures, strict=True))
        changed = any(isinstance(error, IntegrityError) for error in failures)
        raise (IntegrityError if changed else BenchError)(
            f"{card.file} could not be fetched. {told} {by_hand(card, folder)}"
        )


def by_hand(card: FileCard, folder: Path) -> str:
    """The sentence that says where the file can be found and where it belongs."""
    digest = f" (sha256 {card.sha256})" if card.sha256 else ""
    return f"{card.by_hand} Place it at {folder / card.file}{digest}.".strip()


def named(origin: Origin) -> str:
    """An origin in a few words."""
    if origin.hub:
        return f"huggingface.co/{origin.hub} at revision {origin.revision}, {origin.member}"
    return origin.url


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time brings a file."""
    lock = FileLock(path.parent / f".{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise BenchError(cannot_write(path.parent, error)) from error
    try:
        yield
    finally:
        lock.release()


def _from(origin: Origin, card: FileCard, path: Path, progress: Progress) -> Path:
    try:
        if origin.hub:
            return _from_hub(origin, path)
        return _from_url(origin, card, path, progress)
    except OSError as error:
        raise BenchError(cannot_write(path, error)) from error


def _from_hub(origin: Origin, path: Path) -> Path:
    from huggingface_hub import hf_hub_download

    try:
        found = hf_hub_download(
            origin.hub,
            origin.member,
            repo_type=origin.hub_kind,
            revision=origin.revision,
            local_dir=path.parent / f".{path.name}.hub",
            endpoint=os.environ.get("HF_ENDPOINT"),
        )
    except Exception as error:
        # The hub's client lets through whatever its own HTTP client raises.
        raise BenchError(reason(error)) from error
    return Path(found)


def _from_url(origin: Origin, card: FileCard, path: Path, progress: Progress) -> Path:
    if not origin.url:
        raise BenchError("this kind of origin cannot be fetched from.")
    partial = path.parent / f".{path.name}.partial"
    # The hash on the card is that of the member; an archive's own end shows whether it is whole.
    bring(origin.url, partial, progress, known=card.sha256 is not None or origin.archive)
    if not origin.archive:
        return partial
    target = partial.with_name(f"{partial.name}.member")
    try:
        unpack(partial, origin.member, target, card.bytes or swelled(partial))
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    finally:
        forget(partial)
    return target


def _place(found: Path, card: FileCard, folder: Path, origin: Origin) -> None:
    digest = sha256_file(found)
    try:
        if card.sha256 is not None and digest != card.sha256:
            raise IntegrityError(
                f"what came has sha256 {digest}; it should have {card.sha256}. It was deleted."
            )
        if card.sha256 is None:
            lock_file(folder, locked_name(card), digest, named(origin))
        found.replace(folder / card.file)
    finally:
        found.unlink(missing_ok=True)
        shutil.rmtree(found.parent / f".{Path(card.file).name}.hub", ignore_errors=True)
