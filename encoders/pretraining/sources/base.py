"""Pairs of an image and a place, in memory or on disk."""

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
    """Images by row."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one: `(bands, rows, columns)`, or `(numbers,)` of an embedding."""
        ...

    def read(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """`(n, *shape)` of the rows, in the type they are kept in."""
        ...


@dataclass(frozen=True)
class Pairs:
    """Images and where they were taken.

    Attributes:
        lonlat: `(N, 2)` degrees, longitude first.
        images: as many, by row.
        divide_by: what makes an image's numbers about 1.
        seen: what they are, for the card of an encoder.
        licence: of the images.
        sha256: of everything that is in memory, or of the list of files.
        notes: what the user should know, such as what was left out.
    """

    lonlat: Float
    images: Images
    divide_by: float
    seen: str
    licence: str
    sha256: str
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.lonlat)


@dataclass(frozen=True)
class InMemory:
    """Images that are one array, `(N, ...)`."""

    array: NDArray[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image."""
        return tuple(self.array.shape[1:])

    def read(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """`(n, *shape)` of the rows."""
        found: NDArray[Any] = self.array[rows]
        return found


def fingerprint(*arrays: NDArray[Any]) -> str:
    """SHA-256 of the arrays' types, shapes and bytes."""
    parts = [f"{a.dtype.str} {a.shape} {sha256_bytes(a.tobytes())}" for a in arrays]
    return sha256_bytes("\n".join(parts).encode())


def fault(image: NDArray[Any]) -> str:
    """What is wrong with an image, `(bands, rows, columns)`; empty if nothing is."""
    if image.dtype.kind == "f":
        finite = np.isfinite(image)
        if not finite.all():
            return f"{image.size - int(finite.sum())} of its {image.size} values are not finite"
    if (image == image.reshape(len(image), -1)[:, :1, None]).all():
        return "it is constant in every band"
    return ""


def require_sound(faults: Sequence[tuple[str, str]], *, skip: bool) -> tuple[str, ...]:
    """A note on images that are left out.

    Args:
        faults: names of images, and what is wrong with each.
        skip: whether they are left out.

    Raises:
        BenchError: there are some, and they should not be left out.
    """
    if not faults:
        return ()
    shown = "; ".join(f"{name}: {what}" for name, what in faults[:3])
    more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
    told = f"{len(faults)} images hold nothing to learn from ({shown}{more})"
    if not skip:
        raise BenchError(f"{told}. Remove them, or leave them out with data.bad: skip")
    return (f"left out: {told}",)
