"""The content of an address, brought into a partial file that a later attempt can go on with."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from satclip_bench.core.errors import BenchError

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


class PageError(BenchError):
    """A web page came in place of the file."""


class _AgainError(Exception):
    """What may be mended by asking again, after some seconds (None: after the usual pause)."""

    def __init__(self, reason: str, after: float | None) -> None:
        super().__init__(reason)
        self.after = after


def bring(url: str, partial: Path, progress: Progress, *, known: bool) -> None:
    """Bring the content of an address; go on with a partial file of the same content.

    Args:
        url: its address.
        partial: where it goes; whole when this returns.
        progress: is told how far the transfer is.
        known: whether the caller can tell a part from the whole by its hash.

    Raises:
        PageError: a web page came instead.
        BenchError: the server refuses, stays busy or does not answer; or, of an unknown content,
            does not say where it ends.
        OSError: the partial file cannot be written.
    """
    import requests

    pause = PAUSE
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _Transfer(url, partial, progress, known=known).run()
        except _AgainError as again:
            if attempt == ATTEMPTS:
                raise BenchError(f"{again}.") from again
            wait = pause if again.after is None else again.after
            if wait > LONGEST_PAUSE:
                raise BenchError(f"{again}, and asks to wait for {wait:.0f} s.") from again
            time.sleep(wait)
        except requests.RequestException as error:
            if attempt == ATTEMPTS:
                raise BenchError(reason(error)) from error
            time.sleep(pause)
        else:
            return
        pause *= 2


def forget(partial: Path) -> None:
    """Delete a partial file and what is known of it."""
    partial.unlink(missing_ok=True)
    _about(partial).unlink(missing_ok=True)


def reason(error: BaseException) -> str:
    """What went wrong, as the innermost error says it, in one sentence."""
    # The clients name the cause, such as a status, in the innermost error alone.
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}".rstrip(".") + "."


class _Transfer:
    """One attempt. pooch carries; `_judge` sees the head of the answer, `write` every piece."""

    def __init__(self, url: str, partial: Path, progress: Progress, *, known: bool) -> None:
        self._url, self._partial, self._progress, self._known = url, partial, progress, known
        self._there = 0
        self._whole: int | None = None
        self._html = False
        self._answers: list[requests.Response] = []

    def run(self) -> None:
        from pooch import HTTPDownloader

        headers = _headers_to_go_on(self._url, self._partial)
        carry = HTTPDownloader(
            chunk_size=PIECE, timeout=TIMEOUT, headers=headers, hooks={"response": self._judge}
        )
        try:
            carry(self._url, self, None)
        finally:
            # pooch leaves an answer open when its content is not read to the end.
            for answer in self._answers:
                answer.close()
        _about(self._partial).unlink(missing_ok=True)

    def _judge(self, answer: requests.Response, *_: object, **__: object) -> None:
        self._answers.append(answer)
        if answer.is_redirect:
            return
        status, headers = answer.status_code, answer.headers
        if status in BUSY:
            after = _retry_after(headers.get("Retry-After"))
            raise _AgainError(f"the server answers {status}", after)
        start = self._partial.stat().st_size if self._partial.is_file() else 0
        begins = headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
        if status == 416 or (status == 206 and begins != str(start)):
            forget(self._partial)
            raise _AgainError(f"the server answers {status} with another part of the file", 0.0)
        if status not in (200, 206):
            raise BenchError(f"the server answers {status} {answer.reason}.")
        length = headers.get("Content-Length")
        chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
        if length is None and not chunked and not self._known:
            raise BenchError(
                "the server does not say how long the file is, and no hash is known, so that a "
                "part of it would look like the whole."
            )
        self._there = start if status == 206 else 0
        self._whole = self._there + int(length) if length else None
        self._html = "html" in headers.get("Content-Type", "").lower()
        if not self._there:
            self._partial.write_bytes(b"")
        note = {"url": self._url, "etag": headers.get("ETag", "")}
        _about(self._partial).write_text(json.dumps(note))

    def write(self, piece: bytes) -> None:
        """Append what came."""
        if not self._there and _is_page(piece, html=self._html):
            forget(self._partial)
            raise PageError(
                "a web page came in place of the file, such as one that asks for a click or says "
                "that a quota is used up."
            )
        with self._partial.open("ab") as stream:
            stream.write(piece)
        self._there += len(piece)
        self._progress(self._there, self._whole)

    def flush(self) -> None:
        """Nothing is held back."""


def _about(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}.json")


def _headers_to_go_on(url: str, partial: Path) -> dict[str, str]:
    """Ask for the rest where the beginning is certain to be of the same content."""
    # Compressed transfers have another length than their content.
    headers = {"Accept-Encoding": "identity"}
    try:
        known = json.loads(_about(partial).read_text())
    except (OSError, ValueError):
        known = {}
    tag = known.get("etag", "")
    start = partial.stat().st_size if partial.is_file() else 0
    if start and known.get("url") == url and tag and not tag.startswith("W/"):
        headers |= {"Range": f"bytes={start}-", "If-Range": tag}
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


def _is_page(start: bytes, *, html: bool) -> bool:
    """Some servers call everything a page; but no table or archive begins with a tag."""
    text = start[:512].lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    return text.startswith((b"<!doctype html", b"<html")) or (html and text.startswith(b"<"))
