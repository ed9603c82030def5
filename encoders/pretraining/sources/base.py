"""Pairs of an image and its location, in memory or on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from satclip_bench.core.errors import BenchError
from satclip_bench.core.files import sha256_bytes

Float = NDArray[np.float64]


class Images(Protocol):
    """Interface of a collection of images, numbered by row."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one image, `(bands, rows, columns)`, or of an embedding, `(numbers,)`."""
        ...

    def read(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Images of the rows, `(n, *shape)`, in the data type in which they are stored."""
        ...


@dataclass(frozen=True)
class Pairs:
    """Images and the locations at which they were taken.

    Attributes:
        lonlat: `(N, 2)` degrees, longitude first.
        images: N images, by row.
        divide_by: divisor that scales the values of images to about 1.
        training_data: description of the images, for the card of an encoder.
        licence: licence of the images.
        sha256: SHA-256 of all data in memory, or of the list of files.
        notes: messages for the user, such as which images were left out.
    """

    lonlat: Float
    images: Images
    divide_by: float
    training_data: str
    licence: str
    sha256: str
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.lonlat)


@dataclass(frozen=True)
class InMemory:
    """Images in one array, `(N, ...)`."""

    array: NDArray[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one image."""
        return tuple(self.array.shape[1:])

    def read(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Images of the rows, `(n, *shape)`."""
        images: NDArray[Any] = self.array[rows]
        return images


def fingerprint(*arrays: NDArray[Any]) -> str:
    """SHA-256 of the data types, shapes and bytes of arrays."""
    parts = [f"{a.dtype.str} {a.shape} {sha256_bytes(a.tobytes())}" for a in arrays]
    return sha256_bytes("\n".join(parts).encode())


def image_fault(image: NDArray[Any]) -> str:
    """Description of what is wrong with an image, `(bands, rows, columns)`; empty if it is valid.

    >>> image_fault(np.ones((3, 2, 2)))
    'it is constant in every band'
    """
    if image.dtype.kind == "f":
        finite = np.isfinite(image)
        if not finite.all():
            return f"{image.size - int(finite.sum())} of its {image.size} values are not finite"
    if (image == image.reshape(len(image), -1)[:, :1, None]).all():
        return "it is constant in every band"
    return ""


def check_faults(faults: Sequence[tuple[str, str]], *, skip: bool) -> tuple[str, ...]:
    """Return a note on images that are left out, or refuse them.

    Args:
        faults: names of invalid images, and what is wrong with each.
        skip: whether invalid images are left out.

    Raises:
        BenchError: some images are invalid and `skip` is false.
    """
    if not faults:
        return ()
    shown = "; ".join(f"{name}: {what}" for name, what in faults[:3])
    more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
    message = f"{len(faults)} images have no usable data ({shown}{more})"
    if not skip:
        raise BenchError(f"{message}. Remove them, or leave them out with data.bad: skip")
    return (f"left out: {message}",)
