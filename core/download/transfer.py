"""Transfer of a URL's content into a partial file that a later attempt can complete."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from satclip_bench.core.download.content import HEAD, WrongContentError, stand_in_of
from satclip_bench.core.errors import BenchError

if TYPE_CHECKING:
    import requests

Progress = Callable[[int, int | None], None]
"""Called with the bytes received so far, and their total (None if the server does not say)."""

TIMEOUT = (15.0, 60.0)
"""Seconds to connect, and between two pieces."""
ATTEMPTS = 4
"""Attempts per URL, each of which continues where the last one stopped."""
PAUSE = 1.0
"""Seconds before the second attempt; doubled for each further one."""
LONGEST_PAUSE = 120.0
BUSY = (429, 500, 502, 503, 504)
PIECE = 2**18


class _AgainError(Exception):
    """A failure that another attempt may fix, after some seconds (None: after the usual pause)."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


def transfer(url: str, partial: Path, progress: Progress, *, known: bool) -> None:
    """Download the content of a URL; continue a partial file of the same content.

    Args:
        url: address of the content.
        partial: file that receives it; complete when this returns.
        progress: called after every piece.
        known: whether the caller can tell a part from the whole by its hash.

    Raises:
        WrongContentError: a web page or a Git LFS pointer came instead.
        BenchError: the server refuses, stays busy or does not answer; or the content's hash is
            not known and the server does not say where it ends.
        OSError: the partial file cannot be written.
    """
    import requests

    pause = PAUSE
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _attempt(url, partial, progress, known=known)
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
    """Delete a partial file and the note beside it that says what it is a part of."""
    partial.unlink(missing_ok=True)
    _note(partial).unlink(missing_ok=True)


def reason(error: BaseException) -> str:
    """What went wrong, in one sentence, from the innermost error.

    >>> reason(ValueError("no such repository"))
    'ValueError: no such repository.'
    """
    # HTTP clients name the cause, such as a status, in the innermost error alone.
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}".rstrip(".") + "."


def _attempt(url: str, partial: Path, progress: Progress, *, known: bool) -> None:
    import requests

    headers = _request_headers(url, partial)
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        start = _require_content(response, partial)
        length = response.headers.get("Content-Length")
        chunked = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
        if length is None and not chunked and not known:
            raise BenchError(
                "the server does not say how long the file is, and no hash is known, so that a "
                "part of it would look like the whole."
            )
        whole = start + int(length) if length else None
        html = "html" in response.headers.get("Content-Type", "").lower()
        if not start:
            partial.write_bytes(b"")
        note = {"url": url, "etag": response.headers.get("ETag", "")}
        _note(partial).write_text(json.dumps(note))
        for piece in response.iter_content(PIECE):
            if not start and (what := stand_in_of(piece[:HEAD], html=html)):
                forget(partial)
                raise WrongContentError(f"{what}.")
            with partial.open("ab") as stream:
                stream.write(piece)
            start += len(piece)
            progress(start, whole)
    if whole is not None and start < whole:
        raise _AgainError(f"the connection was closed after {start:,} of {whole:,} bytes")
    _note(partial).unlink(missing_ok=True)


def _require_content(response: requests.Response, partial: Path) -> int:
    """Position in the file at which the content of an answer begins.

    Raises:
        _AgainError: the server is busy, or sent another part of the file than asked for.
        BenchError: the server refuses.
    """
    status = response.status_code
    if status in BUSY:
        after = _retry_after(response.headers.get("Retry-After"))
        raise _AgainError(f"the server answers {status}", after)
    size = partial.stat().st_size if partial.is_file() else 0
    begins = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    if status == 416 or (status == 206 and begins != str(size)):
        forget(partial)
        raise _AgainError(f"the server answers {status} with another part of the file", 0.0)
    if status not in (200, 206):
        raise BenchError(f"the server answers {status} {response.reason}.")
    return size if status == 206 else 0


def _note(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}.json")


def _request_headers(url: str, partial: Path) -> dict[str, str]:
    """Headers that ask for the rest of a file if its beginning is certain to be the same."""
    # Compressed transfers have another length than their content.
    headers = {"Accept-Encoding": "identity"}
    try:
        known = json.loads(_note(partial).read_text())
    except (OSError, ValueError):
        known = {}
    tag = known.get("etag", "")
    start = partial.stat().st_size if partial.is_file() else 0
    if start and known.get("url") == url and tag and not tag.startswith("W/"):
        headers |= {"Range": f"bytes={start}-", "If-Range": tag}
    return headers


def _retry_after(value: str | None) -> float | None:
    """Seconds of a `Retry-After` header, which holds a number or a date."""
    from email.utils import parsedate_to_datetime

    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
