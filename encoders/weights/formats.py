"""The format of a weights file, and what a refused file is: a pointer, a web page, text."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import BinaryIO, Literal

from satclip_bench.core.download.content import HEAD, stand_in_of
from satclip_bench.core.errors import EncoderError

Format = Literal[
    "a PyTorch checkpoint",
    "a safetensors file",
    "an HDF5 file",
    "an .npz file",
]
ADVICE = "Download the file again, or choose another one."

MAX_RATIO = 20
"""Largest ratio of unpacked to packed bytes of a zip file with weights. Trained weights hardly
compress, and `torch.save` does not compress at all."""
FLOOR = 2**24
"""Unpacked bytes that any zip file with weights may have."""

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a zip file"),
    (b"PK\x05\x06", "an empty zip file"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"PAR1", "a Parquet file"),
    (b"\x93NUMPY", "a .npy file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"7z\xbc\xaf", "a 7-Zip file"),
    (b"SQLite format 3", "a SQLite or GeoPackage file"),
    (b"II*\x00", "a TIFF file"),
    (b"%PDF", "a PDF file"),
    (b"\x89PNG", "a PNG image"),
)
_ZIPPED = ("a PyTorch checkpoint", "an .npz file")


def require_format(path: Path, expected: Format) -> None:
    """Raise EncoderError if a file cannot have a certain format, or claims an implausible size.

    Only the file's first bytes and the directory of a zip file are read.

    Args:
        path: existing file.
        expected: format that the encoder reads.

    Raises:
        EncoderError: the file is empty, truncated, a Git LFS pointer, a web page, text or of
            another format; or it is a zip file whose content is much larger than the file.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD)
            size = stream.seek(0, io.SEEK_END)
            if what := what_instead(head, size, expected):
                raise EncoderError(f"{path} is {what}, not {expected}. {ADVICE}")
            if head.startswith(b"PK"):
                _require_plausible_zip(path, stream, size)
    except OSError as error:
        raise EncoderError(f"{path} cannot be read: {error.strerror or error}") from error


def what_instead(head: bytes, size: int, expected: Format) -> str:
    """What a file is that cannot have a certain format; empty if it may have it.

    Args:
        head: first bytes of the file, up to 512.
        size: bytes of the whole file.
        expected: format that the encoder reads.

    >>> what_instead(b"version https://git-lfs.github.com/spec/v1", 130, "an HDF5 file")
    'a Git LFS pointer of 130 bytes, which names the weights but does not contain them'
    >>> what_instead(b"PK", 2, "a safetensors file")
    "text that begins with 'PK'"
    """
    if not size:
        return "empty"
    if stand_in := _stand_in(head, size):
        return stand_in
    actual = _format(head)
    if actual == expected or (actual == "a zip file" and expected in _ZIPPED):
        return ""
    if actual:
        return actual
    # A pickle of protocol 0 is text, and has no other mark than the names in it.
    if expected == "a PyTorch checkpoint":
        return ""
    if _is_text(head):
        return f"text that begins with {head[:40].decode(errors='replace').strip()!r}"
    return "damaged, or a file of an unknown format"


def pointer_or_page(path: Path) -> str:
    """What a file is that is a Git LFS pointer or a web page; empty for any other file."""
    with path.open("rb") as stream:
        return _stand_in(stream.read(HEAD), path.stat().st_size)


def _stand_in(head: bytes, size: int) -> str:
    sentence = stand_in_of(head)
    if "pointer" in sentence:
        return (
            f"a Git LFS pointer of {size:,} bytes, which names the weights but does not contain "
            "them"
        )
    if sentence:
        return f"a web page of {size:,} bytes, perhaps a request for a click or a quota message"
    return ""


def is_text(path: Path) -> bool:
    """Whether a file begins like text."""
    with path.open("rb") as stream:
        return _is_text(stream.read(HEAD))


def _format(head: bytes) -> str:
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    # A safetensors file begins with the length of its header, which is JSON.
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= 100_000_000:
        return "a safetensors file"
    # Pickles of protocols 2 to 5.
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "a PyTorch checkpoint"
    return ""


def _is_text(head: bytes) -> bool:
    return bool(head) and all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in head)


def _require_plausible_zip(path: Path, stream: BinaryIO, size: int) -> None:
    try:
        with zipfile.ZipFile(stream) as archive:
            claimed = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        # zipfile raises the second if a damaged entry asks for a version that does not exist.
        raise EncoderError(
            f"{path} is truncated or damaged: it begins like a zip file of {size:,} bytes, but "
            f"its list of contents cannot be read. {ADVICE}"
        ) from error
    if claimed > max(FLOOR, MAX_RATIO * size):
        raise EncoderError(
            f"{path} has {size:,} bytes but claims to unpack to {claimed:,}. Weights hardly "
            f"compress, so it is refused without being unpacked. {ADVICE}"
        )
