"""AlphaEarth Foundations: annual embeddings of 10 m pixels, read from a GeoTIFF or a table."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.core.errors import BenchError, EncoderError
from satclip_bench.encoders.base import EncoderCard, WeightsCard
from satclip_bench.encoders.lookup import raster
from satclip_bench.encoders.lookup.columns import numbered_columns
from satclip_bench.encoders.lookup.nearest import NearestRows, require_max_km
from satclip_bench.encoders.lookup.partial import PartialEncoder, Uncovered
from satclip_bench.encoders.lookup.raster import Raster
from satclip_bench.encoders.lookup.table import column_names, read_rows
from satclip_bench.encoders.weights.files import PretrainedEncoder, weights_path

AXES = r"A(\d\d)"
"""Pattern of the embedding's columns in tables: A00 to A63."""

DIMENSION = 64

MAX_KM = 0.1
"""Default largest distance to a row; rounding to three decimals moves a point by up to 0.08 km."""

MASKED = -128
"""Byte of masked pixels."""

WEIGHTS = WeightsCard(
    file="alphaearth.parquet",
    sha256=None,
    licence="CC-BY-4.0",
    by_hand="The file is a GeoTIFF of gs://alphaearth_foundations, or a table of lon, lat and A00 "
    "to A63, such as the collection GOOGLE/SATELLITE_EMBEDDING/V1/ANNUAL sampled at points in "
    "Earth Engine (developers.google.com/earth-engine/guides/aef_on_gcs_readme).",
)

TRAINING_DATA = (
    "images of Sentinel-1, Sentinel-2 and Landsat 8 and 9; as targets also ALOS PALSAR-2, GEDI, "
    "the Copernicus DEM, ERA5-Land, GRACE, NLCD, and texts of Wikipedia and GBIF at their places"
)

CONTAMINATES = (
    *("air_temperature", "maximum_temperature", "precipitation", "koppen_geiger", "land_cover"),
    *("elevation", "airport_elevation", "inaturalist"),
)
"""Training targets included ERA5-Land, NLCD's land cover of the United States, an elevation model,
and GBIF, which contains iNaturalist."""


class AlphaEarth(PretrainedEncoder, PartialEncoder):
    """Embedding of the pixel that contains a point, or of the nearest row of a table.

    Args:
        weights: GeoTIFF (`.tif`, `.tiff`) or table (CSV, Parquet); by default
            `alphaearth.parquet` in the cache.
        max_km: largest distance to a row of a table; None for no limit.
        uncovered: treatment of points that are outside, masked or too far from all rows: `zeros` or
            `error`.
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
        dimension, reading = DIMENSION, dict[str, str]()
        # The card must be available even if the file is missing or damaged.
        with suppress(BenchError):
            dimension, reading = _layout(self._given or weights_path(WEIGHTS))
        self.card = EncoderCard(
            name="alphaearth",
            title="AlphaEarth Foundations",
            dimension=dimension,
            description="Annual embeddings of 10 m pixels, from a local GeoTIFF or table of one "
            "year. Bytes are dequantised to unit vectors. Points outside of a raster, masked, or "
            "further than max_km from all rows of a table are not covered: their embedding is "
            "zeros with a warning, or an error if uncovered is `error`.",
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
                **reading,
            },
            verified=False,
        )

    @cached_property
    def _source(self) -> Raster | NearestRows:
        path = self._weights_file
        if _is_raster(path):
            return Raster(path)
        places = read_rows(path, lambda columns: numbered_columns([*columns], AXES, str(path)))
        return NearestRows(places.lonlat, places.values, self.max_km)

    @override
    def groups(self, lonlat: NDArray[np.float64]) -> NDArray[np.int64]:
        source = self._source
        return source.tiles(lonlat) if isinstance(source, Raster) else super().groups(lonlat)

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float32]:
        values, covered = self._source.look_up(lonlat)
        embedding = np.full(values.shape, np.nan, dtype=np.float32)
        embedding[covered] = dequantise(values[covered], str(self._weights_file))
        return embedding


def dequantise(values: NDArray[Any], where: str) -> NDArray[np.float32]:
    """Convert the stored values of a file to embeddings, `(n, D)`.

    Released bytes v stand for sign(v) (v / 127.5)^2, which gives embeddings of length 1; -128 is a
    masked pixel (readme of gs://alphaearth_foundations). Floating-point values, as Earth Engine
    returns them, are embeddings already.

    Args:
        values: stored values, `(n, D)`, int8 or floating-point.
        where: name of the file in messages.

    Returns:
        Embeddings, with rows of NaN for masked pixels.

    Raises:
        EncoderError: the values have another type, or are floating-point numbers above 1 in
            magnitude, which are bytes that were not dequantised.

    >>> dequantise(np.array([[127, -64], [-128, -128]], np.int8), "the file").round(3)
    array([[ 0.992, -0.252],
           [   nan,    nan]], dtype=float32)
    """
    if values.dtype == np.int8:
        scaled = values.astype(np.float32) / np.float32(127.5)
        embedding: NDArray[np.float32] = np.sign(scaled) * scaled**2
        embedding[(values == MASKED).any(axis=1)] = np.nan
        return embedding
    if values.dtype.kind != "f":
        raise EncoderError(
            f"{where} holds {values.dtype}; it should hold int8 or floating-point values"
        )
    if (np.abs(values) > 1).any():
        raise EncoderError(
            f"{where} holds values up to {np.abs(values).max():g}, but components of unit vectors "
            "lie between -1 and 1. Are these bytes before dequantisation? Give them as int8."
        )
    return values.astype(np.float32)


def _layout(path: Path) -> tuple[int, dict[str, str]]:
    """Number of columns of the embedding, and how a raster is read."""
    if _is_raster(path):
        pixels = Raster(path)
        return pixels.bands, pixels.parameters
    return len(numbered_columns(column_names(path), AXES, str(path))), {}


def _is_raster(path: Path) -> bool:
    return path.suffix.lower() in raster.SUFFIXES
