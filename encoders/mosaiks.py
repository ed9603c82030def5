"""MOSAIKS: random convolutional features of satellite images, precomputed on a grid."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from satclip_bench.core.errors import BenchError
from satclip_bench.encoders.base import EncoderCard, WeightsCard
from satclip_bench.encoders.lookup.columns import numbered_columns
from satclip_bench.encoders.lookup.nearest import NearestRows, require_max_km
from satclip_bench.encoders.lookup.partial import PartialEncoder, Uncovered
from satclip_bench.encoders.lookup.table import column_names, read_rows
from satclip_bench.encoders.weights.files import PretrainedEncoder, weights_path

FEATURES = r"X_(\d+)"
"""Pattern of the feature columns in tables from api.mosaiks.org, which also have Lat and Lon."""

DIMENSION = 4000

MAX_KM = 1.0
"""Default distance limit: the corners of a cell of 0.01 degrees are at most 0.79 km away."""

WEIGHTS = WeightsCard(
    file="mosaiks.parquet",
    sha256=None,
    licence="not stated; the images are Planet's",
    by_hand="The file is a table of Lat, Lon, X_0, X_1 and so on for the places of interest, from "
    "api.mosaiks.org (registration needed).",
)


class MOSAIKS(PretrainedEncoder, PartialEncoder):
    """Features of the grid cell with the nearest centre.

    Args:
        weights: CSV or Parquet table; by default `mosaiks.parquet` in the cache.
        max_km: largest distance to the centre of a cell; None for no limit.
        uncovered: treatment of points without a cell: `zeros` or `error`.
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
        # The card must be available even if the table is missing or damaged.
        with suppress(BenchError):
            path = self._given or weights_path(WEIGHTS)
            dimension = len(numbered_columns(column_names(path), FEATURES, str(path)))
        self.card = EncoderCard(
            name="mosaiks",
            title="MOSAIKS",
            dimension=dimension,
            description="Random convolutional features of the satellite image of the nearest grid "
            "cell, by great-circle distance to the rows of a local table. Points further than "
            "max_km from all of them, such as those at sea, are not covered: their embedding is "
            "zeros with a warning, or an error if uncovered is `error`.",
            citation="Rolf et al. 2021, A generalizable and accessible approach to machine "
            "learning with global satellite imagery, Nature Communications 12, 4392",
            licence=WEIGHTS.licence,
            training_data="no labels; filters are random patches of Planet's visual basemap of "
            "the third quarter of 2019, whose features the table holds",
            weights=WEIGHTS,
            parameters={
                "max_km": "no limit" if max_km is None else max_km,
                "uncovered": uncovered,
            },
            verified=False,
        )

    @cached_property
    def _rows(self) -> NearestRows:
        path = self._weights_file
        places = read_rows(path, lambda columns: numbered_columns([*columns], FEATURES, str(path)))
        return NearestRows(places.lonlat, places.values, self.max_km)

    @override
    def forward(self, lonlat: NDArray[np.float64]) -> NDArray[np.float32]:
        values, covered = self._rows.look_up(lonlat)
        features: NDArray[np.float32] = values.astype(np.float32)
        features[~covered] = np.nan
        return features
