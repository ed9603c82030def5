"""The content of downloaded files: is it the expected one, and if not, what is it?"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from satclip_bench.core.download.cards import RemoteFile
from satclip_bench.core.download.lock import read_lock, require_locked
from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import require_sha256, sha256_path

State = Literal["good", "missing", "corrupt", "stale", "unverified"]

HEAD = 512
"""Bytes at the beginning of a file that show whether it is a web page or a pointer."""


class WrongContentError(BenchError):
    """A web page or a Git LFS pointer came in place of the file."""


def require_content(
    card: RemoteFile, folder: Path, advice: str = "Delete it, and fetch it again."
) -> str:
    """SHA-256 of a file that is in its place, if its content is the expected one.

    Args:
        card: card of the file.
        folder: folder under which its path begins.
        advice: what the user should do about another content; closes the message.

    Raises:
        IntegrityError: the content is neither the published one nor, if none is published, that
            of the first download.
    """
    path = folder / card.file
    if card.sha256 is not None:
        require_sha256(path, card.sha256, advice)
        return card.sha256
    digest = sha256_path(path)
    require_locked(folder, card.file, digest, str(path))
    return digest


def state(card: RemoteFile, folder: Path) -> State:
    """State of a file in its place: good, missing, corrupt, stale or unverified.

    Corrupt: the content differs from the published one, or is a web page or a Git LFS pointer.
    Stale: it differs from the first download. Unverified: no hash is published, and the file was
    not downloaded here.
    """
    path = folder / card.file
    if not path.exists():
        return "missing"
    digest = sha256_path(path)
    if card.sha256 is not None:
        return "good" if digest == card.sha256 else "corrupt"
    known = read_lock(folder).get(card.file)
    if known is not None:
        return "good" if known.sha256 == digest else "stale"
    return "corrupt" if stand_in(path) else "unverified"


def stand_in(path: Path, *, html: bool = False) -> str:
    """Sentence about a web page or a Git LFS pointer at `path`; empty for any other content.

    Args:
        path: path of the file.
        html: whether any content that begins with a tag is a web page, as in `stand_in_of`.
    """
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        return stand_in_of(stream.read(HEAD), html=html)


def stand_in_of(head: bytes, *, html: bool = False) -> str:
    """Sentence about a web page or a Git LFS pointer, of which the first bytes are given.

    Args:
        head: first bytes of the file.
        html: whether the server calls the content HTML. Some servers say so of any file, but no
            table and no archive begins with a tag.

    Returns:
        The sentence; empty for any other content.

    >>> stand_in_of(b"<!DOCTYPE html><html>Quota exceeded</html>")
    'a web page came in place of the file, such as one that asks for a click or reports a quota'
    >>> stand_in_of(b"lon,lat", html=True)
    ''
    """
    text = head[:HEAD].lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if text.startswith((b"<!doctype html", b"<html")) or (html and text.startswith(b"<")):
        return (
            "a web page came in place of the file, such as one that asks for a click or reports a "
            "quota"
        )
    if text.startswith(b"version https://git-lfs.github.com/spec/"):
        return "a Git LFS pointer came in place of the file, which it names but does not contain"
    return ""
