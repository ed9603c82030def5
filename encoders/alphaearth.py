"""AlphaEarth Foundations: annual embeddings of 10 m pixels, from a GeoTIFF or a table."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.core.errors import EncoderError
from satclip_bench.encoders.base import EncoderCard, WeightsCard
from satclip_bench.encoders.lookup import raster
from satclip_bench.encoders.lookup.partial import PartialEncoder, Uncovered
from satclip_bench.encoders.lookup.raster import Raster
from satclip_bench.encoders.lookup.table import (
    NearestRows,
    column_names,
    numbered_columns,
    read_rows,
    require_max_km,
)
from satclip_bench.encoders.weights.files import PretrainedEncoder, weights_path

AXES = r"A(\d\d)"
"""Names of the embedding's axes in tables: A00 to A63."""

DIMENSION = 64

MAX_KM = 0.1
"""How far a table's row may be: coordinates to three decimals are off by up to 0.08 km."""

MASKED = -128

WEIGHTS = WeightsCard(
    file="alphaearth.parquet",
    sha256=None,
    licence="CC-BY-4.0",
    origin="a GeoTIFF of gs://alphaearth_foundations, or a table of lon, lat and A00 to A63, such "
    "as the collection GOOGLE/SATELLITE_EMBEDDING/V1/ANNUAL sampled at points in Earth Engine; "
    "developers.google.com/earth-engine/guides/aef_on_gcs_readme",
)

TRAINING_DATA = (
    "images of Sentinel-1, Sentinel-2 and Landsat 8 and 9; as targets also ALOS PALSAR-2, GEDI, "
    "the Copernicus DEM, ERA5-Land, GRACE, NLCD, and texts of Wikipedia and GBIF at their places"
)

CONTAMINATES = ("air_temperature", "elevation", "inaturalist")
"""Targets were among others ERA5-Land, an elevation model, and GBIF, which holds iNaturalist."""


class AlphaEarth(PretrainedEncoder, PartialEncoder):
    """The embedding of the pixel that a point is in, or of the nearest row of a table.

    Args:
        weights: a GeoTIFF (`.tif`, `.tiff`), or a table (CSV, Parquet); by default
            `alphaearth.parquet` in the cache.
        max_km: rows of a table further away than this are not used; None for no limit.
        uncovered: `zeros` or `error`, for points outside, masked or without a row.
    """

    def __init__(
        self,
        weights: str | Path | None = None,
        max_km: float | None = MAX_KM,
        uncovered: Uncovered = "zeros",
    ) -> None:
        PretrainedEncoder.__init__(self, weights)
        PartialEncoder.__init__(self, uncovered)
        require_max_km(max_km)
        self.max_km = max_km
        dimension = DIMENSION
        # The card has to be there without the file, and whatever is wrong with it.
        with suppress(EncoderError):
            dimension = _dimension(self._given or weights_path(WEIGHTS))
        self.card = EncoderCard(
            name="alphaearth",
            title="AlphaEarth Foundations",
            dimension=dimension,
            description="Annual embeddings of 10 m pixels, from a local GeoTIFF or table of one "
            "year. Bytes are dequantised to unit vectors. Points outside of a raster, masked, or "
            "further than max_km from all rows of a table are not covered: their embedding is "
            "zeros, with a warning, or an error if uncovered is `error`.",
            citation="Brown et al. 2025, AlphaEarth Foundations: An embedding field model for "
            "accurate and efficient global mapping from sparse label data, arXiv 2507.22291",
            licence="CC-BY-4.0; attribution: The AlphaEarth Foundations Satellite Embedding "
            "dataset is produced by Google and Google DeepMind.",
            training_data=TRAINING_DATA,
            contaminates=CONTAMINATES,
            weights=WEIGHTS,
            parameters={
                "max_km": "no limit" if max_km is None else max_km,
                "uncovered": uncovered,
            },
            verified=False,
        )

    @cached_property
    def _source(self) -> Raster | NearestRows:
        path = self._weights_file
        if _is_raster(path):
            return Raster(path)
        return NearestRows(*read_rows(path, AXES), self.max_km)

    @override
    def groups(self, lonlat: NDArray[np.float64]) -> NDArray[np.int64]:
        source = self._source
        return source.tiles(lonlat) if isinstance(source, Raster) else super().groups(lonlat)

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float32]:
        values, known = self._source.look_up(lonlat)
        embedding = np.full(values.shape, np.nan, dtype=np.float32)
        embedding[known] = dequantised(values[known], str(self._weights_file))
        return embedding


def dequantised(values: NDArray[Any], where: str) -> NDArray[np.float32]:
    """Embeddings out of the values of a file, `(n, D)`.

    Released bytes v stand for sign(v) (v / 127.5)^2, after which an embedding has length 1; -128
    is a masked pixel (readme of gs://alphaearth_foundations). Floating-point values are what
    Earth Engine gives: embeddings already.

    Args:
        values: int8, or floating-point.
        where: names the file in messages.

    Returns:
        Rows of NaN where masked.

    Raises:
        EncoderError: another type, or floating-point values beyond 1, which are bytes still.
    """
    if values.dtype == np.int8:
        scaled = values.astype(np.float32) / np.float32(127.5)
        embedding: NDArray[np.float32] = np.sign(scaled) * scaled**2
        embedding[(values == MASKED).any(axis=1)] = np.nan
        return embedding
    if values.dtype.kind != "f":
        raise EncoderError(f"{where} holds {values.dtype}; int8 or floating point is wanted")
    if (np.abs(values) > 1).any():
        raise EncoderError(
            f"{where} holds values up to {np.abs(values).max():g}, but components of unit vectors "
            "are within -1 and 1. Are these the bytes before dequantisation? Give them as int8."
        )
    return values.astype(np.float32)


def _dimension(path: Path) -> int:
    if _is_raster(path):
        return Raster(path).bands
    return len(numbered_columns(column_names(path), AXES, str(path)))


def _is_raster(path: Path) -> bool:
    return path.suffix.lower() in raster.SUFFIXES
