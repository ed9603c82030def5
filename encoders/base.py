"""The encoder contract: a card, and `encode(lonlat) -> (N, D) float32`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from satclip_bench.core.card import KeyedCard, Version
from satclip_bench.core.dates import Times, TimeUnit
from satclip_bench.core.download.cards import RemoteFile
from satclip_bench.core.errors import (
    FAILURES,
    BenchError,
    EncoderError,
    RowsError,
    UnknownNameError,
)
from satclip_bench.core.registry import unknown_name
from satclip_bench.core.sphere import check_lonlat

Embedding = NDArray[np.float32]

BATCH_SIZE = 8192
"""Number of rows encoded at a time; bounds the memory of the intermediate arrays."""

_BATCH_VALUES = BATCH_SIZE * 4096
"""Values encoded at a time, 268 MB in float64: wider embeddings have fewer rows at a time."""


class WeightsCard(RemoteFile):
    """Card of a weights file, or of a folder of them: a remote file, and where it is kept."""

    folder: Path | None = Field(
        None, exclude=True, description="its folder, if that is not `weights` in the cache"
    )


class EncoderCard(KeyedCard):
    """Metadata of an encoder.

    >>> EncoderCard(name="tilt", title="Tilt", dimension=2).dimension
    2
    """

    name: str
    title: str
    dimension: int = Field(gt=0, description="columns of the embedding")
    description: str = ""
    citation: str = ""
    licence: str = ""
    training_data: str = Field(
        "", description="data that its weights were trained on; empty if untrained"
    )
    contaminates: tuple[str, ...] = Field(
        (), description="tasks whose data, or near copies of it, the encoder was trained on"
    )
    recipe_tasks: tuple[str, ...] = Field(
        (),
        description="tasks of this benchmark whose labels its recipe (architecture, training data "
        "or settings) was chosen with, although it was not trained on them",
    )
    time: Mapping[TimeUnit, int] = Field(
        default_factory=dict,
        description="month or year that `encode` takes for each point, and the one that it takes "
        "for points without a date",
    )
    native_order: Literal["lon, lat", "lat, lon"] = "lon, lat"
    weights: WeightsCard | None = None
    parameters: Mapping[str, str | int | float] = Field(
        default_factory=dict, description="settings that change the embedding"
    )
    verified: bool = Field(
        True, description="whether the encoder has been run with its real weights"
    )
    version: Version = Field(
        1, description="increased when the same name starts to give other numbers"
    )


@runtime_checkable
class LocationEncoder(Protocol):
    """Interface of a location encoder. A class does not have to inherit from it."""

    @property
    def card(self) -> EncoderCard:
        """Metadata of the encoder."""
        ...

    def encode(self, lonlat: ArrayLike, batch_size: int = BATCH_SIZE) -> Embedding:
        """Embed points: `(N, 2)` degrees, longitude first, to `(N, D)` float32."""
        ...


def require_encoder(given: object) -> None:
    """Raise EncoderError unless an object is an encoder: it has a card, and embeds points."""
    if isinstance(given, type):
        raise EncoderError(
            f"{given.__name__} is a class, and an encoder is one of its objects: {given.__name__}()"
        )
    if not isinstance(given, LocationEncoder):
        what = repr(given) if isinstance(given, str) else f"an object of {type(given).__name__}"
        raise EncoderError(
            f"{what} is not an encoder: it needs a `card` and a method `encode`, as the objects of "
            "`get_encoder` and of subclasses of `Encoder` have"
        )


class Encoder(ABC):
    """Base class of encoders: subclasses define `card` and `forward`.

    This class checks the input and splits it into batches. `forward` receives at most one batch of
    valid lonlat, `(n, 2)` float64 degrees, longitude first, longitudes within [-180, 180], and
    returns `(n, dimension)`.

    >>> class Tilt(Encoder):
    ...     card = EncoderCard(name="tilt", title="Tilt", dimension=2)
    ...
    ...     def forward(self, lonlat):
    ...         return np.sin(np.radians(lonlat))
    >>> Tilt().encode([[90.0, 30.0]])
    array([[1. , 0.5]], dtype=float32)
    """

    card: EncoderCard
    _returns_new_arrays: ClassVar[bool] = False
    """Whether nothing else refers to the array that `forward` returns, so that it need not be
    copied if it holds all points."""

    @property
    def weights_sha256(self) -> str:
        """SHA-256 of the weights file in use, part of every record's key; empty without weights."""
        return (self.card.weights.sha256 or "") if self.card.weights else ""

    @abstractmethod
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.floating[Any]]:
        """Embed one batch: `(n, 2)` float64 degrees, longitude first, to `(n, D)`."""

    def encode(self, lonlat: ArrayLike, batch_size: int = BATCH_SIZE) -> Embedding:
        """Embed points.

        Args:
            lonlat: `(N, 2)` degrees WGS84, longitude first, as an array or a torch tensor;
                longitudes up to 360 are wrapped. Or a frame of pandas, Polars or Arrow with columns
                lon and lat, or a GeoDataFrame of points in any CRS.
            batch_size: largest number of rows in the intermediate arrays; does not change the
                result beyond float32 rounding.

        Returns:
            `(N, D)` float32; `(0, D)` for no points.

        Raises:
            CoordinateError: some points are not on the sphere, and the message names their rows;
                or a frame has no such columns or no CRS.
            EncoderError: `forward` did not return finite numbers of shape `(n, D)`.
            ValueError: `batch_size` is below one.
        """
        points = check_lonlat(lonlat)
        return self._in_batches(len(points), batch_size, lambda rows: self.forward(points[rows]))

    def _in_batches(
        self,
        points: int,
        batch_size: int,
        forward: Callable[[slice], NDArray[np.floating[Any]]],
    ) -> Embedding:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, not {batch_size}")
        out = np.empty((points, self.card.dimension), dtype=np.float32)
        batch_size = min(batch_size, max(1, _BATCH_VALUES // self.card.dimension))
        for start in range(0, points, batch_size):
            rows = slice(start, min(start + batch_size, points))
            try:
                batch = require_embedding(forward(rows), rows.stop - start, self.card)
            except RowsError as error:
                raise error.renumbered(range(start, rows.stop)) from None
            if len(batch) == points and self._returns_new_arrays:
                return batch
            out[rows] = batch
        return out


def require_embedding(
    returned: object, rows: int, card: EncoderCard, *, exact_dtype: bool = False
) -> Embedding:
    """Check an embedding and convert it to float32.

    Args:
        returned: return value of an encoder.
        rows: number of points that the encoder was given.
        card: metadata of the encoder.
        exact_dtype: whether to refuse float64 too, since `encode` promises float32.

    Raises:
        EncoderError: `returned` is not a floating-point array, its shape is not
            `(rows, card.dimension)`, or some values are not finite; the message names a row.
    """
    allowed = ("float32",) if exact_dtype else ("float32", "float64")
    if not isinstance(returned, np.ndarray) or returned.dtype.name not in allowed:
        what = str(type(returned))
        if isinstance(returned, np.ndarray):
            what = f"an array of {returned.dtype}"
        raise EncoderError(
            f"encoder {card.name!r} returned {what}; "
            f"it should return a NumPy array of {' or '.join(allowed)}"
        )
    if returned.shape != (rows, card.dimension):
        raise EncoderError(
            f"encoder {card.name!r} returned shape {returned.shape} for {rows} points; "
            f"its card promises ({rows}, {card.dimension})"
        )
    with np.errstate(over="ignore"):
        embedding: Embedding = returned.astype(np.float32, copy=False)
    finite = np.isfinite(embedding)
    if not finite.all():
        bad = np.flatnonzero(~finite.all(axis=1))
        text = (
            f"encoder {card.name!r} returned values that are not finite in float32 for {len(bad)} "
            f"of the {rows} points that it was given at once, such as row "
        )
        raise RowsError([text, ""], bad[:1].tolist())
    return embedding


def call_encoder(
    encoder: LocationEncoder,
    lonlat: NDArray[np.float64],
    where: str,
    times: Times | None = None,
) -> Embedding:
    """Embed points by an encoder of any origin, and check what it returns.

    Args:
        encoder: encoder that is called once, with all points.
        lonlat: `(n, 2)` degrees, longitude first. The encoder gets a copy.
        where: which points these are, for messages, such as `rows 0 to 99`.
        times: months or years of the points, of the units on the encoder's card, `(n,)` each; of
            a unit that is not given, the encoder takes its own value.

    Raises:
        BenchError: the encoder raised; an exception that is not a BenchError is the cause.
        EncoderError: it did not return a float32 embedding of these points.
    """
    encode: Callable[..., Embedding] = encoder.encode
    try:
        embedding = encode(lonlat.copy(), **{u: v.copy() for u, v in (times or {}).items()})
    except BenchError:
        raise
    except FAILURES as error:
        raise EncoderError(
            f"encoder {encoder.card.name!r} raised {type(error).__name__} on {where}: {error}"
        ) from error
    return require_embedding(embedding, len(lonlat), encoder.card, exact_dtype=True)


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
