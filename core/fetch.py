"""Files brought here from somewhere else: mirrors in turn, resumed, verified, whole or absent.

A transfer goes into a partial file beside its place. Only content with the right hash, or, where
none is published, the hash of the first download, takes the place.
"""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from filelock import FileLock

from core.errors import BenchError, IntegrityError
from core.files import OFFLINE_VARIABLE, cannot_write, is_offline, sha256_file
from core.lock import lock_file, read_lock, require_locked
from core.remote import FileCard, Origin

if TYPE_CHECKING:
    import requests

Progress = Callable[[int, int | None], None]
"""Is told how many bytes are there, of how many (None where the server does not say)."""

TIMEOUT = (15.0, 60.0)
"""Seconds to connect, and between two pieces."""
ATTEMPTS = 4
"""Of one origin, each going on where the last one stopped."""
PAUSE = 1.0
"""Seconds before the second attempt; doubled for each further one."""
LONGEST_PAUSE = 120.0
BUSY = (429, 500, 502, 503, 504)
PIECE = 2**18
LARGEST = 64 * 2**30
"""No member of an archive is unpacked beyond this, or beyond the size on its card."""


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
    """Of a file in its place: good, missing, corrupt, changed, or unverified.

    Corrupt: another content than published. Changed: another than at the first download.
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
    return "good" if known.sha256 == digest else "changed"


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
        found = _from_url(origin.url, path, progress)
        return _member(found, origin, card) if origin.archive else found
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
        raise BenchError(_reason(error)) from error
    return Path(found)


def _from_url(url: str, path: Path, progress: Progress) -> Path:
    """The content of an address in a partial file; goes on with one that is there."""
    import requests

    partial = path.parent / f".{path.name}.partial"
    pause = PAUSE
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with requests.Session() as session:
                _transfer(session, url, partial, progress)
        except _BusyError as busy:
            if attempt == ATTEMPTS:
                raise BenchError(str(busy)) from busy
            wait = busy.after if busy.after is not None else pause
            if wait > LONGEST_PAUSE:
                raise BenchError(f"{busy}, and asks to wait for {wait:.0f} s") from busy
            time.sleep(wait)
        except requests.RequestException as error:
            if attempt == ATTEMPTS:
                raise BenchError(_reason(error)) from error
            time.sleep(pause)
        else:
            return partial
        pause *= 2
    raise AssertionError("unreachable")


class _BusyError(Exception):
    def __init__(self, status: int, after: float | None) -> None:
        super().__init__(f"the server answers {status}")
        self.after = after


def _transfer(session: requests.Session, url: str, partial: Path, progress: Progress) -> None:
    about = partial.with_name(f"{partial.name}.json")
    headers = _headers_to_go_on(url, partial, about)
    with session.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        if answer.status_code == 416:
            # What is there is no beginning of what there is now.
            partial.unlink(missing_ok=True)
            raise _BusyError(416, 0.0)
        if answer.status_code in BUSY:
            raise _BusyError(answer.status_code, _retry_after(answer.headers.get("Retry-After")))
        if answer.status_code not in (200, 206):
            raise BenchError(f"the server answers {answer.status_code} {answer.reason}.")
        there = partial.stat().st_size if answer.status_code == 206 else 0
        length = answer.headers.get("Content-Length")
        whole = there + int(length) if length else None
        tag = {"url": url, "etag": answer.headers.get("ETag", "")}
        about.write_text(json.dumps(tag))
        with partial.open("ab" if there else "wb") as stream:
            for piece in answer.iter_content(PIECE):
                if not there and _is_page(piece):
                    raise BenchError(
                        "a web page came in place of the file, such as one that asks for a click "
                        "or says that a quota is used up."
                    )
                stream.write(piece)
                there += len(piece)
                progress(there, whole)
    about.unlink(missing_ok=True)


def _headers_to_go_on(url: str, partial: Path, about: Path) -> dict[str, str]:
    """Ask for the rest where the beginning is certain to be of the same content."""
    # Compressed transfers have another length than their content.
    headers = {"Accept-Encoding": "identity"}
    try:
        known = json.loads(about.read_text())
    except (OSError, ValueError):
        known = {}
    tag = known.get("etag", "")
    if partial.is_file() and known.get("url") == url and tag and not tag.startswith("W/"):
        headers |= {"Range": f"bytes={partial.stat().st_size}-", "If-Range": tag}
    return headers


def _retry_after(value: str | None) -> float | None:
    from email.utils import parsedate_to_datetime

    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def _is_page(start: bytes) -> bool:
    text = start[:512].lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    return text.startswith((b"<!doctype html", b"<html"))


def _member(archive: Path, origin: Origin, card: FileCard) -> Path:
    """The wanted member, in a file of our own naming, whatever the archive calls it."""
    target = archive.with_name(f"{archive.name}.member")
    limit = card.bytes or LARGEST
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as zipped, zipped.open(origin.member) as source:
                _copy(source, target, limit)
        else:
            with tarfile.open(archive) as packed:
                inside = packed.extractfile(origin.member)
                if inside is None:
                    raise KeyError(origin.member)
                with inside as source:
                    _copy(source, target, limit)
    except KeyError:
        archive.unlink()
        raise IntegrityError(f"the archive holds no file {origin.member}.") from None
    except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        archive.unlink()
        raise BenchError(f"what came is no whole archive: {error}.") from error
    archive.unlink()
    return target


def _copy(source: IO[bytes], target: Path, limit: int) -> None:
    with target.open("wb") as stream:
        while piece := source.read(PIECE):
            stream.write(piece)
            if stream.tell() > limit:
                raise IntegrityError(f"it unpacks to more than {limit:,} bytes, and was stopped.")


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


def _reason(error: BaseException) -> str:
    # The clients name the cause, such as a status, in the innermost error alone.
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}".rstrip(".") + "."
