"""What an encoder is: a card, and `encode(lonlat) -> (N, D) float32`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from satclip_bench.core.card import Card
from satclip_bench.core.errors import EncoderError, UnknownNameError
from satclip_bench.core.registry import unknown_name
from satclip_bench.core.sphere import check_lonlat

Embedding = NDArray[np.float32]

BATCH_SIZE = 8192
"""Rows encoded at a time: bounds the memory of the intermediate arrays."""


class WeightsCard(Card):
    """A file of weights, known by its content, or, where that was never seen, by its place."""

    file: str
    sha256: str | None = Field(description="None where the file has never been at hand")
    bytes: int | None = None
    licence: str
    origin: str = Field(description="who published the file, and where it is described")
    distribution: str = Field("", description="pinned package that carries it, as name==version")
    member: str = Field("", description="its path inside the package or the hub's repository")
    hub: str = Field("", description="Hugging Face repository that carries it")
    hub_kind: Literal["model", "dataset"] = "model"
    revision: str = Field("main", description="commit of the hub's repository; main is not pinned")
    url: str = Field("", description="address of the file itself, or of a zip archive")
    archive: str = Field(
        "", description="pattern of the wanted members of the zip archive at url; empty if no zip"
    )
    folder: Path | None = Field(
        None, exclude=True, description="where it lies, if not with the weights in the cache"
    )


class EncoderCard(Card):
    """What is known of an encoder."""

    name: str
    title: str
    dimension: int = Field(gt=0, description="columns of the embedding")
    description: str = ""
    citation: str = ""
    licence: str = ""
    training_data: str = Field("", description="what its weights have seen; empty if untrained")
    contaminates: tuple[str, ...] = Field(
        (), description="tasks whose data, or near copies of it, it was trained on"
    )
    native_order: Literal["lon, lat", "lat, lon"] = "lon, lat"
    weights: WeightsCard | None = None
    parameters: Mapping[str, str | int | float] = Field(
        default_factory=dict, description="settings that change the embedding"
    )
    verified: bool = Field(True, description="has been run with its real weights")
    version: int = Field(1, description="raised when the same name starts to give other numbers")


@runtime_checkable
class LocationEncoder(Protocol):
    """What the suite asks of an encoder; a class need not inherit anything to be one."""

    @property
    def card(self) -> EncoderCard:
        """What is known of it."""
        ...

    def encode(self, lonlat: ArrayLike, batch_size: int = BATCH_SIZE) -> Embedding:
        """`(N, 2)` degrees, longitude first, to `(N, D)` float32."""
        ...


class Encoder(ABC):
    """The usual way to write one: give `card` and `forward`; checks and batches are done here.

    `forward` receives at most a batch of valid lonlat, `(n, 2)` float64 degrees, longitude first,
    longitudes within [-180, 180], and returns `(n, dimension)`.
    """

    card: EncoderCard

    @property
    def weights_sha256(self) -> str:
        """Of the weights file that is used, part of every record's key; empty if there is none."""
        return (self.card.weights.sha256 or "") if self.card.weights else ""

    @abstractmethod
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.floating[Any]]:
        """The embedding of one batch, `(n, 2)` float64 degrees to `(n, D)`."""

    def encode(self, lonlat: ArrayLike, batch_size: int = BATCH_SIZE) -> Embedding:
        """Embed points.

        Args:
            lonlat: `(N, 2)` degrees WGS84, longitude first, as an array or a torch tensor;
                longitudes to 360 are wrapped. Or a pandas frame with columns lon and lat, or a
                GeoDataFrame of points in any CRS.
            batch_size: rows held in intermediate arrays at a time; does not change the result
                beyond float32 rounding.

        Returns:
            `(N, D)` float32; `(0, D)` for no points.

        Raises:
            CoordinateError: points that are not on the sphere, says which rows; a frame without
                such columns or without a CRS.
            EncoderError: `forward` returned something else than finite `(n, D)` numbers.
            ValueError: a batch size below one.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, not {batch_size}")
        points = check_lonlat(lonlat)
        out = np.empty((len(points), self.card.dimension), dtype=np.float32)
        for start in range(0, len(points), batch_size):
            batch = points[start : start + batch_size]
            out[start : start + len(batch)] = require_embedding(
                self.forward(batch), len(batch), self.card
            )
        return out


def require_embedding(
    found: object, rows: int, card: EncoderCard, *, exact_dtype: bool = False
) -> Embedding:
    """`found` as float32 if it is an embedding of `rows` points by the encoder of `card`.

    Args:
        found: what an encoder returned.
        rows: how many points it was given.
        card: the encoder's card.
        exact_dtype: float64 is refused too, as `encode` promises float32.

    Raises:
        EncoderError: not a floating-point array, other rows or columns than promised, or values
            that are not finite; says which rows.
    """
    wanted = ("float32",) if exact_dtype else ("float32", "float64")
    if not isinstance(found, np.ndarray) or found.dtype.name not in wanted:
        kind = f"an array of {found.dtype}" if isinstance(found, np.ndarray) else str(type(found))
        raise EncoderError(
            f"encoder {card.name!r} returned {kind}; "
            f"it should return a NumPy array of {' or '.join(wanted)}"
        )
    if found.shape != (rows, card.dimension):
        raise EncoderError(
            f"encoder {card.name!r} returned shape {found.shape} for {rows} points; "
            f"its card promises ({rows}, {card.dimension})"
        )
    with np.errstate(over="ignore"):
        embedding: Embedding = found.astype(np.float32, copy=False)
    finite = np.isfinite(embedding)
    if not finite.all():
        bad = np.flatnonzero(~finite.all(axis=1))
        raise EncoderError(
            f"encoder {card.name!r} returned values that are not finite in float32 for "
            f"{len(bad)} of {rows} points, first in row {bad[0]}"
        )
    return embedding


def require_variant(family: str, variant: str, variants: Sequence[str]) -> None:
    """Check that an encoder family has a variant.

    Args:
        family: name of the family, such as `csp`.
        variant: the part of the encoder's name after the dot.
        variants: all variants of the family.

    Raises:
        UnknownNameError: the family has no such variant; the message proposes similar names.
    """
    if variant not in variants:
        names = [f"{family}.{known}" for known in variants]
        raise UnknownNameError(unknown_name("encoder", f"{family}.{variant}", names))
