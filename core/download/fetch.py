"""Download of remote files: origins in turn, resumed, verified, complete or absent.

A download goes to a temporary place beside its own. It is moved to its place only if it has the
published hash or, where none is published, that of the first download.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from satclip_bench.core.download.cards import Origin, RemoteFile
from satclip_bench.core.download.content import require_content, stand_in, state
from satclip_bench.core.download.lock import lock_file
from satclip_bench.core.download.origins import clean_up, download_from
from satclip_bench.core.download.transfer import Progress
from satclip_bench.core.download.unpack import remove
from satclip_bench.core.errors import BenchError, IntegrityError
from satclip_bench.core.file_lock import file_lock
from satclip_bench.core.files import OFFLINE_VARIABLE, cannot_write, is_offline, sha256_path


def fetch(
    card: RemoteFile, folder: Path, progress: Progress | None = None, *, replace: bool = False
) -> Path:
    """Download a file, unless it is in its place: from the first of its origins that serves it.

    Args:
        card: card of the file.
        folder: folder under which its path begins; created if necessary.
        progress: called with the bytes received so far, and their total.
        replace: whether to download a file again whose content is not the published one.

    Returns:
        Path of the file, or of the folder of files.

    Raises:
        BenchError: no origin serves it, or the folder cannot be written; says what was tried and
            what to do by hand.
        IntegrityError: the content, old or new, is not the expected one.
    """
    path = folder / card.file
    if _is_there(card, folder, replace=replace):
        return path
    with _one_process(path):
        # Another process may have downloaded it while this one waited.
        if _is_there(card, folder, replace=replace):
            return path
        if is_offline():
            raise BenchError(
                f"{path} is missing, and nothing is downloaded while {OFFLINE_VARIABLE} is set. "
                f"{by_hand(card, folder)}"
            )
        if not card.origins:
            raise BenchError(f"{card.file} cannot be downloaded. {by_hand(card, folder)}")
        failures: list[BenchError] = []
        for origin in card.origins:
            try:
                _fetch_from(origin, card, folder, progress or (lambda _done, _all: None))
                return path
            except BenchError as error:
                failures.append(error)
        tried = "; from ".join(
            f"{origin.address}: {str(error).rstrip('.')}"
            for origin, error in zip(card.origins, failures, strict=True)
        )
        changed = any(isinstance(error, IntegrityError) for error in failures)
        raise (IntegrityError if changed else BenchError)(
            f"{card.file} could not be downloaded from {tried}. Try again, or: "
            f"{by_hand(card, folder, origins=False)}"
        )


def by_hand(card: RemoteFile, folder: Path, *, origins: bool = True) -> str:
    """Sentences that say where a person finds a file and where to place it.

    Args:
        card: card of the file.
        folder: folder under which its path begins.
        origins: whether to list the card's origins.
    """
    places = "; ".join(origin.address for origin in card.origins) if origins else ""
    digest = f"sha256 {card.sha256}" if card.sha256 else ""
    details = ", ".join(filter(None, (f"from {places}" if places else "", digest)))
    place = f"Place the file by hand at {folder / card.file}{f' ({details})' if details else ''}."
    return f"{card.by_hand} {place}".strip()


def _is_there(card: RemoteFile, folder: Path, *, replace: bool) -> bool:
    """Whether the right content is in its place; raises IntegrityError if other content is."""
    if not (folder / card.file).exists():
        return False
    if replace and card.sha256 is not None and state(card, folder) == "corrupt":
        return False
    require_content(card, folder, f"Delete it, and fetch it again. Or: {by_hand(card, folder)}")
    return True


@contextmanager
def _one_process(path: Path) -> Iterator[None]:
    """Let one process at a time download a file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BenchError(cannot_write(path.parent, error)) from error
    with file_lock(path.parent / f".{path.name}.lock"):
        yield


def _fetch_from(origin: Origin, card: RemoteFile, folder: Path, progress: Progress) -> None:
    path = folder / card.file
    try:
        downloaded = download_from(origin, card, path, progress)
        try:
            _verify(downloaded, card, folder, origin)
            if path.is_dir():
                remove(path)
            downloaded.replace(path)
        finally:
            remove(downloaded)
            clean_up(path)
    except OSError as error:
        raise BenchError(cannot_write(path, error)) from error


def _verify(downloaded: Path, card: RemoteFile, folder: Path, origin: Origin) -> None:
    """Raise an error unless a download is the expected content; remember an unpublished hash."""
    if what := stand_in(downloaded):
        raise BenchError(f"{what}.")
    digest = sha256_path(downloaded)
    if card.sha256 is None:
        lock_file(folder, card.file, digest, origin.address)
    elif digest != card.sha256:
        size = f"{downloaded.stat().st_size:,} bytes and " if downloaded.is_file() else ""
        expected = f"{card.bytes:,} bytes and " if card.bytes and size else ""
        raise IntegrityError(
            f"the download has {size}sha256 {digest}; it should have {expected}sha256 "
            f"{card.sha256}. It was deleted."
        )
